/**
 * The database as its users see it: one connection, statements in the order of asking, transactions that hold it, and an
 * engine that is started anew when it dies (a full disk makes PostgreSQL panic; what was committed is there again).
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../clock.ts'
import { StarlingError } from '../errors.ts'
import { measureFolder } from './folder-size.ts'
import {
  DatabaseClosed,
  DatabaseInterrupted,
  DiskFull,
  NestedUse,
  QueueFull,
  SqlError,
  StatementTimedOut,
  TransactionOver,
  TransactionTimedOut,
} from './errors.ts'
import type { Scope, Work } from './messages.ts'
import type { Meters } from './meters.ts'
import type { Recovery } from './recovery/ladder.ts'
import { relationPaths } from './recovery/page-checksums.ts'
import type { StillDatabase } from './recovery/snapshots.ts'
import type { Database, Queryable, Row, SqlValue, Transaction } from './port.ts'
import { Turnstile } from './turnstile.ts'
import { decodeAnswer } from './wire/values.ts'
import type { WorkerLink } from './worker-link.ts'

/** Statements waiting or under way: at 1 ms each, a caller that fills it waits ten seconds. */
export const QUEUE_LIMIT = 10_000
/** How long a transaction may keep all others waiting. */
export const TRANSACTION_LIMIT_MS = 30_000
/** PGlite cannot cancel a statement, so past this its engine is stopped: a full VACUUM of a device's database takes less. */
export const STATEMENT_LIMIT_MS = 300_000

export interface DatabaseStats {
  readonly bytesOnDisk: number
  /** Of `bytesOnDisk`, the write-ahead log. */
  readonly walBytes: number
  /** Of the whole process, which the worker shares. */
  readonly rssBytes: number
  readonly fileSyncs: number
  readonly folderSyncs: number
  /** Statements waiting or under way. */
  readonly queued: number
  /** How often the engine died and was started anew. */
  readonly reopened: number
  readonly walBytesSinceCheckpoint: number
  readonly lastCheckpointAtMs: number | undefined
}

export interface EmbeddedParts {
  readonly dir: string
  readonly dataDir: string
  readonly meters: Meters
  readonly clock: Clock
  readonly transactionLimitMs: number
  /** How it came to be open; null for as usual. */
  readonly recovery: Recovery | null
  /** Starts an engine; rejects with DiskFull, or with the error that ends this database. */
  start(): Promise<WorkerLink>
  /** Called once, after the last statement. */
  onClosed(): void
  onFatal(error: StarlingError): void
  /** Called once, when a page or an index turned out to be damaged. */
  onDamage(error: StarlingError): void
}

/** PostgreSQL's data_corrupted and index_corrupted. */
const DAMAGE: ReadonlySet<string> = new Set(['XX001', 'XX002'])

/** A transaction as the code inside its callback finds it. */
interface Within {
  isOver: boolean
}

export class EmbeddedDatabase implements Database {
  readonly #parts: EmbeddedParts
  readonly #turnstile = new Turnstile(QUEUE_LIMIT)
  readonly #within = new AsyncLocalStorage<Within>()
  #link: WorkerLink
  #starting: Promise<WorkerLink> | undefined
  #waitingForStart = 0
  #reopened = 0
  #lastCheckpointAtMs: number | undefined
  #isDamaged = false
  #fatal: StarlingError | undefined
  #closing: Promise<void> | undefined

  constructor(link: WorkerLink, parts: EmbeddedParts) {
    this.#link = link
    this.#parts = parts
  }

  async query<R extends Row = Row>(text: string, params: readonly SqlValue[] = []): Promise<readonly R[]> {
    const bytes = await this.#single({ kind: 'query', scope: 'alone', text, params })
    return decodeAnswer(bytes).rows as readonly R[]
  }

  async script(text: string): Promise<void> {
    await this.#single({ kind: 'script', scope: 'alone', text })
  }

  async checkpoint(): Promise<void> {
    await this.#single({ kind: 'checkpoint' })
    this.#lastCheckpointAtMs = this.#parts.clock.nowMs()
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#refuseUse()
    await new Promise<void>((resolve) => {
      this.#turnstile.transaction(resolve)
    })
    let isShut = true
    const open = () => {
      if (isShut) this.#turnstile.open()
      isShut = false
    }
    try {
      return await this.#inTransaction(await this.#alive(), work, open)
    } finally {
      open()
    }
  }

  /** Not null when the ladder was climbed: the owner lays back what its journal holds, records it, and settles it. */
  get recovery(): Recovery | null {
    return this.#parts.recovery
  }

  /**
   * Runs `work` on the folder while no statement runs and all that was committed is in its files; others wait. Throws what
   * `work` throws.
   */
  async whileStill<T>(work: (still: StillDatabase) => Promise<T>): Promise<T> {
    this.#refuseUse()
    await new Promise<void>((resolve) => {
      this.#turnstile.transaction(resolve)
    })
    try {
      const link = await this.#alive()
      await link.send({ kind: 'checkpoint' })
      this.#lastCheckpointAtMs = this.#parts.clock.nowMs()
      const ask: Queryable = {
        query: async <R extends Row = Row>(text: string) =>
          decodeAnswer(await link.send({ kind: 'query', scope: 'alone', text, params: [] }))
            .rows as readonly R[],
      }
      const [wal] = await ask.query<{ from: string; to: string }>(
        'select redo_wal_file as "from", pg_walfile_name(pg_current_wal_insert_lsn()) as "to" from pg_control_checkpoint()',
      )
      const { from: walFrom = '', to: walTo = '' } = wal ?? {}
      return await work({ dataDir: this.#parts.dataDir, walFrom, walTo, relations: await relationPaths(ask) })
    } finally {
      this.#turnstile.open()
    }
  }

  async stats(): Promise<DatabaseStats> {
    const { meters, dataDir } = this.#parts
    const sizes = await measureFolder(dataDir, 'pg_wal')
    return {
      bytesOnDisk: sizes.totalBytes,
      walBytes: sizes.partBytes,
      rssBytes: process.memoryUsage.rss(),
      fileSyncs: meters.read('fileSyncs'),
      folderSyncs: meters.read('folderSyncs'),
      queued: this.#queued(),
      reopened: this.#reopened,
      walBytesSinceCheckpoint: meters.read('walBytesSinceCheckpoint'),
      lastCheckpointAtMs: this.#lastCheckpointAtMs,
    }
  }

  /** Write-ahead log since this opening, all and since the last checkpoint. */
  walMeters(): { readonly walBytes: number; readonly sinceCheckpoint: number } {
    const { meters } = this.#parts
    return { walBytes: meters.read('walBytes'), sinceCheckpoint: meters.read('walBytesSinceCheckpoint') }
  }

  /** True from the call of {@link close}, or from a failure for good. */
  get isOver(): boolean {
    return this.#closing !== undefined || this.#fatal !== undefined
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#turnstile.transaction(resolve)
    })
    await this.#starting?.catch(() => undefined)
    try {
      if (!this.#link.isDead) {
        await this.#link.send({ kind: 'checkpoint' })
        await this.#link.send({ kind: 'close' })
      }
    } catch (error) {
      // With no space for a last checkpoint, the next start replays the log instead.
      if (!LEAVES_A_LOG.some((kind) => error instanceof kind)) throw error
    } finally {
      await this.#link.terminate()
      this.#parts.onClosed()
      this.#turnstile.open()
    }
  }

  async #inTransaction<T>(
    link: WorkerLink,
    work: (tx: Transaction) => Promise<T>,
    open: () => void,
  ): Promise<T> {
    const within: Within = { isOver: false }
    const send = (text: string, scope: Scope, params: readonly SqlValue[] = []) =>
      link.send({ kind: 'query', scope, text, params }).catch((error: unknown) => this.#refused(error))
    const tx: Transaction = {
      kind: 'transaction',
      query: async <R extends Row = Row>(text: string, params: readonly SqlValue[] = []) => {
        if (within.isOver) throw new TransactionOver()
        return decodeAnswer(await send(text, 'within', params)).rows as readonly R[]
      },
    }
    // Not awaited yet: the worker keeps the order, and a round trip is saved.
    const begun = send('BEGIN', 'begin')
    begun.catch(() => undefined)
    let result: T
    try {
      result = await withinLimit(
        this.#within.run(within, async () => await work(tx)),
        this.#parts.transactionLimitMs,
      )
      within.isOver = true
      await begun
    } catch (error) {
      within.isOver = true
      // If the engine died, so did the transaction.
      await send('ROLLBACK', 'end').catch(() => undefined)
      throw error
    }
    const ended = send('COMMIT', 'end')
    open()
    // COMMIT of a failed transaction succeeds, as a rollback.
    if (decodeAnswer(await ended).tag === 'COMMIT') return result
    throw new SqlError({
      sqlState: '25P02',
      message: 'a statement of the transaction had failed, so it was rolled back',
      hint: 'Let the error of a failed statement leave the callback of transaction().',
    })
  }

  #single(work: Work): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#refuseUse()
      this.#turnstile.single(() => {
        this.#send(work).then(resolve, reject)
      })
    })
  }

  #send(work: Work): Promise<Uint8Array> {
    const sent = this.#link.isDead ? this.#alive().then((link) => link.send(work)) : this.#link.send(work)
    return sent.catch((error: unknown) => this.#refused(error))
  }

  /** An answer that says that the database itself is damaged ends this one: what it says next may be wrong. */
  #refused(error: unknown): never {
    if (error instanceof SqlError && DAMAGE.has(error.sqlState)) this.reportDamage(error)
    throw error
  }

  /** Told by whoever looked at the files. */
  reportDamage(error: StarlingError): void {
    if (this.#isDamaged) return
    this.#isDamaged = true
    this.#parts.onDamage(error)
  }

  /** The engine, started anew if it has died. While the disk stays full each use tries again; any other failure is for good. */
  async #alive(): Promise<WorkerLink> {
    if (!this.#link.isDead) return this.#link
    if (this.#fatal !== undefined) throw this.#fatal
    this.#waitingForStart++
    try {
      this.#starting ??= this.#restart()
      return await this.#starting
    } finally {
      this.#waitingForStart--
    }
  }

  async #restart(): Promise<WorkerLink> {
    try {
      // Two engines in one folder would ruin it.
      await this.#link.terminate()
      this.#link = await this.#parts.start()
      this.#reopened++
      return this.#link
    } catch (error) {
      if (error instanceof StarlingError && !(error instanceof DiskFull)) {
        this.#fatal = error
        this.#parts.onFatal(error)
      }
      throw error
    } finally {
      this.#starting = undefined
    }
  }

  #queued(): number {
    return this.#link.inFlight + this.#turnstile.waiting + this.#waitingForStart
  }

  #refuseUse(): void {
    if (this.#within.getStore()?.isOver === false) throw new NestedUse()
    if (this.#closing !== undefined) throw new DatabaseClosed(this.#parts.dir)
    if (this.#fatal !== undefined) throw this.#fatal
    if (this.#queued() >= QUEUE_LIMIT) throw new QueueFull(QUEUE_LIMIT)
  }
}

/** Failures of the last checkpoint after which the next start replays the log. */
const LEAVES_A_LOG = [DiskFull, DatabaseInterrupted, StatementTimedOut] as const

async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TransactionTimedOut(limitMs))
    }, limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
