/**
 * Keeps the device's copy at the centre's: one follower a table, and one commit for all of them, up to the transaction that every
 * table is complete to. What is staged, planned and applied happens one after the other, so that no plan meets another's half.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import { CONTEXT_TABLES, type ContextTable } from '../../shared/context/tables.ts'
import { reportError } from '../../shared/errors.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import type { Database } from '../../shared/sql/port.ts'
import { applyPauseMs } from './apply-pause.ts'
import { prepareBatch } from './applier.ts'
import { admitBatch, CopyUnfit } from './commit.ts'
import { readPlaces, readPosition, storePosition } from './position.ts'
import { Refusal } from './refusal.ts'
import { ForeignAnswer, wholeRow } from './rows.ts'
import type { ShapeSource } from './shape/fetch-answer.ts'
import { Follower, type Delivery } from './shape/follower.ts'
import {
  applied,
  delivered,
  lagging,
  loadBegun,
  plan,
  startProgress,
  type Plan,
  type Progress,
} from './shape/prefix.ts'
import { beginStage, copyText, stageRows } from './stage.ts'
import type { SyncStatus } from './sync-status.ts'
import { Waiters } from './waiters.ts'

/** Operations that wait for other tables: past it, a table is asked for no more until some were applied. */
const MAX_PENDING = 50_000
/** Operations that are applied although more of the same answer's are to come. */
const APPLY_AT = 20_000
/** While changes come thick and fast, tables without news are asked together so often. */
const NUDGE_EVERY_MS = 100

export interface ContextSyncParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly principal: Principal
  readonly source: ShapeSource
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly tables?: readonly ContextTable[]
  readonly random: () => number
  /** Rows of these tables changed; readers see them already. */
  readonly onApplied: (tables: ReadonlySet<ContextTable>) => void
}

interface Followed {
  readonly table: ContextTable
  readonly follower: Follower
  progress: Progress
  /** Over what is staged. */
  hash: Hash
  /** When it was last known to be complete. */
  heardAtMs: number | null
  bytes: number
  /** `no` from when something of it could not be kept until it is fetched anew. */
  keeps: 'yes' | 'no'
  repairs: number
  /** Loads that readers see. */
  loads: number
}

export class ContextSync {
  readonly #parts: ContextSyncParts
  readonly #tables = new Map<ContextTable, Followed>()
  #serial: Promise<unknown> = Promise.resolve()
  /** The transaction that the copy stands at, and as it is stored. */
  #lsn: bigint | null = null
  #stored: string
  #storedSyncedAt: string | null
  #cap: bigint | null = null
  #failures = 0
  /** Set while a batch that could not be applied waits for its next try. */
  #retry: NodeJS.Timeout | undefined
  #nudgedAtMs = -Infinity
  #nudge: NodeJS.Timeout | undefined
  #isOver = false
  readonly #refusal = new Refusal()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #waiters = new Waiters()

  private constructor(parts: ContextSyncParts, stored: { lsn: string; syncedAt: string | null }) {
    this.#parts = parts
    this.#stored = stored.lsn
    this.#storedSyncedAt = stored.syncedAt
  }

  /** Reads where the copy stands; {@link start} begins to follow. */
  static async open(parts: ContextSyncParts): Promise<ContextSync> {
    const sync = new ContextSync(parts, await readPosition(parts.db))
    const places = await readPlaces(parts.db)
    for (const table of parts.tables ?? CONTEXT_TABLES) sync.#add(table, places.get(table) ?? null)
    return sync
  }

  start(): void {
    for (const { follower } of this.#tables.values()) follower.hear({ kind: 'started' })
  }

  /** The way to the centre is there, or gone: what is held is given up, and asked anew at once when it is back. */
  link(state: 'up' | 'down'): void {
    for (const { follower } of this.#tables.values())
      follower.hear({ kind: state === 'up' ? 'link_found' : 'link_lost' })
  }

  /** The centre was just heard to hold this device's requests: where nothing is pending, the copy is complete. */
  heard(): void {
    const nowMs = this.#parts.clock.nowMs()
    for (const followed of this.#tables.values())
      if (followed.follower.state === 'live' && followed.progress.pending.length === 0)
        followed.heardAtMs = nowMs
  }

  /** Fetches tables anew; resolves when readers see the result. */
  async resync(tables: readonly ContextTable[], signal: AbortSignal): Promise<void> {
    const chosen = tables.flatMap((table) => this.#tables.get(table) ?? [])
    const before = new Map(chosen.map(({ table, loads }) => [table, loads]))
    for (const { follower } of chosen) follower.hear({ kind: 'resync' })
    await this.#waiters.until(
      () => chosen.every(({ table, loads }) => loads > (before.get(table) ?? 0)),
      signal,
    )
  }

  /** Resolves when all tables stand at one transaction for the first time since the start, or when applying it was refused. */
  async untilFirst(signal: AbortSignal): Promise<void> {
    await this.#waiters.until(() => this.#lsn !== null || this.#failures > 0, signal)
  }

  /**
   * Brings the copy to exactly `lsn` and runs `work` while it stands there. Null where the copy is past it already.
   */
  async at<T>(lsn: bigint, work: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
    const isPast = (): boolean => this.#lsn !== null && this.#lsn > lsn
    if (isPast()) return null
    this.#cap = lsn
    try {
      this.#nudgeLagging()
      await this.#waiters.until(() => this.#lsn !== null && this.#lsn >= lsn, signal)
      return isPast() ? null : await this.#run(work)
    } finally {
      this.#cap = null
      this.#settle()
    }
  }

  status(): SyncStatus {
    const { clock } = this.#parts
    const all = [...this.#tables.values()]
    const newest = all.reduce((most, { progress }) => {
      const known = progress.pending.at(-1)?.at?.lsn ?? progress.seen ?? 0n
      return known > most ? known : most
    }, 0n)
    const heardAtMs = this.#heardAtMs()
    const syncedAt = heardAtMs === null ? this.#storedSyncedAt : new Date(heardAtMs).toISOString()
    return {
      lsn: this.#lsn?.toString() ?? (this.#stored === '' ? null : this.#stored),
      lag: this.#lsn === null ? 0 : Number(newest > this.#lsn ? newest - this.#lsn : 0n),
      syncedAt,
      stalenessMs: syncedAt === null ? null : Math.max(0, clock.nowMs() - Date.parse(syncedAt)),
      refusal: this.#refusal.text,
      tables: all.map(({ table, follower, progress, bytes }) => ({
        table,
        state: follower.state,
        handle: progress.base?.handle ?? null,
        offset: progress.base?.offset ?? null,
        pending: progress.pending.length,
        refetches: follower.refetches,
        bytes,
      })),
    }
  }

  /** Ends all requests, waits for what is being applied, and notes when the centre was last heard. */
  async stop(): Promise<void> {
    this.#isOver = true
    for (const timer of [this.#nudge, this.#retry, ...this.#timers]) clearTimeout(timer)
    this.#waiters.look()
    await Promise.all([...this.#tables.values()].map(async ({ follower }) => await follower.stop()))
    await this.#run(async () => {
      const heardAtMs = this.#heardAtMs()
      if (this.#lsn === null || heardAtMs === null) return
      const { db } = this.#parts
      await db.transaction(async (tx) => {
        await storePosition(tx, { lsn: this.#stored, syncedAtMs: heardAtMs })
      })
    })
  }

  /** When all tables were last known to be complete; null where one was not since the start. */
  #heardAtMs(): number | null {
    if (this.#lsn === null) return null
    const all = [...this.#tables.values()].map(({ heardAtMs }) => heardAtMs)
    return all.some((at) => at === null) ? null : Math.min(...all.map(Number))
  }

  #add(table: ContextTable, place: Progress['place']): void {
    const { source, clock, log, metrics, random } = this.#parts
    const followed: Followed = {
      table,
      progress: startProgress(place),
      hash: createHash('sha256'),
      heardAtMs: null,
      bytes: 0,
      keeps: 'yes',
      repairs: 0,
      loads: 0,
      follower: new Follower({
        shape: table,
        place,
        source,
        clock,
        random,
        take: async (delivery) => await this.#take(followed, delivery),
        tell: (problem, detail) => {
          metrics.count('starling_context_problems_total', { table, problem })
          if (problem === 'version') this.#refusal.hear(detail, log)
          else log.warn(`the table ${table} waits`, { problem, detail })
        },
        lost: (error) => this.#repair(followed, error),
        counted: (bytes) => {
          followed.bytes += bytes
          metrics.count('starling_context_bytes_total', { table }, bytes)
        },
      }),
    }
    this.#tables.set(table, followed)
  }

  async #take(followed: Followed, delivery: Delivery): Promise<void> {
    await this.#run(async () => {
      if (followed.keeps === 'no' && delivery.kind !== 'begin_load') return
      try {
        await this.#keep(followed, delivery)
      } catch (error) {
        this.#distrust(followed)
        throw error
      }
    })
    const { pending } = followed.progress
    // What is cut to pieces is applied together, up to a bound.
    const isPiece = delivery.kind === 'deliver' && delivery.upTo === null
    if (!isPiece || pending.length >= APPLY_AT) this.#settle()
    // Back-pressure: no more is asked of this table while others hold it up.
    const hasRoom = (): boolean => followed.progress.pending.length <= MAX_PENDING || this.#isOver
    await this.#waiters.until(hasRoom)
  }

  async #keep(followed: Followed, delivery: Delivery): Promise<void> {
    const { table } = followed
    const { db, clock, metrics } = this.#parts
    if (delivery.kind === 'begin_load') {
      if (followed.loads > 0 || followed.progress.base !== null)
        metrics.count('starling_context_refetches_total', { table })
      followed.progress = loadBegun()
      followed.hash = createHash('sha256')
      await beginStage(db, table)
      followed.keeps = 'yes'
      return
    }
    if (delivery.part === 'load' && delivery.operations.length > 0) {
      const text = copyText(delivery.operations.map((operation) => wholeRow(table, operation)))
      followed.hash.update(text)
      await stageRows(db, table, text)
    }
    this.#refusal.lift()
    followed.progress = delivered(followed.progress, delivery)
    if (delivery.upTo !== null) followed.heardAtMs = clock.nowMs()
  }

  /** What comes of this table is worth nothing until it is fetched anew; until then nothing of the others is shown either (C2). */
  #distrust(followed: Followed): void {
    followed.keeps = 'no'
    followed.progress = loadBegun()
  }

  /** Applies what can be applied, in its turn. */
  #settle(): void {
    if (this.#isOver) return
    this.#nudgeLagging()
    if (this.#retry !== undefined) return
    void this.#run(async () => await this.#commit()).catch((error: unknown) => this.#notApplied(error))
  }

  async #commit(): Promise<void> {
    const { clock, log, onApplied } = this.#parts
    const planned = plan(this.#progresses(), this.#cap)
    if (planned.kind === 'wait' || this.#retry !== undefined || !this.#leadsOn(planned)) return
    if (planned.kind === 'apply') {
      await this.#apply(planned, clock.nowMs())
      for (const followed of this.#tables.values())
        followed.progress = applied(followed.progress, planned.lsn)
      for (const { table, swap } of planned.steps) {
        const followed = this.#tables.get(table)
        if (followed === undefined) continue
        followed.repairs = 0
        if (swap === 'yes') followed.loads += 1
      }
      log.info('applied the context', { lsn: String(planned.lsn), tables: planned.steps.length })
    }
    this.#failures = 0
    this.#lsn = planned.lsn
    this.#waiters.look()
    if (planned.kind === 'apply') onApplied(new Set(planned.steps.map(({ table }) => table)))
  }

  /** A copy goes back only as a whole: where the centre's own data is another than before. */
  #leadsOn(planned: Exclude<Plan<ContextTable>, { readonly kind: 'wait' }>): boolean {
    if (this.#lsn === null || planned.lsn >= this.#lsn) return true
    return (
      planned.kind === 'apply' &&
      planned.steps.length === this.#tables.size &&
      planned.steps.every(({ swap }) => swap === 'yes')
    )
  }

  async #apply(planned: Extract<Plan<ContextTable>, { kind: 'apply' }>, nowMs: number): Promise<void> {
    const { kernel, principal, metrics } = this.#parts
    const loads = new Map(
      [...this.#tables.values()].map(({ table, hash }) => [table, { sha256: hash.copy().digest('hex') }]),
    )
    const to = String(planned.lsn)
    const batch = prepareBatch({ from: this.#stored, to }, planned.steps, loads)
    await admitBatch(batch, { kernel, principal, nowMs })
    this.#stored = to
    metrics.count('starling_context_batches_total')
  }

  /** Nothing is lost: it is tried again, later and later; a table that cannot be right is fetched anew. */
  #notApplied(error: unknown): void {
    const unfit =
      error instanceof CopyUnfit ? error.tables : error instanceof ForeignAnswer ? [error.table] : []
    for (const table of unfit) {
      const followed = this.#tables.get(table)
      if (followed === undefined) continue
      this.#distrust(followed)
      this.#repair(followed, error)
    }
    if (unfit.length > 0 || this.#isOver) return
    this.#failures += 1
    this.#waiters.look()
    const { code, message, remedy } = reportError(error)
    if (this.#failures === 1) this.#parts.log.warn(`the context waits: ${message}`, { code, remedy })
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#settle()
    }, applyPauseMs(this.#failures))
  }

  #repair(followed: Followed, error: unknown): void {
    if (this.#isOver) return
    followed.repairs += 1
    const { message: why } = reportError(error)
    this.#parts.log.warn(`the table ${followed.table} is fetched anew`, { why })
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      followed.follower.hear({ kind: 'resync' })
    }, applyPauseMs(followed.repairs))
    this.#timers.add(timer)
  }

  #nudgeLagging(): void {
    const late = lagging(this.#progresses(), this.#cap)
    if (late.length === 0 || this.#nudge !== undefined) return
    const { clock } = this.#parts
    const ms = Math.max(0, this.#nudgedAtMs + NUDGE_EVERY_MS - clock.monotonicMs())
    this.#nudge = setTimeout(() => {
      this.#nudge = undefined
      this.#nudgedAtMs = clock.monotonicMs()
      for (const table of lagging(this.#progresses(), this.#cap))
        this.#tables.get(table)?.follower.hear({ kind: 'nudged' })
    }, ms)
  }

  #progresses(): ReadonlyMap<ContextTable, Progress> {
    return new Map([...this.#tables].map(([table, { progress }]) => [table, progress]))
  }

  #run<T>(work: () => Promise<T> | T): Promise<T> {
    const result = this.#serial.then(work, work)
    this.#serial = result.catch(() => undefined)
    return result
  }
}
