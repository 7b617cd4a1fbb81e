/** Disks that take no time to sync and fail at a given change: the power goes in the middle of it, or the system refuses it. */
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'

export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

export interface FailingDisk extends Disk {
  readonly changes: () => number
}

/** Everything from change `afterChanges` on is lost, a write on which it falls by half. */
export function failingDisk(afterChanges: number): FailingDisk {
  return watchedDisk(async (change, torn) => {
    if (change === afterChanges) await torn?.()
    if (change >= afterChanges) throw new PowerCut(`power cut at change ${change}`)
  })
}

/** The system refuses the changes from `first` to `last`, from 1, with this code; a write is done by half. */
export function refusingDisk({
  first,
  last,
  code,
}: {
  readonly first: number
  readonly last: number
  readonly code: 'ENOSPC' | 'EIO'
}): FailingDisk {
  return watchedDisk(async (change, torn) => {
    if (change < first || change > last) return
    await torn?.()
    throw Object.assign(new Error(`${code}: refused at change ${change}`), {
      code,
      errno: -5,
      syscall: 'write',
    })
  })
}

/** Calls `before` each change, with its number; `torn` does a write by half. What it throws is what the change comes to. */
function watchedDisk(before: (change: number, torn?: () => Promise<void>) => Promise<void>): FailingDisk {
  let changes = 0
  const counted = async (change: () => Promise<void>, torn?: () => Promise<void>): Promise<void> => {
    changes += 1
    await before(changes, torn)
    await change()
  }
  return {
    changes: () => changes,
    makeFolder: async (path) => await counted(async () => await realDisk.makeFolder(path)),
    writeAt: async (path, offset, bytes) =>
      await counted(
        async () => await realDisk.writeAt(path, offset, bytes),
        async () => await realDisk.writeAt(path, offset, bytes.subarray(0, Math.floor(bytes.length / 2))),
      ),
    sync: async () => await counted(async () => await Promise.resolve()),
    rename: async (from, to) => await counted(async () => await realDisk.rename(from, to)),
    link: async (from, to) => await counted(async () => await realDisk.link(from, to)),
    remove: async (path) => await counted(async () => await realDisk.remove(path)),
    freeBytes: async (folder) => await realDisk.freeBytes(folder),
  }
}
