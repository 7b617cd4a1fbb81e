/** A folder of files that is there whole or not at all. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Writes `files` beside `target` and puts the folder in its place; when that fails the half is removed and the disk's error thrown. */
export function replaceFolder(target: string, files: ReadonlyMap<string, Uint8Array>): void {
  const fresh = `${target}.new-${process.pid}`
  try {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(fresh, path)), { recursive: true })
      writeFileSync(join(fresh, path), bytes)
    }
    rmSync(target, { recursive: true, force: true })
    renameSync(fresh, target)
  } catch (thrown) {
    rmSync(fresh, { recursive: true, force: true })
    throw thrown
  }
}
