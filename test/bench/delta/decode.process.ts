/** `node decode.process.js DIR`: makes `made` of `base` and `delta` there, file to file, and prints what memory that took. */
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeDelta } from '../../../rollout/delta/decode.ts'
import type { RandomAccess } from '../../../rollout/delta/random-access.ts'

const [dir = '.'] = process.argv.slice(2)

async function fileAt(path: string): Promise<RandomAccess & { close(): Promise<void> }> {
  const file = await open(path, 'r')
  return {
    sizeBytes: (await file.stat()).size,
    read: async (offset, into) => {
      const { bytesRead } = await file.read(into, 0, into.length, offset)
      if (bytesRead !== into.length) throw new RangeError(`${path} ends at ${offset + bytesRead}`)
    },
    close: async () => await file.close(),
  }
}

const target = JSON.parse(await readFile(join(dir, 'target.json'), 'utf8')) as {
  sha256: string
  sizeBytes: number
}
const base = await fileAt(join(dir, 'base'))
const delta = await fileAt(join(dir, 'delta'))
const made = await open(join(dir, 'made'), 'w')
const beforeBytes = process.memoryUsage.rss()
const before = process.cpuUsage()
// Not the process's own maximum: a process begins with that of the one that started it.
let most = beforeBytes
for await (const piece of decodeDelta({ base, delta, target })) {
  await made.write(piece)
  most = Math.max(most, process.memoryUsage.rss())
}
const { user, system } = process.cpuUsage(before)
await made.close()
await base.close()
await delta.close()
const grownBytes = most - beforeBytes
process.stdout.write(`${JSON.stringify({ grownBytes, cpuSeconds: (user + system) / 1e6 })}\n`)
