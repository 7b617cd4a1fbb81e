// A process that commits until it is killed: prints `{"ready":true}`, then each number once its commit is acknowledged.
// argv: the folder, and the number to start after. Runs compiled code, as Node 20 runs no TypeScript.
import { writeSync } from 'node:fs'
import { openDatabase } from '../../../dist/shared/sql/open-database.js'

const [, , dir, last] = process.argv
const db = await openDatabase({ dir, checkpointEveryMs: 50 })
writeSync(1, '{"ready":true}\n')
for (let n = Number(last) + 1; ; n += 1) {
  await db.transaction(async (tx) => {
    await tx.query('insert into entry (n, text) values ($1, $2)', [n, `entry ${n} `.repeat(40)])
    await tx.query('update total set entries = entries + 1, last = $1', [n])
  })
  // At once and unbuffered: what is printed is acknowledged.
  writeSync(1, `${n}\n`)
}
