/** What a disk refuses, in words that an operator can act on: full, or failing. */
import { StarlingError } from '../../shared/errors.ts'
import type { Disk } from './disk.ts'

/** Nothing more can be written. What was verified so far stays, and the work goes on when there is room. */
export class DiskFull extends StarlingError {
  override readonly code = 'disk_full'
}

/** The disk did not do what it was asked. */
export class DiskFailed extends StarlingError {
  override readonly code = 'disk_failed'
}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])
/** Of a failing disk, one that may not be written to, or one that is gone. */
const FAILING: ReadonlySet<unknown> = new Set([
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'ENODEV',
  'ENXIO',
  'ESTALE',
  'EUCLEAN',
  'EBADMSG',
  'EFBIG',
])

/** The same disk; its refusals are {@link DiskFull} and {@link DiskFailed}. Whatever else is thrown goes on as it is. */
export function namedTroubles(disk: Disk): Disk {
  const named = async <T>(what: string, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (thrown) {
      throw troubleOf(thrown, what) ?? thrown
    }
  }
  return {
    makeFolder: async (path) => await named(`make ${path}`, disk.makeFolder(path)),
    writeAt: async (path, offset, bytes) => await named(`write ${path}`, disk.writeAt(path, offset, bytes)),
    sync: async (path) => await named(`make ${path} durable`, disk.sync(path)),
    rename: async (from, to) => await named(`rename ${from} to ${to}`, disk.rename(from, to)),
    link: async (from, to) => await named(`link ${from} as ${to}`, disk.link(from, to)),
    remove: async (path) => await named(`remove ${path}`, disk.remove(path)),
    freeBytes: async (folder) => await named(`tell how much room is at ${folder}`, disk.freeBytes(folder)),
  }
}

/** Null for what no disk said. */
export function troubleOf(thrown: unknown, what: string): DiskFull | DiskFailed | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null
  if (FULL.has(thrown.code))
    return new DiskFull(`the disk is full: it could not ${what}`, {
      remedy: 'Make room on the disk of the data folder; it goes on by itself at the next round.',
      cause: thrown,
    })
  if (!FAILING.has(thrown.code)) return null
  return new DiskFailed(`the disk failed: it could not ${what} (${String(thrown.code)})`, {
    remedy: 'Check the disk of the data folder, and whether it may be written to. What ran before goes on.',
    cause: thrown,
  })
}
