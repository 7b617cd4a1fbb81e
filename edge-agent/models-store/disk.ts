/**
 * The few changes that the store and the installer make to the disk, as a port: tests cut the power between (and inside)
 * any two of them. Reading has no effect and goes to `node:fs` directly.
 */
import { link, mkdir, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

export interface Disk {
  /** Makes the folder and its parents, their names durable: what is synced in a folder that a power cut takes away is lost all the same. */
  makeFolder(path: string): Promise<void>
  /** Writes at an offset, making the file when it is missing. Not durable before {@link Disk.sync}. */
  writeAt(path: string, offsetBytes: number, bytes: Uint8Array): Promise<void>
  /** Makes a file's bytes, or a folder's names, durable. */
  sync(path: string): Promise<void>
  /** Replaces `to` in one step. */
  rename(from: string, to: string): Promise<void>
  /** Gives one file a second name. */
  link(from: string, to: string): Promise<void>
  /** Removes a file or a folder with all in it; a missing one is no error. */
  remove(path: string): Promise<void>
  /** Bytes that may still be written under a folder that is there. */
  freeBytes(folder: string): Promise<number>
}

export const realDisk: Disk = {
  makeFolder: async (path) => {
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    const outermost = dirname(resolve(first))
    for (let made = resolve(path); made !== outermost; made = dirname(made)) await syncPath(dirname(made))
  },
  writeAt: async (path, offsetBytes, bytes) => {
    const file = await open(path, 'a', 0o600).then(async (made) => {
      await made.close()
      return await open(path, 'r+')
    })
    try {
      await file.write(bytes, 0, bytes.length, offsetBytes)
    } finally {
      await file.close()
    }
  },
  sync: syncPath,
  rename: async (from, to) => await rename(from, to),
  link: async (from, to) => await link(from, to),
  remove: async (path) => {
    await rm(path, { recursive: true, force: true })
  },
  freeBytes: async (folder) => {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Replaces a small file so that a reader, at any moment and after any crash, finds the old or the new one, whole. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const temporary = `${path}.new`
  await disk.makeFolder(folder)
  await disk.remove(temporary)
  await disk.writeAt(temporary, 0, bytes)
  await disk.sync(temporary)
  await disk.rename(temporary, path)
  await disk.sync(folder)
}
