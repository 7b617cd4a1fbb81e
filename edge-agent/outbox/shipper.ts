/**
 * From the journal into the leaf's stream: sealed runs, in order, one message each. It keeps no state of its own: where it
 * stands is the last message of the stream, if the journal knows that message's head, else the last receipt.
 */
import { jetstream, type JetStreamManager } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { invariant } from '../../shared/errors.ts'
import { ensureStream } from '../../shared/fabric/stream.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { Journal, SealedRun } from '../../shared/journal/journal.ts'
import { ChainBroken, verifyRecord } from '../../shared/journal/seal.ts'
import { BadSegment, encodeSegment, type Segment } from '../../shared/wire/segment.ts'
import { SEAL_EVERY_RECORDS } from '../../shared/journal/record.ts'
import { streams, subjects } from '../../shared/wire/subjects.ts'
import type { OutboxEvent } from './events.ts'

/** Runs read at once: at most 5 MB in memory. */
const RUNS_AT_ONCE = 8
const PUBLISH_LIMIT_MS = 5_000
/** A gap record is appended when the loss is found, so it is among the newest. */
const GAP_SEARCH_RECORDS = 1_000

export const RUN_HEADERS = { from: 'Starling-From', to: 'Starling-To', head: 'Starling-Head' } as const

export interface ShipperParts {
  readonly device: DeviceId
  readonly journal: Journal
  readonly connection: NatsConnection
  readonly api: JetStreamManager
  readonly maxStreamBytes: number
  receiptedSeq(): number
  onEvent(event: OutboxEvent): void
}

interface Tail {
  readonly seq: number
  /** In the stream. */
  readonly position: number
}

type Run = Exclude<Segment['gapRun'], null>

export class Shipper {
  readonly #parts: ShipperParts
  readonly #names: { readonly stream: string; readonly subject: string }
  #tail: Tail | null = null
  /** Runs up to here were found to be lost since the last one that was shipped. */
  #passedSeq = 0

  constructor(parts: ShipperParts) {
    this.#parts = parts
    this.#names = { stream: streams.out(parts.device), subject: subjects.out(parts.device) }
  }

  /** The last record in the leaf's stream. */
  get shippedSeq(): number {
    return this.#tail?.seq ?? this.#parts.receiptedSeq()
  }

  /** Looks at the stream again before the next run: after an error, or when the leaf was away. */
  forget(): void {
    this.#tail = null
    this.#passedSeq = 0
  }

  /** Empties the stream, so that everything after the last receipt is shipped again from the journal, which is the truth. */
  async startOver(): Promise<void> {
    this.forget()
    await this.#parts.api.streams.purge(this.#names.stream)
  }

  /** Frees what a receipt covers. */
  async purgeBefore(position: number): Promise<void> {
    await this.#parts.api.streams.purge(this.#names.stream, { seq: position })
  }

  /**
   * Seals and ships what waits; true when more has come meanwhile. Throws when the leaf is away or full; then nothing is lost and
   * it may be called again.
   */
  async ship(signal: AbortSignal): Promise<boolean> {
    const { journal } = this.#parts
    try {
      this.#tail ??= await this.#readTail()
      let isMore = await this.#seal(signal)
      while (!signal.aborted) {
        const runs = await journal.sealedRuns(Math.max(this.shippedSeq, this.#passedSeq), RUNS_AT_ONCE)
        if (runs.length === 0) {
          if (this.#passedSeq <= this.shippedSeq) break
          // What was lost is the newest: the record that names it is sealed, and sent, after it.
          await this.#nameGap({ from: this.shippedSeq + 1, to: this.#passedSeq })
          isMore = true
        }
        for (const run of runs) await this.#shipRun(run)
        if (isMore) isMore = await this.#seal(signal)
      }
      return (await journal.head()).seq > this.shippedSeq
    } catch (thrown) {
      this.forget()
      throw thrown
    }
  }

  /**
   * Seals what waits: full runs, and one that is not. Whoever sealed until nothing is left would run after a busy device and
   * put each record into a segment of its own. True when full runs may be left.
   */
  async #seal(signal: AbortSignal): Promise<boolean> {
    for (let runs = 0; runs < RUNS_AT_ONCE && !signal.aborted; runs++) {
      const seal = await this.#parts.journal.sealNext()
      if (seal === null || seal.to - seal.from + 1 < SEAL_EVERY_RECORDS) return false
    }
    return true
  }

  async #readTail(): Promise<Tail> {
    const { api, journal } = this.#parts
    const { stream, subject } = this.#names
    const info = await ensureStream(api, {
      name: stream,
      subject,
      maxBytes: this.#parts.maxStreamBytes,
      discard: 'new',
    })
    const receipted = this.#parts.receiptedSeq()
    const last = await api.direct.getMessage(stream, { last_by_subj: subject })
    if (last === null) return { seq: receipted, position: info.state.last_seq }
    const seq = Number(last.header.get(RUN_HEADERS.to))
    const [record] = await journal.read({ from: seq, limit: 1 })
    if (record?.hash === last.header.get(RUN_HEADERS.head) && record.seq === seq)
      return { seq: Math.max(seq, receipted), position: last.seq }
    // Another journal's messages (a restored backup): they would only be refused.
    await api.streams.purge(stream)
    return { seq: receipted, position: last.seq }
  }

  async #shipRun(run: SealedRun): Promise<void> {
    const { seal, records } = run
    // A run that cannot be proven whole is not sent at all; the next one carries the signed gap.
    if (!holds(run)) return this.#passOver(seal.to)
    const expected = this.shippedSeq + 1
    const gapRun = seal.from > expected ? await this.#gapRun(expected, seal.from - 1) : null
    let bytes: Uint8Array
    try {
      bytes = encodeSegment({ v: 1, seal, records: [...records], gapRun })
    } catch (thrown) {
      if (thrown instanceof BadSegment) return this.#passOver(seal.to)
      throw thrown
    }
    await this.#publish(run, bytes)
  }

  #passOver(seq: number): void {
    this.#passedSeq = seq
  }

  async #publish(run: SealedRun, bytes: Uint8Array): Promise<void> {
    const { connection } = this.#parts
    const { seal } = run
    const head = headers()
    head.set(RUN_HEADERS.from, String(seal.from))
    head.set(RUN_HEADERS.to, String(seal.to))
    head.set(RUN_HEADERS.head, seal.head)
    const ack = await jetstream(connection).publish(this.#names.subject, bytes, {
      headers: head,
      msgID: `${seal.to}:${seal.head}:${this.#tail?.position ?? 0}`,
      timeout: PUBLISH_LIMIT_MS,
      // Two shippers, or a leaf that lost its tail: then this is refused, and the stream is looked at again.
      expect: { lastSequence: this.#tail?.position ?? 0 },
    })
    this.#tail = { seq: seal.to, position: ack.seq }
    this.#passedSeq = 0
  }

  async #nameGap(gap: { from: number; to: number }): Promise<void> {
    const { journal } = this.#parts
    const named = { ...gap, reason: 'records_lost' }
    await journal.transaction(async (tx) => journal.append(tx, { kind: 'gap', ...named }))
    this.#parts.onEvent({ kind: 'gap', ...named })
  }

  /** The sealed run with a gap record for these; appended and sealed now if there is none yet. */
  async #gapRun(from: number, to: number): Promise<Run> {
    const { journal } = this.#parts
    const found = await this.#findGapRun(from, to)
    if (found !== null) return found
    await this.#nameGap({ from, to })
    while ((await journal.sealNext()) !== null);
    const made = await this.#findGapRun(from, to)
    invariant(made !== null, 'a gap record that was appended is found')
    return made
  }

  async #findGapRun(from: number, to: number): Promise<Run | null> {
    const newest = await this.#parts.journal.newest(GAP_SEARCH_RECORDS)
    const record = newest.find(({ body }) => body.kind === 'gap' && body.from <= from && body.to >= to)
    if (record === undefined) return null
    const [run] = await this.#parts.journal.sealedRuns(record.seq - 1, 1)
    if (run === undefined || run.seal.from > record.seq) return null
    return { seal: run.seal, records: [...run.records] }
  }
}

/** Whether the records are still those that were sealed: a lost or changed one would be refused by the centre for ever. */
function holds({ seal, records }: SealedRun): boolean {
  let { prev } = seal
  for (const [index, record] of records.entries()) {
    if (record.seq !== seal.from + index) return false
    try {
      verifyRecord(record, prev)
    } catch (thrown) {
      if (thrown instanceof ChainBroken) return false
      throw thrown
    }
    prev = record.hash
  }
  return prev === seal.head
}
