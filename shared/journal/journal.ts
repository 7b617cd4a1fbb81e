/**
 * The journal of one origin: an append-only hash chain in the same database as the data that it tells of. Records, their
 * payloads and their outbox rows commit with the caller's rows, so that what is done and what is told can never part.
 */
import { createHash, randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { canonicalBytes } from '../canonical.ts'
import type { Clock } from '../clock.ts'
import { StarlingError } from '../errors.ts'
import { uuidV7 } from '../ids.ts'
import type { Json } from '../json.ts'
import type { KeyPair } from '../signing/ed25519.ts'
import type { Database, Queryable, Transaction } from '../sql/port.ts'
import { describeIssues } from '../wire/answer.ts'
import {
  GENESIS_HASH,
  JournalBodySchema,
  SEAL_EVERY_RECORDS,
  type JournalBody,
  type JournalRecord,
} from './record.ts'
import type { JournalFile } from './journal-file.ts'
import { catchUp } from './lay-back.ts'
import { storeRecord } from './rows.ts'
import { parseRecord, type Head } from './stored-record.ts'
import { JOURNAL_SCHEMA } from './schema.ts'
import { hashOf, SealSchema, sealOf, type Seal } from './seal.ts'

/** Records that may wait to be sent: a device offline for months. Beyond it effects are refused, so that nothing is lost. */
export const MAX_OUTBOX_RECORDS = 500_000
/** Bytes of their records together: a small device's disk must have room for its models and its data too. */
export const MAX_OUTBOX_BYTES = 512 * 1024 * 1024
/** A sealed run's records together: what a leaf link carries in one message, with room for the frame. */
export const MAX_RUN_BYTES = 600 * 1024
const SALT_BYTES = 16

export class OutboxFull extends StarlingError {
  override readonly code = 'outbox_full'
}

/** The caller would write what no reader takes: refused before it is in the chain, where it would stay for ever. */
export class BadRecord extends StarlingError {
  override readonly code = 'bad_record'
}

/** What a hash in a record stands for: erasable, while the chain holds. */
export interface Payload {
  readonly part: 'input' | 'output'
  readonly digest: string
  readonly salt: Uint8Array
  readonly bytes: Uint8Array
}

export interface SealedRun {
  readonly seal: Seal
  readonly records: readonly JournalRecord[]
}

export interface Journal {
  readonly origin: string
  /** One transaction; those who listen are told after it committed, if it appended anything. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Appends within {@link Journal.transaction}, with the record's outbox row. Throws {@link OutboxFull}, {@link BadRecord}. */
  append(tx: Transaction, body: JournalBody, payload?: Payload): Promise<JournalRecord>
  /** Seq 0 and {@link GENESIS_HASH} for an empty journal. */
  head(sql?: Queryable): Promise<Head>
  /** In order, from `from` on. */
  read(range: { readonly from: number; readonly limit: number }): Promise<readonly JournalRecord[]>
  /** Newest first. */
  newest(limit: number): Promise<readonly JournalRecord[]>
  find(id: string): Promise<JournalRecord | null>
  /** The outcome of an intent, or its writes: every record that names it. */
  following(id: string): Promise<readonly JournalRecord[]>
  /** The kept payload; null when there is none or it was erased. */
  payloadOf(id: string, part: Payload['part']): Promise<Json | null>
  /** Erases payloads for good; the chain keeps their salted digests. */
  erasePayloads(id: string): Promise<void>
  /** Permitted intents without an outcome, oldest first. */
  openIntents(): Promise<readonly JournalRecord[]>
  /** Signs the next unsealed run, at most {@link SEAL_EVERY_RECORDS} records and {@link MAX_RUN_BYTES}; null when all is sealed. */
  sealNext(): Promise<Seal | null>
  /** The sealed runs that reach beyond `after`, oldest first. */
  sealedRuns(after: number, limit: number): Promise<readonly SealedRun[]>
  /** Records that have no receipt yet. */
  unshipped(): Promise<{ readonly count: number; readonly from: number | null }>
  /** Takes a receipt: forgets outbox rows up to and including `seq`. The records stay. */
  pruneShipped(seq: number): Promise<void>
  /** Called after a {@link Journal.transaction} that appended has committed; must not throw. Returns what stops it. */
  onAppended(listener: () => void): () => void
  /** Why the journal's own file is behind the database; null when it is not. */
  fileFault(): unknown
}

export interface JournalParts {
  readonly db: Database
  readonly origin: string
  readonly key: KeyPair
  readonly clock: Clock
  /** Where records stand a second time before they are acknowledged; without it, in the database alone. */
  readonly file?: JournalFile | undefined
  /** Lower in tests. */
  readonly maxOutboxRecords?: number
  readonly maxOutboxBytes?: number
}

/** Makes the salted digest that stands in a record for `value`. */
export function payloadFor(part: Payload['part'], value: Json): Payload {
  const salt = randomBytes(SALT_BYTES)
  const bytes = canonicalBytes(value)
  return { part, salt, bytes, digest: payloadDigest(salt, bytes) }
}

export function payloadDigest(salt: Uint8Array, bytes: Uint8Array): string {
  return createHash('sha256').update(salt).update(bytes).digest('hex')
}

/** Opens the journal, making its tables when they are not there. */
export async function openJournal(parts: JournalParts): Promise<Journal> {
  await parts.db.script(JOURNAL_SCHEMA)
  if (parts.file !== undefined) await catchUp(parts.db, parts.file)
  return new SqlJournal(parts)
}

interface Appended {
  readonly record: JournalRecord
  readonly text: string
}

interface Waiting {
  readonly count: number
  readonly bytes: number
}

class SqlJournal implements Journal {
  readonly origin: string
  readonly #parts: JournalParts
  readonly #listeners = new Set<() => void>()
  /** The head as each open transaction left it. */
  readonly #heads = new WeakMap<Transaction, Promise<Head>>()
  /** What each open transaction appended, in order. */
  readonly #appended = new WeakMap<Transaction, readonly Appended[]>()
  #fileFault: unknown = null
  /** Never too low: a rolled back append stays counted until the next count. */
  #waiting: Waiting | null = null

  constructor(parts: JournalParts) {
    this.#parts = parts
    this.origin = parts.origin
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let appended: readonly Appended[] = []
    const result = await this.#parts.db.transaction(async (tx) => {
      // Asked at once, so that the answer travels together with the caller's first statement.
      this.#heads.set(tx, settledLater(this.head(tx)))
      const out = await work(tx)
      appended = this.#appended.get(tx) ?? []
      return out
    })
    if (appended.length > 0) {
      await this.#keep(appended)
      for (const listener of this.#listeners) listener()
    }
    return result
  }

  /** Before anyone hears of the commit. A disk that refuses the file is no reason to undo what the database holds: it is said. */
  async #keep(appended: readonly Appended[]): Promise<void> {
    const { file, db } = this.#parts
    if (file === undefined) return
    try {
      if (appended[0]?.record.seq === file.head.seq + 1) await file.appendRecords(appended)
      else await catchUp(db, file)
      this.#fileFault = null
    } catch (thrown) {
      this.#fileFault = thrown
    }
  }

  fileFault(): unknown {
    return this.#fileFault
  }

  async append(tx: Transaction, body: JournalBody, payload?: Payload): Promise<JournalRecord> {
    checkBody(body)
    await this.#makeRoom(tx)
    const head = await (this.#heads.get(tx) ?? this.head(tx))
    const { clock } = this.#parts
    const nowMs = clock.nowMs()
    const unhashed = {
      v: 1 as const,
      id: uuidV7(nowMs, randomBytes(10)),
      origin: this.origin,
      seq: head.seq + 1,
      prev: head.hash,
      at: new Date(nowMs).toISOString(),
      body,
    }
    const record: JournalRecord = { ...unhashed, hash: hashOf(unhashed) }
    const text = textOf(record)
    await storeRecord(tx, { record, text, payload })
    this.#heads.set(tx, Promise.resolve({ seq: record.seq, hash: record.hash }))
    this.#appended.set(tx, [...(this.#appended.get(tx) ?? []), { record, text }])
    this.#waiting = added(this.#waiting, { count: 1, bytes: Buffer.byteLength(text) })
    return record
  }

  async #makeRoom(tx: Transaction): Promise<void> {
    const { maxOutboxRecords = MAX_OUTBOX_RECORDS, maxOutboxBytes = MAX_OUTBOX_BYTES } = this.#parts
    const fits = ({ count, bytes }: Waiting): boolean => count < maxOutboxRecords && bytes < maxOutboxBytes
    if (this.#waiting !== null && fits(this.#waiting)) return
    const waiting = await countWaiting(tx)
    this.#waiting = waiting
    if (fits(waiting)) return
    throw new OutboxFull(
      `${waiting.count} records (${waiting.bytes} bytes) wait to be sent, which is the most that may`,
      { remedy: 'Connect the device to its centre: records go up and room is made.' },
    )
  }

  async head(sql: Queryable = this.#parts.db): Promise<Head> {
    const [row] = await sql.query<{ seq: number; hash: string }>(
      'select seq, hash from journal.record order by seq desc limit 1',
    )
    return row ?? { seq: 0, hash: GENESIS_HASH }
  }

  async read({
    from,
    limit,
  }: {
    readonly from: number
    readonly limit: number
  }): Promise<readonly JournalRecord[]> {
    return await this.#select('seq >= $1 order by seq limit $2', [from, limit])
  }

  async newest(limit: number): Promise<readonly JournalRecord[]> {
    return await this.#select('true order by seq desc limit $1', [limit])
  }

  async find(id: string): Promise<JournalRecord | null> {
    return (await this.#select('id = $1', [id]))[0] ?? null
  }

  async following(id: string): Promise<readonly JournalRecord[]> {
    return await this.#select('of = $1 order by seq', [id])
  }

  async payloadOf(id: string, part: Payload['part']): Promise<Json | null> {
    const [row] = await this.#parts.db.query<{ bytes: Uint8Array | null }>(
      'select bytes from journal.payload where record_id = $1 and part = $2',
      [id, part],
    )
    return row?.bytes ? (JSON.parse(Buffer.from(row.bytes).toString('utf8')) as Json) : null
  }

  async erasePayloads(id: string): Promise<void> {
    await this.#parts.db.query('update journal.payload set bytes = null where record_id = $1', [id])
  }

  async openIntents(): Promise<readonly JournalRecord[]> {
    return await this.#select('id in (select id from journal.open_intent) order by seq', [])
  }

  async sealNext(): Promise<Seal | null> {
    const made = await this.#parts.db.transaction(async (tx) => {
      const [last] = await tx.query<{ to_seq: number }>(
        'select to_seq from journal.seal order by to_seq desc limit 1',
      )
      const rows = await tx.query<{ text: string }>(
        `select text from journal.record where seq > $1 order by seq limit ${SEAL_EVERY_RECORDS}`,
        [last?.to_seq ?? 0],
      )
      const run = fittingRun(rows.map(({ text }) => text))
      if (run.length === 0) return null
      const seal = sealOf(run, this.#parts.key, new Date(this.#parts.clock.nowMs()).toISOString())
      await tx.query('insert into journal.seal (to_seq, from_seq, text) values ($1, $2, $3)', [
        seal.to,
        seal.from,
        JSON.stringify(seal),
      ])
      return seal
    })
    if (made !== null) await this.#noted(async (file) => await file.appendSeal(made, JSON.stringify(made)))
    return made
  }

  async #noted(note: (file: JournalFile) => Promise<void>): Promise<void> {
    const { file } = this.#parts
    if (file === undefined) return
    await note(file).catch((thrown: unknown) => {
      this.#fileFault = thrown
    })
  }

  async sealedRuns(after: number, limit: number): Promise<readonly SealedRun[]> {
    const rows = await this.#parts.db.query<{ text: string }>(
      'select text from journal.seal where to_seq > $1 order by to_seq limit $2',
      [after, limit],
    )
    const runs: SealedRun[] = []
    for (const { text } of rows) {
      const seal = v.parse(SealSchema, JSON.parse(text))
      runs.push({ seal, records: await this.read({ from: seal.from, limit: seal.to - seal.from + 1 }) })
    }
    return runs
  }

  async unshipped(): Promise<{ readonly count: number; readonly from: number | null }> {
    const { count, from } = await countWaiting(this.#parts.db)
    return { count, from }
  }

  async pruneShipped(seq: number): Promise<void> {
    const [gone] = await this.#parts.db.query<{ count: number; bytes: number }>(
      `with gone as (delete from journal.outbox where seq <= $1 returning size_bytes)
       select count(*) as count, coalesce(sum(size_bytes), 0) as bytes from gone`,
      [seq],
    )
    this.#waiting = added(this.#waiting, { count: -(gone?.count ?? 0), bytes: -(gone?.bytes ?? 0) })
    await this.#noted(async (file) => await file.noteShipped(seq))
  }

  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #select(where: string, params: readonly (string | number)[]): Promise<readonly JournalRecord[]> {
    const rows = await this.#parts.db.query<{ text: string }>(
      `select text from journal.record where ${where}`,
      params,
    )
    return rows.map(({ text }) => parseRecord(text))
  }
}

async function countWaiting(sql: Queryable): Promise<Waiting & { readonly from: number | null }> {
  const [row] = await sql.query<{ count: number; bytes: number; from: number | null }>(
    'select count(*) as count, coalesce(sum(size_bytes), 0) as bytes, min(seq) as "from" from journal.outbox',
  )
  return row ?? { count: 0, bytes: 0, from: null }
}

function added(waiting: Waiting | null, change: Waiting): Waiting | null {
  if (waiting === null) return null
  return { count: waiting.count + change.count, bytes: waiting.bytes + change.bytes }
}

function checkBody(body: JournalBody): void {
  const parsed = v.safeParse(JournalBodySchema, body)
  if (parsed.success) return
  throw new BadRecord(`a record was not written: ${describeIssues(parsed.issues)}`, {
    remedy: 'Say it in fewer words; if nothing was too long, this is a fault in Starling: report it.',
  })
}

/** A promise that somebody may await later, or nobody. */
function settledLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

function fittingRun(texts: readonly string[]): readonly JournalRecord[] {
  let size = 0
  const run: JournalRecord[] = []
  for (const text of texts) {
    size += Buffer.byteLength(text)
    if (run.length > 0 && size > MAX_RUN_BYTES) break
    run.push(parseRecord(text))
  }
  return run
}

function textOf(record: JournalRecord): string {
  return Buffer.from(canonicalBytes(record)).toString('utf8')
}
