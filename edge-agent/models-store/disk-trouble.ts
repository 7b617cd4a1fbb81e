/** What a disk refuses, in words that an operator can act on: full, failing, or not even asked because the machine has run out. */
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

/** The process or the machine has run out of something: that says nothing of the file, and is over when others let go of it. */
export class MachineExhausted extends StarlingError {
  override readonly code = 'machine_exhausted'
}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])
/** Open files of the process, of the machine, memory, and whatever else is there again later. */
const EXHAUSTED: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])
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

/** The same disk; its refusals are {@link DiskFull}, {@link DiskFailed} and {@link MachineExhausted}. Whatever else is thrown goes on as it is. */
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
export function troubleOf(thrown: unknown, what: string): DiskFull | DiskFailed | MachineExhausted | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null
  if (FULL.has(thrown.code))
    return new DiskFull(`the disk is full: it could not ${what}`, {
      remedy: 'Make room on the disk of the data folder; it goes on by itself at the next round.',
      cause: thrown,
    })
  if (EXHAUSTED.has(thrown.code))
    return new MachineExhausted(`this machine has run out: it could not ${what} (${String(thrown.code)})`, {
      remedy:
        'Nothing is lost, and it is tried again by itself. If this stays, give the process more open files (ulimit -n, LimitNOFILE) or memory.',
      cause: thrown,
    })
  if (!FAILING.has(thrown.code)) return null
  return new DiskFailed(`the disk failed: it could not ${what} (${String(thrown.code)})`, {
    remedy: 'Check the disk of the data folder, and whether it may be written to. What ran before goes on.',
    cause: thrown,
  })
}

/**
 * For a file that was to be read and counts as missing or damaged where the disk does not give it. Throws {@link MachineExhausted}:
 * then nothing may be concluded, and nothing thrown away.
 */
export function nullIfUnreadable(thrown: unknown): null {
  const trouble = troubleOf(thrown, 'read what is held')
  if (trouble instanceof MachineExhausted) throw trouble
  return null
}
