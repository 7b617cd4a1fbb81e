/**
 * What a device has to tell, told: journal -> leaf -> hub -> receipt. The journal alone is the truth; both streams on the way
 * may lose anything, and are filled again from it. Nothing is forgotten before a receipt, signed by the centre and matching
 * the journal's own hash, covers it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Subscription, NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../shared/clock.ts'
import { reportError } from '../../shared/errors.ts'
import { openStreamApi } from '../../shared/fabric/stream.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import { GENESIS_HASH } from '../../shared/journal/record.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import { openAnswer } from '../../shared/wire/answer.ts'
import { openReceipt, type Receipt } from '../../shared/wire/receipt.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import { Bell } from './bell.ts'
import { JournalForked, namedTrouble, type OutboxEvent, type OutboxState } from './events.ts'
import { Forwarder } from './forwarder.ts'
import { Shipper } from './shipper.ts'

/** Weeks of records; beyond it they wait in the journal alone. */
const DEFAULT_LEAF_STREAM_BYTES = 64 * 1024 * 1024
/** Records of one turn, appended within this time, travel as one segment. */
const LINGER_MS = 100
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 5_000
const IDLE_LOOK_MS = 5_000
/** Sent, and no receipt for this long: the centre is asked. Doubles while it does not move. */
const FIRST_DOUBT_MS = 2_000
const LAST_DOUBT_MS = 60_000
const ASK_LIMIT_MS = 3_000

export interface OutboxOptions {
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly journal: Journal
  /** The device's connection to its leaf; stays the caller's. */
  readonly connection: NatsConnection
  /** Whose receipts count: pinned when the device enrolled. */
  readonly centre: PublicKey
  readonly clock: Clock
  readonly maxLeafStreamBytes?: number
  onEvent(event: OutboxEvent): void
}

export interface Outbox {
  state(): OutboxState
  /** The link came up, or somebody wants it now: tries at once instead of at the next retry. */
  nudge(): void
  /** Ends after what is in progress. Idempotent. */
  stop(): Promise<void>
}

/** Starts; the leaf and the hub may be away for as long as they like. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { journal } = options
  const waiting = await journal.unshipped()
  const head = await journal.head()
  const receiptedSeq = waiting.from === null ? head.seq : waiting.from - 1
  const loop = new OutboxLoop(options, await openStreamApi(options.connection), receiptedSeq)
  loop.begin()
  return {
    state: () => loop.state(),
    nudge: () => loop.nudge(),
    stop: async () => loop.stop(),
  }
}

class OutboxLoop {
  readonly #options: OutboxOptions
  readonly #shipper: Shipper
  readonly #forwarder: Forwarder
  readonly #stopping = new AbortController()
  readonly #bell = new Bell()
  readonly #ended: (() => void)[] = []
  readonly #nudged = new Bell()
  #receipts: Subscription | null = null
  #lastTrouble = ''
  #running: Promise<void> = Promise.resolve()
  #receiptedSeq: number
  #problem: Receipt['problem'] = null
  #pending: Receipt | null = null
  #doubtMs = FIRST_DOUBT_MS
  #doubtAt: number | null = null

  constructor(options: OutboxOptions, api: Awaited<ReturnType<typeof openStreamApi>>, receiptedSeq: number) {
    this.#options = options
    this.#receiptedSeq = receiptedSeq
    const shared = { ...options, api, receiptedSeq: () => this.#receiptedSeq }
    this.#shipper = new Shipper({
      ...shared,
      maxStreamBytes: options.maxLeafStreamBytes ?? DEFAULT_LEAF_STREAM_BYTES,
      onEvent: (event) => options.onEvent(event),
    })
    this.#forwarder = new Forwarder(shared)
  }

  state(): OutboxState {
    return {
      receiptedSeq: this.#receiptedSeq,
      shippedSeq: this.#shipper.shippedSeq,
      forwardedSeq: this.#forwarder.forwardedSeq,
      problem: this.#problem,
    }
  }

  begin(): void {
    const { connection, tenant, device, journal } = this.#options
    this.#ended.push(journal.onAppended(() => this.#bell.ring()))
    this.#receipts = connection.subscribe(subjects.tell(tenant, device, 'receipt'), {
      callback: (error, message) => {
        if (error === null) this.#hear(message.data)
      },
    })
    this.#running = this.#run()
  }

  nudge(): void {
    this.#doubtMs = FIRST_DOUBT_MS
    this.#bell.ring()
    this.#nudged.ring()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const end of this.#ended) end()
    this.#receipts?.unsubscribe()
    await this.#running
  }

  /** Called by NATS: only checks the signature and leaves the rest to the loop. */
  #hear(bytes: Uint8Array): void {
    try {
      const receipt = openReceipt(bytes, this.#options.centre)
      if (receipt.device !== this.#options.device || receipt.tenant !== this.#options.tenant) return
      this.#pending = receipt
      this.#bell.ring()
    } catch (thrown) {
      this.#options.onEvent({ kind: 'trouble', error: reportError(thrown) })
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#round()
        failures = 0
        this.#lastTrouble = ''
        await this.#bell.wait(this.#waitMs(), signal)
        await delay(LINGER_MS)
      } catch (thrown) {
        if (signal.aborted) return
        failures += 1
        this.#report(thrown)
        // New records are no reason to try sooner; a link that came up is.
        await this.#nudged.wait(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 8)), signal)
      }
    }
  }

  /** Once for as long as it is the same trouble. */
  #report(thrown: unknown): void {
    const error = reportError(namedTrouble(thrown))
    if (error.message === this.#lastTrouble) return
    this.#lastTrouble = error.message
    this.#options.onEvent({ kind: 'trouble', error })
  }

  async #round(): Promise<void> {
    const { signal } = this.#stopping
    await this.#takePending()
    try {
      if (await this.#shipper.ship(signal)) this.#bell.ring()
    } finally {
      // A leaf stream that is full must not keep what it holds from going up: that is what makes room in it.
      while (!signal.aborted && (await this.#forwarder.forward())) await this.#takePending()
    }
    await this.#doubt()
  }

  async #takePending(): Promise<void> {
    const receipt = this.#pending
    this.#pending = null
    if (receipt !== null) await this.#take(receipt)
  }

  async #take(receipt: Receipt): Promise<'moved' | 'same' | 'behind'> {
    const { journal } = this.#options
    this.#problem = receipt.problem
    const { seq } = receipt
    if (seq === this.#receiptedSeq) return 'same'
    if (seq < this.#receiptedSeq) return 'behind'
    await this.#checkHash(receipt)
    await journal.pruneShipped(seq)
    this.#receiptedSeq = seq
    this.#doubtAt = null
    this.#doubtMs = FIRST_DOUBT_MS
    this.#options.onEvent({ kind: 'receipted', seq })
    const position = this.#forwarder.positionAfter(seq)
    if (position !== null) await this.#shipper.purgeBefore(position)
    return 'moved'
  }

  async #checkHash({ seq, hash }: Receipt): Promise<void> {
    const [record] = await this.#options.journal.read({ from: seq, limit: 1 })
    const own = seq === 0 ? GENESIS_HASH : record?.seq === seq ? record.hash : null
    if (own !== hash) throw new JournalForked(seq)
  }

  /** Sent, and nothing comes back: ask how far the centre is, and send again from there if it has not moved. */
  async #doubt(): Promise<void> {
    const { clock } = this.#options
    if (Math.max(this.#shipper.shippedSeq, this.#forwarder.forwardedSeq) <= this.#receiptedSeq) {
      this.#doubtAt = null
      return
    }
    this.#doubtAt ??= clock.monotonicMs() + this.#doubtMs
    if (clock.monotonicMs() < this.#doubtAt) return
    this.#doubtMs = Math.min(LAST_DOUBT_MS, this.#doubtMs * 2)
    this.#doubtAt = null
    const receipt = await this.#askReceipt()
    const taken = await this.#take(receipt)
    if (taken === 'moved') return
    if (taken === 'behind') {
      // The centre was restored from a backup: the journal still has what it lost.
      await this.#checkHash(receipt)
      this.#receiptedSeq = receipt.seq
    }
    await this.#shipper.startOver()
    this.#forwarder.startOver()
    const reason = receipt.problem?.reason ?? taken
    this.#options.onEvent({ kind: 'resent', after: this.#receiptedSeq, reason })
    this.#bell.ring()
  }

  async #askReceipt(): Promise<Receipt> {
    const { connection, tenant, device, centre } = this.#options
    const subject = subjects.ask(tenant, device, 'receipt.read')
    const answer = await connection.request(subject, '{"v":1}', { timeout: ASK_LIMIT_MS })
    return openReceipt(openAnswer(answer.data), centre)
  }

  #waitMs(): number {
    if (this.#doubtAt === null) return IDLE_LOOK_MS
    return Math.max(0, Math.min(IDLE_LOOK_MS, this.#doubtAt - this.#options.clock.monotonicMs()))
  }
}
