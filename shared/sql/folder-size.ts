import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface FolderSize {
  readonly totalBytes: number
  /** Of those, in the named child folder. */
  readonly partBytes: number
}

/** Adds up the files under `dir`. Files come and go meanwhile, so one that is gone counts nothing. */
export async function measureFolder(dir: string, part: string): Promise<FolderSize> {
  const partBytes = await sizeOf(join(dir, part))
  return { totalBytes: await sizeOf(dir), partBytes }
}

async function sizeOf(dir: string): Promise<number> {
  let entries: Dirent[]
  try {
    entries = await readdir(dir, { withFileTypes: true })
  } catch {
    return 0
  }
  let bytes = 0
  for (const entry of entries) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) bytes += await sizeOf(path)
    else
      bytes += await lstat(path).then(
        (found) => found.size,
        () => 0,
      )
  }
  return bytes
}
