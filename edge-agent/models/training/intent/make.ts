/** The one step of the intent recipe: `node make.js OUT`; `npm run train -- intent` runs it. */
import { join } from 'node:path'
import { makeIntentModel } from './recipe.ts'

const [outDir = '.'] = process.argv.slice(2)
await makeIntentModel({
  outDir,
  workDir: join(outDir, '.made', 'stages'),
  onProgress: (line) => console.log(line),
})
