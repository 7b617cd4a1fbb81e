/**
 * Opens Starling's embedded PostgreSQL: lock, template, engine. The folder then holds the lock file and `pgdata`.
 * The ladder when it will not open: once more, then {@link DatabaseDamaged}.
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
  /** Called at most once, when the engine died and cannot be started again. */
  readonly onFatal?: (error: StarlingError) => void
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
    const dataDir = join(dir, 'pgdata')
    if (!existsSync(dataDir)) await placeTemplate(dataDir)
    const meters = new Meters()
    const place = { dir, statementLimitMs: options.statementLimitMs ?? STATEMENT_LIMIT_MS }
    const start = (signal?: AbortSignal) => startEngine(place, { dataDir, meters: meters.memory }, signal)
    const link = await start(options.signal)
    let stopUpkeep = (): void => undefined
    const database = new EmbeddedDatabase(link, {
      dir,
      dataDir,
      meters,
      clock: options.clock ?? systemClock,
      transactionLimitMs: options.transactionLimitMs ?? TRANSACTION_LIMIT_MS,
      start,
      onClosed: () => {
        stopUpkeep()
        lock.release()
      },
      onFatal: (error) => options.onFatal?.(error),
    })
    stopUpkeep = scheduleUpkeep(database, options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS)
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

async function startEngine(
  place: LinkPlace,
  input: { readonly dataDir: string; readonly meters: SharedArrayBuffer },
  signal?: AbortSignal,
): Promise<WorkerLink> {
  for (let attempt = 1; ; attempt++) {
    // What sorts of a killed engine spilled to the disk: elsewhere the postmaster removes it, and PGlite has none.
    await rm(join(input.dataDir, 'base', 'pgsql_tmp'), { recursive: true, force: true })
    // A power cut can leave PostgreSQL's own lock file empty, which it then refuses; the folder's lock is ours.
    await rm(join(input.dataDir, 'postmaster.pid'), { force: true })
    const limit = AbortSignal.timeout(OPEN_LIMIT_MS)
    try {
      return await WorkerLink.start(
        place,
        input,
        signal === undefined ? limit : AbortSignal.any([signal, limit]),
      )
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof OpenFailed && error.diskFull) throw new DiskFull(place.dir, 'not-applied', error)
      if (attempt === OPEN_ATTEMPTS) throw new DatabaseDamaged(place.dir, error)
    }
  }
}
