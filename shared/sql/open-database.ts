/**
 * Opens Starling's embedded PostgreSQL: lock, template, engine. The folder then holds the lock file, `pgdata`, and for an owner
 * that can do without, snapshots and what became of a damaged database (recovery/ladder.ts). Without one, a database that does
 * not open at the second try is {@link DatabaseDamaged}, and is left as it is.
 */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { StarlingError } from '../errors.ts'
import { FolderLocked, FolderUnusable, takeFolderLock } from '../folder-lock.ts'
import type { FolderLock } from '../folder-lock.ts'
import { EmbeddedDatabase, STATEMENT_LIMIT_MS, TRANSACTION_LIMIT_MS } from './embedded-database.ts'
import { DatabaseDamaged, DatabaseLocked, DiskFull } from './errors.ts'
import { Meters } from './meters.ts'
import { isNoSpace } from './no-space.ts'
import { openByLadder, SNAPSHOT_FOLDER, suspect, type Owner } from './recovery/ladder.ts'
import { SnapshotSchedule } from './recovery/snapshot-schedule.ts'
import { placeTemplate } from './template/place-template.ts'
import { CHECKPOINT_EVERY_MS, scheduleUpkeep } from './upkeep.ts'
import { OpenFailed, WorkerLink } from './worker-link.ts'
import type { LinkPlace } from './worker-link.ts'

/** Replay of the bounded log takes seconds; an engine that is silent for longer will not answer. */
const OPEN_LIMIT_MS = 120_000
const OPEN_ATTEMPTS = 2

export interface OpenDatabaseOptions {
  /** Made when missing; its own, nothing else belongs in it. */
  readonly dir: string
  readonly clock?: Clock
  /** Default {@link CHECKPOINT_EVERY_MS}. */
  readonly checkpointEveryMs?: number
  /** Default {@link TRANSACTION_LIMIT_MS}. */
  readonly transactionLimitMs?: number
  /** Default {@link STATEMENT_LIMIT_MS}. */
  readonly statementLimitMs?: number
  /** Ends the opening, not the open database. */
  readonly signal?: AbortSignal
  /** Called at most once, when the engine died and cannot be started again, or damage was met. */
  readonly onFatal?: (error: StarlingError) => void
  /** Given by whoever can fill a lost database anew: snapshots are made, and the ladder is climbed instead of refusing. */
  readonly owner?: Owner
}

/**
 * Opens the database in `dir`, made from the template when it is new.
 * Throws DatabaseLocked, DatabaseDamaged, DiskFull, TemplateDamaged, FolderUnusable, or the signal's reason; then nothing
 * is held.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<EmbeddedDatabase> {
  options.signal?.throwIfAborted()
  const { dir } = options
  const lock = lockFolder(dir)
  try {
    const { owner, onFatal, clock = systemClock } = options
    const dataDir = join(dir, 'pgdata')
    const meters = new Meters()
    const place = { dir, statementLimitMs: options.statementLimitMs ?? STATEMENT_LIMIT_MS }
    const input = { dataDir, meters: meters.memory }
    const { link, recovery } =
      owner === undefined
        ? { link: await openOrRefuse(place, input, options.signal), recovery: null }
        : await openByLadder({
            dir,
            dataDir,
            clock,
            owner,
            signal: options.signal,
            start: async () => await startOnce(place, input, options.signal),
          })
    let stopUpkeep = (): void => undefined
    const database = new EmbeddedDatabase(link, {
      dir,
      dataDir,
      meters,
      clock,
      recovery,
      transactionLimitMs: options.transactionLimitMs ?? TRANSACTION_LIMIT_MS,
      start: async () => await startEngine(place, input),
      onClosed: () => {
        stopUpkeep()
        lock.release()
      },
      onFatal: (error) => onFatal?.(error),
      onDamage: (error) => {
        if (owner !== undefined)
          void suspectAndEnd({ dir, clock, ...(onFatal === undefined ? {} : { onFatal }) }, error)
      },
    })
    const snapshots =
      owner === undefined ? null : await SnapshotSchedule.open(join(dir, SNAPSHOT_FOLDER), clock)
    stopUpkeep = scheduleUpkeep(database, options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS, snapshots)
    return database
  } catch (error) {
    lock.release()
    throw error
  }
}

function lockFolder(dir: string): FolderLock {
  try {
    return takeFolderLock(dir, 'database')
  } catch (error) {
    if (error instanceof FolderLocked) throw new DatabaseLocked(dir, error.pid, error)
    throw error instanceof FolderUnusable && isNoSpace(error.cause)
      ? new DiskFull(dir, 'not-applied', error)
      : error
  }
}

/** Nothing more is asked of a database that is damaged; without the note, the next opening finds the damage by itself. */
async function suspectAndEnd(
  { dir, clock, onFatal }: Pick<OpenDatabaseOptions, 'dir' | 'onFatal'> & { readonly clock: Clock },
  error: StarlingError,
): Promise<void> {
  await suspect(dir, error.message, clock).catch(() => undefined)
  onFatal?.(error)
}

interface EngineInput {
  readonly dataDir: string
  readonly meters: SharedArrayBuffer
}

async function openOrRefuse(place: LinkPlace, input: EngineInput, signal?: AbortSignal): Promise<WorkerLink> {
  if (!existsSync(input.dataDir)) await placeTemplate(input.dataDir)
  return await startEngine(place, input, signal)
}

async function startEngine(place: LinkPlace, input: EngineInput, signal?: AbortSignal): Promise<WorkerLink> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(place, input, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof DiskFull) throw error
      if (attempt === OPEN_ATTEMPTS) throw new DatabaseDamaged(place.dir, error)
    }
  }
}

/** Throws DiskFull, the signal's reason, or whatever the engine said. */
async function startOnce(place: LinkPlace, input: EngineInput, signal?: AbortSignal): Promise<WorkerLink> {
  // What sorts of a killed engine spilled to the disk: elsewhere the postmaster removes it, and PGlite has none.
  await rm(join(input.dataDir, 'base', 'pgsql_tmp'), { recursive: true, force: true })
  // A power cut can leave PostgreSQL's own lock file empty, which it then refuses; the folder's lock is ours.
  await rm(join(input.dataDir, 'postmaster.pid'), { force: true })
  // Where it is missing PGlite would make a new cluster, without a word, over what is left of the old one.
  if (!existsSync(join(input.dataDir, 'PG_VERSION'))) throw new OpenFailed('PG_VERSION is missing', false)
  const limit = AbortSignal.timeout(OPEN_LIMIT_MS)
  try {
    return await WorkerLink.start(
      place,
      input,
      signal === undefined ? limit : AbortSignal.any([signal, limit]),
    )
  } catch (error) {
    if (error instanceof OpenFailed && error.diskFull) throw new DiskFull(place.dir, 'not-applied', error)
    throw error
  }
}
