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

/** No lock can be written there: no right, no space, or no folder. The system's error is the cause. */
export class FolderUnusable extends StarlingError {
  override readonly code = 'folder_unusable'

  constructor(dir: string, cause: unknown) {
    super(`${dir} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, {
      remedy: `Make sure that ${dir} is a folder, that this user may write in it, and that its disk has space.`,
      details: { dir },
      cause,
    })
  }
}

export interface FolderLock {
  readonly dir: string
  /** Gives the folder back; a second call does nothing. */
  release(): void
}

/** Tries before giving up: each failure means that another process was quicker, who then holds the lock. */
const ATTEMPT_LIMIT = 5

/**
 * Takes `dir` (made when missing) for this process. Synchronous, so that a process holds it before anything else happens.
 * Throws {@link FolderLocked} with the holder's pid while another living process, or this one, has it; {@link FolderUnusable}.
 */
export function takeFolderLock(dir: string, purpose: string): FolderLock {
  const path = join(dir, LOCK_FILE)
  const mine: Holder = {
    pid: process.pid,
    started: startTime(process.pid),
    boot: bootId(),
    purpose,
    token: randomUUID(),
  }
  try {
    mkdirSync(dir, { recursive: true })
    take(dir, path, mine)
  } catch (error) {
    throw error instanceof FolderLocked ? error : new FolderUnusable(dir, error)
  }
  let released = false
  return {
    dir,
    release: () => {
      if (!released) remove(path, mine)
      released = true
    },
  }
}

function take(dir: string, path: string, mine: Holder): void {
  for (let attempt = 0; attempt < ATTEMPT_LIMIT; attempt++) {
    if (place(path, mine, linkSync)) return
    const holder = read(path)
    if (holder === 'gone') continue
    if (holder !== 'unreadable' && isAlive(holder)) throw new FolderLocked(dir, holder)
    if (succeed(dir, path, mine, holder)) return
  }
  const holder = read(path)
  throw new FolderLocked(dir, typeof holder === 'string' ? { pid: 0, purpose: 'unknown' } : holder)
}

/**
 * Puts `mine` in the place of a dead holder. Of all who found that one dead, only the holder of a second lock, named after
 * it, may do so, and only while its file is still there: without that, the slowest of three would remove a living one's.
 */
function succeed(dir: string, path: string, mine: Holder, dead: Holder | 'unreadable'): boolean {
  const claim = `${path}.${tokenOf(dead)}`
  take(dir, claim, mine)
  try {
    const now = read(path)
    return now !== 'gone' && tokenOf(now) === tokenOf(dead) && place(path, mine, renameSync)
  } finally {
    remove(claim, mine)
  }
}

/** The name of a second lock: a token is as it was read, so it must not lead elsewhere. */
function tokenOf(holder: Holder | 'unreadable'): string {
  return typeof holder === 'string' ? holder : holder.token.replaceAll(/[^0-9a-z-]/g, '')
}

/** Writes the file aside and puts it in place by `put`: it appears whole; with link, only where there is none. */
function place(path: string, mine: Holder, put: (from: string, to: string) => void): boolean {
  const aside = `${path}.${randomUUID()}`
  try {
    const fd = openSync(aside, 'wx', 0o600)
    try {
      writeSync(fd, JSON.stringify(mine))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    put(aside, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Removes what is ours; while we live nobody else may put another in its place, unless it was tampered with. */
function remove(path: string, mine: Holder): void {
  const holder = read(path)
  if (typeof holder !== 'string' && holder.token === mine.token) rmSync(path, { force: true })
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
