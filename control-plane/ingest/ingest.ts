/**
 * Takes the segments of every device of a tenant out of the hub's stream and stores them: verified, exactly once, in order.
 *
 * The cursor into the stream commits with what was read, so a crash repeats nothing and skips nothing. It is not trusted
 * further than that: the stream may be made anew, or lose a tail that was not on the disk yet and number other messages
 * alike. Then devices see their receipts stand still, and send again from there.
 */
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'
import { reportError, type ErrorReport } from '../../shared/errors.ts'
import { ensureStream, openStreamApi, streamInfo } from '../../shared/fabric/stream.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'
import { answerBytes, answerError } from '../../shared/wire/answer.ts'
import { signReceipt } from '../../shared/wire/receipt.ts'
import { isInboxOf, parseAsk, parseUp, streams, subjects } from '../../shared/wire/subjects.ts'
import { DEFAULT_HUB_STORE_BYTES, UP_STREAM_SHARE, upStream } from '../hub/hub.ts'
import { ApplyFailed, processBatch, type ApplyWrite, type BatchOutcome, type Incoming } from './batch.ts'
import type { KnownDevice } from './judge.ts'
import { heldOf, moveCursor, readCursor } from './store.ts'

/** Segments a transaction: about 1,000 records, a commit each 100 ms at full load. */
const BATCH_MESSAGES = 16
/** Read at once: what 16 of the largest would be, doubled by inflating, is too much for a small machine. */
const BATCH_BYTES = 4 * 1024 * 1024
/** With no news, how often the stream itself is looked at: it catches a lost wake-up and a stream made anew. */
const IDLE_LOOK_MS = 1_000
/** News of a message comes before the stream has stored it: it is looked for again this soon before waiting for the next. */
const LOOKS_AFTER_NEWS_MS = [2, 10, 40] as const
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** A write that cannot be applied this often is set aside, so that other devices go on. */
const APPLY_ATTEMPTS = 3

export type IngestEvent =
  | (BatchOutcome & { readonly kind: 'stored' | 'held' | 'quarantined' })
  /** Nothing is lost: it is tried again. */
  | { readonly kind: 'trouble'; readonly error: ErrorReport }

export interface IngestOptions {
  readonly tenant: TenantId
  readonly db: Database
  /** With the centre's credentials; stays the caller's. */
  readonly connection: NatsConnection
  /** Signs receipts; devices hold its public half since they enrolled. */
  readonly key: KeyPair
  readonly clock: Clock
  /** Null for a device that is not enrolled, or revoked. */
  deviceOf(device: DeviceId): Promise<KnownDevice | null>
  readonly applyWrite: ApplyWrite
  onEvent(event: IngestEvent): void
}

export interface Ingest {
  /** The signed receipt of a device, as it stands now. */
  receiptOf(device: DeviceId): Promise<Uint8Array>
  /** Ends after the transaction in progress. Idempotent. */
  stop(): Promise<void>
}

/** Starts; the schema (`INGEST_SCHEMA`) must be there. It rides out a hub or a disk that fails, and says so. */
export async function openIngest(options: IngestOptions): Promise<Ingest> {
  const loop = new IngestLoop(options, await openStreamApi(options.connection))
  loop.begin()
  return {
    receiptOf: async (device) => loop.receiptOf(device),
    stop: async () => loop.stop(),
  }
}

class IngestLoop {
  readonly #options: IngestOptions
  readonly #api: JetStreamManager
  readonly #stopping = new AbortController()
  readonly #subscriptions: Subscription[] = []
  readonly #doomed = new Map<number, number>()
  #wake: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #batchMessages = BATCH_MESSAGES

  constructor(options: IngestOptions, api: JetStreamManager) {
    this.#options = options
    this.#api = api
  }

  begin(): void {
    const { connection, tenant } = this.#options
    this.#subscriptions.push(
      connection.subscribe(subjects.upAll(tenant), { callback: () => this.#wake() }),
      connection.subscribe(subjects.askAll(tenant), {
        callback: (_error, message) => {
          const ask = parseAsk(message.subject)
          if (ask?.verb !== 'receipt.read' || !isInboxOf(ask.device, message.reply)) return
          void this.#answer(ask.device, (bytes) => message.respond(bytes))
        },
      }),
    )
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    await this.#running
  }

  async receiptOf(device: DeviceId): Promise<Uint8Array> {
    const { tenant, db, clock, key } = this.#options
    const { seq, hash, problem } = await heldOf(db, tenant, device)
    const at = new Date(clock.nowMs()).toISOString()
    return signReceipt({ v: 1, tenant, device, seq, hash, at, problem }, key)
  }

  async #answer(device: DeviceId, respond: (bytes: Uint8Array) => void): Promise<void> {
    try {
      respond(answerBytes(await this.receiptOf(device)))
    } catch (thrown) {
      respond(answerError(thrown))
    }
  }

  async #run(): Promise<void> {
    let failures = 0
    let looks = 0
    while (!this.#stopping.signal.aborted) {
      // Armed before looking: news that comes while the stream is read is not missed.
      const news = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      try {
        const isIdle = (await this.#step()) === 'idle'
        failures = 0
        if (!isIdle) looks = 0
        else if (looks < LOOKS_AFTER_NEWS_MS.length) await this.#pause(LOOKS_AFTER_NEWS_MS[looks++] ?? 0)
        else {
          await Promise.race([news, this.#pause(IDLE_LOOK_MS)])
          looks = 0
        }
      } catch (thrown) {
        if (this.#stopping.signal.aborted) return
        failures += 1
        this.#options.onEvent({ kind: 'trouble', error: reportError(thrown) })
        await this.#pause(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10)))
      }
    }
  }

  async #step(): Promise<'idle' | 'more'> {
    const { tenant, db } = this.#options
    const cursor = await readCursor(db, tenant)
    const batch = await this.#read(cursor.seq + 1)
    if (batch.length === 0) return this.#checkStream(cursor)
    const outcomes = await this.#process(batch, cursor.created)
    for (const outcome of outcomes) this.#options.onEvent(outcome)
    await this.#tellReceipts(outcomes)
    const last = batch.at(-1)
    // What is stored here is done with there; a purge that fails is made up by the next.
    if (last !== undefined) await this.#api.streams.purge(streams.up(tenant), { seq: last.seq + 1 })
    return 'more'
  }

  /** Nothing after the cursor: is it still the stream that the cursor counts in? */
  async #checkStream(cursor: { readonly created: string; readonly seq: number }): Promise<'idle' | 'more'> {
    const { tenant, db } = this.#options
    const info = await streamInfo(this.#api, streams.up(tenant))
    if (info === null) {
      // The hub lost its store while it ran; without the stream every device would wait for ever.
      await ensureStream(this.#api, upStream(tenant, DEFAULT_HUB_STORE_BYTES * UP_STREAM_SHARE))
      return 'idle'
    }
    const isSame = info.created === cursor.created && info.state.last_seq >= cursor.seq
    if (isSame) return 'idle'
    // A new stream, or one that lost its tail: read all of it again; what is held already is dropped by its hash.
    const seq = Math.max(0, info.state.first_seq - 1)
    await moveCursor(db, tenant, { created: info.created, seq: Math.min(seq, info.state.last_seq) })
    return info.state.messages > 0 ? 'more' : 'idle'
  }

  async #read(from: number): Promise<readonly Incoming[]> {
    const { tenant } = this.#options
    const batch: Incoming[] = []
    let sizeBytes = 0
    let seq = from
    while (batch.length < this.#batchMessages && sizeBytes < BATCH_BYTES) {
      const message: StoredMsg | null = await this.#api.direct.getMessage(streams.up(tenant), {
        seq,
        next_by_subj: 'up.>',
      })
      if (message === null) break
      const named = parseUp(message.subject)
      const isOurs = named !== null && named.tenant === tenant
      batch.push({
        seq: message.seq,
        subject: message.subject,
        device: isOurs ? named.device : null,
        bytes: message.data,
      })
      sizeBytes += message.data.length
      seq = message.seq + 1
    }
    return batch
  }

  async #process(batch: readonly Incoming[], created: string): Promise<readonly BatchOutcome[]> {
    const { tenant, db } = this.#options
    const known = new Map<DeviceId, KnownDevice | null>()
    for (const { device } of batch)
      if (device !== null && !known.has(device)) known.set(device, await this.#options.deviceOf(device))
    try {
      const hopeless = new Set(
        [...this.#doomed].filter(([, times]) => times >= APPLY_ATTEMPTS).map(([seq]) => seq),
      )
      const outcomes = await db.transaction(async (tx) =>
        processBatch(tx, { tenant, batch, known, applyWrite: this.#options.applyWrite, created, hopeless }),
      )
      this.#batchMessages = BATCH_MESSAGES
      this.#doomed.clear()
      return outcomes
    } catch (thrown) {
      // One at a time, so that the one that fails is the only one that waits.
      this.#batchMessages = 1
      if (thrown instanceof ApplyFailed) this.#doomed.set(thrown.seq, (this.#doomed.get(thrown.seq) ?? 0) + 1)
      throw thrown
    }
  }

  async #tellReceipts(outcomes: readonly BatchOutcome[]): Promise<void> {
    const { connection, tenant } = this.#options
    const devices = new Set(outcomes.flatMap(({ device }) => (device === null ? [] : [device])))
    for (const device of devices)
      connection.publish(subjects.tell(tenant, device, 'receipt'), await this.receiptOf(device))
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }
}
