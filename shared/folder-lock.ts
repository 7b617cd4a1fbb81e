/**
 * One owner a folder. PGlite opens a folder twice without a word and ruins it (pglite#1106), and two agents on one
 * data folder would answer for one device, so whoever writes in a folder holds its lock file first.
 *
 * The file names its holder by pid, the pid's start time and the boot: after kill -9 or a power cut the next owner sees
 * that nobody is there and takes over. Two machines (or two pid namespaces) that share a folder are not told apart.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { StarlingError } from './errors.ts'

export const LOCK_FILE = 'starling.lock'

const Holder = v.object({
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  started: v.string(),
  boot: v.string(),
  purpose: v.string(),
  token: v.string(),
})
type Holder = v.InferOutput<typeof Holder>

export class FolderLocked extends StarlingError {
  override readonly code = 'folder_locked'
  readonly pid: number
  readonly purpose: string

  constructor(dir: string, holder: { readonly pid: number; readonly purpose: string }) {
    super(`${dir} is in use by process ${String(holder.pid)} (${holder.purpose})`, {
      remedy: `Stop process ${String(holder.pid)}, or use another folder.`,
      details: { dir, pid: holder.pid, purpose: holder.purpose },
    })
    this.pid = holder.pid
    this.purpose = holder.purpose
  }
}

export interface FolderLock {
  readonly dir: string
  /** Gives the folder back; a second call does nothing. */
  release(): void
}

/** Takeovers tried before giving up: each failure means that another process was quicker, who then holds the lock. */
const TAKEOVER_LIMIT = 5

/**
 * Takes `dir` (made when missing) for this process. Synchronous, so that a process holds it before anything else happens.
 * Throws {@link FolderLocked} with the holder's pid while another living process, or this one, has it.
 */
export function takeFolderLock(dir: string, purpose: string): FolderLock {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, LOCK_FILE)
  const mine: Holder = {
    pid: process.pid,
    started: startTime(process.pid),
    boot: bootId(),
    purpose,
    token: randomUUID(),
  }
  for (let attempt = 0; attempt < TAKEOVER_LIMIT; attempt++) {
    if (place(path, mine)) return held(dir, path, mine)
    const holder = read(path)
    if (holder === 'gone') continue
    if (holder !== 'unreadable' && isAlive(holder)) throw new FolderLocked(dir, holder)
    remove(path, holder === 'unreadable' ? undefined : holder.token)
  }
  const holder = read(path)
  throw new FolderLocked(dir, typeof holder === 'string' ? { pid: 0, purpose: 'unknown' } : holder)
}

function held(dir: string, path: string, mine: Holder): FolderLock {
  let released = false
  return {
    dir,
    release: () => {
      if (released) return
      released = true
      remove(path, mine.token)
    },
  }
}

/** Writes the file aside and links it in place: it appears whole, and only where there is none. */
function place(path: string, mine: Holder): boolean {
  const aside = `${path}.${mine.token}`
  const fd = openSync(aside, 'wx', 0o600)
  try {
    writeSync(fd, JSON.stringify(mine))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  try {
    linkSync(aside, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Removes the lock only if it still carries `token`: between reading and removing, another process may have taken over. */
function remove(path: string, token: string | undefined): void {
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  const moved = read(aside)
  if (typeof moved !== 'string' && moved.token !== token) {
    try {
      linkSync(aside, path)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
  rmSync(aside, { force: true })
}

function read(path: string): Holder | 'gone' | 'unreadable' {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'gone'
    throw error
  }
  try {
    const parsed = v.safeParse(Holder, JSON.parse(text))
    return parsed.success ? parsed.output : 'unreadable'
  } catch {
    // A power cut can leave the name without its contents; such a file has no living holder.
    return 'unreadable'
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.boot !== bootId()) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    if (errorCode(error) !== 'EPERM') return false
  }
  const started = startTime(holder.pid)
  return started === '' || holder.started === '' || started === holder.started
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; empty where there is no /proc, and then the pid alone decides. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    // The command, in parentheses, may itself hold blanks and parentheses: count from the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
