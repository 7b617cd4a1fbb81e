/** A disk that takes no time to sync and loses power after a given number of changes, in the middle of a write if it falls on one. */
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'

export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

export interface FailingDisk extends Disk {
  readonly changes: () => number
}

export function failingDisk(afterChanges: number): FailingDisk {
  let changes = 0
  const powered = async (change: () => Promise<void>, torn?: () => Promise<void>): Promise<void> => {
    changes += 1
    if (changes === afterChanges) await torn?.()
    if (changes >= afterChanges) throw new PowerCut(`power cut at change ${changes}`)
    await change()
  }
  return {
    changes: () => changes,
    makeFolder: async (path) => await powered(async () => await realDisk.makeFolder(path)),
    writeAt: async (path, offset, bytes) =>
      await powered(
        async () => await realDisk.writeAt(path, offset, bytes),
        async () => await realDisk.writeAt(path, offset, bytes.subarray(0, Math.floor(bytes.length / 2))),
      ),
    sync: async () => await powered(async () => await Promise.resolve()),
    rename: async (from, to) => await powered(async () => await realDisk.rename(from, to)),
    link: async (from, to) => await powered(async () => await realDisk.link(from, to)),
    remove: async (path) => await powered(async () => await realDisk.remove(path)),
    freeBytes: async (folder) => await realDisk.freeBytes(folder),
  }
}
