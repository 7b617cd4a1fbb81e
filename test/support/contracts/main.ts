/** `npm run contracts`: publishes what is new or has grown; with `--check`: fails where something breaks, and changes nothing. */
import { contracts, PUBLISHED_DIR, publish, readPublished, review } from './files.ts'

const own = await contracts()
const { stale, faults } = review(own, await readPublished(PUBLISHED_DIR))
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
else if (process.argv.includes('--check')) {
  if (stale.length > 0) console.error(`to be published with \`npm run contracts\`: ${stale.join(', ')}`)
} else for (const name of await publish(PUBLISHED_DIR, own)) console.log(`published ${name}`)
