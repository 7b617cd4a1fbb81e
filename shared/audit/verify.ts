/**
 * The verdict on a whole journal: every record's hash and link, every seal's signature and root, every kept payload's
 * digest, and that nothing is missing at the end. Reads in batches; the answer names the first place that does not hold.
 */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { payloadDigest } from '../journal/journal.ts'
import { parseRecord } from '../journal/stored-record.ts'
import { GENESIS_HASH, type JournalRecord } from '../journal/record.ts'
import { ChainBroken, isSigned, SealSchema, verifyRecord, verifySeal, type Seal } from '../journal/seal.ts'
import { canonicalBytes } from '../canonical.ts'
import type { PublicKey } from '../signing/ed25519.ts'
import type { Queryable } from '../sql/port.ts'

const BATCH = 500

export type Verification = {
  readonly holds: boolean
  readonly records: number
  readonly seals: number
  readonly payloads: number
  /** Payloads that were erased: their digests still stand in the chain. */
  readonly erased: number
  /** The last record that holds. */
  readonly head: { readonly seq: number; readonly hash: string }
  /** Records after the last seal: chained, and not yet signed. */
  readonly unsealed: number
  readonly fault: { readonly kind: string; readonly seq: number; readonly message: string } | null
}

interface Progress {
  records: number
  seals: number
  payloads: number
  erased: number
  seq: number
  hash: string
  sealedTo: number
  /** Permitted intents without an outcome in the records up to `start.head`, by their sequence numbers. */
  readonly open: Map<string, number>
  readonly start: Start
}

/** How the journal stood at the beginning: it may grow while it is read, and what grew is no fault. */
interface Start {
  readonly head: number
  readonly sealedTo: number
  readonly open: ReadonlyMap<string, number>
}

async function startOf(sql: Queryable): Promise<Start> {
  const [row] = await sql.query<{ head: number; sealed_to: number; open: readonly [string, number][] }>(
    `select coalesce((select max(seq) from journal.record), 0) as head,
       coalesce((select max(to_seq) from journal.seal), 0) as sealed_to,
       coalesce((select jsonb_agg(jsonb_build_array(id, seq) order by seq) from journal.open_intent), '[]') as open`,
  )
  return { head: row?.head ?? 0, sealedTo: row?.sealed_to ?? 0, open: new Map(row?.open) }
}

/** What somebody else saw of this journal: a receipt, an export, a note on paper. */
export interface Witness {
  readonly seq: number
  readonly hash: string
}

/**
 * Checks the journal in `sql` against its origin's key. Without a witness, records cut off after the last seal cannot be
 * missed by anyone; with one, they are. Never throws for what it finds; throws when the database cannot be read.
 */
export async function verifyJournal(
  sql: Queryable,
  key: PublicKey,
  witness: Witness | null = null,
): Promise<Verification> {
  const at: Progress = {
    records: 0,
    seals: 0,
    payloads: 0,
    erased: 0,
    seq: 0,
    hash: GENESIS_HASH,
    sealedTo: 0,
    open: new Map(),
    start: await startOf(sql),
  }
  try {
    await walkRecords(sql, at, witness)
    await walkSeals(sql, key, at)
    await walkPayloads(sql, at)
    checkOpenIntents(at)
    return verdict(at, null)
  } catch (thrown) {
    if (thrown instanceof ChainBroken)
      return verdict(at, { kind: thrown.fault, seq: thrown.seq, message: thrown.message })
    if (thrown instanceof StarlingError && thrown.code === 'journal_damaged')
      return verdict(at, { kind: 'unreadable', seq: at.seq + 1, message: thrown.message })
    throw thrown
  }
}

type RecordRow = {
  readonly seq: number
  readonly id: string
  readonly kind: string
  readonly of: string | null
  readonly action: string | null
  readonly turn: string | null
  readonly text: string
  readonly hash: string
}

async function walkRecords(sql: Queryable, at: Progress, witness: Witness | null): Promise<void> {
  for (;;) {
    const rows = await sql.query<RecordRow>(
      'select seq, id, kind, of, action, turn, text, hash from journal.record where seq > $1 order by seq limit $2',
      [at.seq, BATCH],
    )
    for (const row of rows) {
      const record = parseRecord(row.text)
      if (row.seq !== at.seq + 1)
        throw new ChainBroken('deleted', at.seq + 1, `record ${row.seq} stands there`)
      if (record.seq !== row.seq)
        throw new ChainBroken('out_of_order', row.seq, `record ${record.seq} stands there`)
      verifyRecord(record, at.hash)
      if (!saysTheSame(row, record))
        throw new ChainBroken('edited', record.seq, 'its columns are not what its text says')
      if (witness?.seq === record.seq && witness.hash !== record.hash)
        throw new ChainBroken('edited', record.seq, 'it is another than the one that was seen before')
      if (record.seq <= at.start.head) keepOpen(at.open, record)
      at.seq = record.seq
      at.hash = record.hash
      at.records += 1
    }
    if (rows.length < BATCH) break
  }
  if (witness !== null && witness.seq > at.seq)
    throw new ChainBroken('cut_off', at.seq + 1, `records up to ${witness.seq} were seen and are gone`)
}

function saysTheSame(row: RecordRow, record: JournalRecord): boolean {
  const { body } = record
  return (
    row.hash === record.hash &&
    row.id === record.id &&
    row.kind === body.kind &&
    row.of === ('of' in body ? body.of : null) &&
    row.action === ('action' in body ? body.action : null) &&
    row.turn === ('turn' in body ? body.turn : null) &&
    isCanonical(row.text, record)
  )
}

function keepOpen(open: Map<string, number>, { id, seq, body }: JournalRecord): void {
  if (body.kind === 'intent' && body.verdict === 'permit') open.set(id, seq)
  else if (body.kind === 'outcome') open.delete(body.of)
}

/** An intent taken off this list would never be settled, and nobody would see that its end is not known. */
function checkOpenIntents({ open, start }: Progress): void {
  for (const [id, seq] of start.open)
    if (!open.has(id)) throw new ChainBroken('edited', seq, 'it is listed as open, and is not')
  for (const [id, seq] of open)
    if (!start.open.has(id))
      throw new ChainBroken('edited', seq, 'it has no outcome, and is not listed as open')
}

async function walkSeals(sql: Queryable, key: PublicKey, at: Progress): Promise<void> {
  for (;;) {
    const rows = await sql.query<{ to_seq: number; text: string }>(
      'select to_seq, text from journal.seal where to_seq > $1 and to_seq <= $2 order by to_seq limit 50',
      [at.sealedTo, at.start.sealedTo],
    )
    for (const { to_seq, text } of rows) {
      const seal = readSeal(text, at.sealedTo + 1)
      if (seal.to !== to_seq || seal.from !== at.sealedTo + 1)
        throw new ChainBroken('seal_mismatch', at.sealedTo + 1, 'the seals do not follow one another')
      if (!isSigned(seal, key))
        throw new ChainBroken('forged_seal', seal.from, 'the seal is not signed by its origin')
      if (seal.to > at.seq)
        throw new ChainBroken('cut_off', at.seq + 1, `records up to ${seal.to} were sealed and are gone`)
      verifySeal(seal, await recordsOf(sql, seal), key)
      at.sealedTo = seal.to
      at.seals += 1
    }
    if (rows.length === 0) return
  }
}

async function walkPayloads(sql: Queryable, at: Progress): Promise<void> {
  let after = 0
  for (;;) {
    const rows = await sql.query<{
      seq: number
      part: string
      text: string
      salt: Uint8Array
      bytes: Uint8Array | null
    }>(
      `select r.seq, p.part, r.text, p.salt, p.bytes from journal.record r join journal.payload p on p.record_id = r.id
       where r.seq > $1 order by r.seq limit $2`,
      [after, BATCH],
    )
    for (const { seq, part, text, salt, bytes } of rows) {
      if (bytes === null) at.erased += 1
      else checkPayload(parseRecord(text), { part, salt, bytes })
      at.payloads += 1
      after = seq
    }
    if (rows.length < BATCH) return
  }
}

/** Throws {@link ChainBroken} when a kept payload is not what its record's digest says. */
export function checkPayload(
  { seq, body }: JournalRecord,
  payload: { readonly part: string; readonly salt: Uint8Array; readonly bytes: Uint8Array },
): void {
  const said =
    body.kind === 'intent'
      ? { part: 'input', digest: body.input }
      : { part: 'output', digest: body.kind === 'outcome' ? body.output : null }
  if (payload.part !== said.part || payloadDigest(payload.salt, payload.bytes) !== said.digest)
    throw new ChainBroken('payload', seq, `its ${said.part} is not what its digest says`)
}

async function recordsOf(sql: Queryable, seal: Seal): Promise<readonly JournalRecord[]> {
  const rows = await sql.query<{ text: string }>(
    'select text from journal.record where seq between $1 and $2 order by seq',
    [seal.from, seal.to],
  )
  return rows.map(({ text }) => parseRecord(text))
}

function readSeal(text: string, seq: number): Seal {
  try {
    return v.parse(SealSchema, JSON.parse(text))
  } catch {
    throw new ChainBroken('forged_seal', seq, 'the seal cannot be read')
  }
}

function isCanonical(text: string, record: JournalRecord): boolean {
  return Buffer.from(canonicalBytes(record)).equals(Buffer.from(text, 'utf8'))
}

function verdict(at: Progress, fault: Verification['fault']): Verification {
  return {
    holds: fault === null,
    records: at.records,
    seals: at.seals,
    payloads: at.payloads,
    erased: at.erased,
    head: { seq: at.seq, hash: at.hash },
    unsealed: Math.max(0, at.seq - at.sealedTo),
    fault,
  }
}
