// A process that takes a folder's lock when told `go` on standard input, says whether it did, and holds it until its end.
// argv: the folder. Runs compiled code, as Node 20 runs no TypeScript.
import { once } from 'node:events'
import { takeFolderLock } from '../../dist/shared/folder-lock.js'

process.stdout.write('ready\n')
await once(process.stdin, 'data')
try {
  takeFolderLock(process.argv[2], 'another process')
  process.stdout.write('taken\n')
} catch (error) {
  process.stdout.write(`${error.code}\n`)
}
process.stdin.resume()
