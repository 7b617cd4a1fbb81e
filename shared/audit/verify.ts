/**
 * The verdict on a whole journal: every record's hash and link, every seal's signature and root, every kept payload's
 * digest, and that nothing is missing at the end. Reads in batches; the answer names the first place that does not hold.
 */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { parseRecord, payloadDigest } from '../journal/journal.ts'
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
}

/** Checks the journal in `sql` against its origin's key. Never throws for what it finds; throws when the database cannot be read. */
export async function verifyJournal(sql: Queryable, key: PublicKey): Promise<Verification> {
  const at: Progress = {
    records: 0,
    seals: 0,
    payloads: 0,
    erased: 0,
    seq: 0,
    hash: GENESIS_HASH,
    sealedTo: 0,
  }
  try {
    await walkRecords(sql, at)
    await walkSeals(sql, key, at)
    await walkPayloads(sql, at)
    return verdict(at, null)
  } catch (thrown) {
    if (thrown instanceof ChainBroken)
      return verdict(at, { kind: thrown.fault, seq: thrown.seq, message: thrown.message })
    if (thrown instanceof StarlingError && thrown.code === 'journal_damaged')
      return verdict(at, { kind: 'unreadable', seq: at.seq + 1, message: thrown.message })
    if (thrown instanceof PayloadChanged)
      return verdict(at, { kind: 'payload', seq: thrown.seq, message: thrown.message })
    throw thrown
  }
}

class PayloadChanged extends Error {
  override readonly name = 'PayloadChanged'
  readonly seq: number

  constructor(seq: number, part: string) {
    super(`the kept ${part} of record ${seq} is not what its digest says`)
    this.seq = seq
  }
}

async function walkRecords(sql: Queryable, at: Progress): Promise<void> {
  for (;;) {
    const rows = await sql.query<{ seq: number; text: string; hash: string; id: string }>(
      'select seq, id, text, hash from journal.record where seq > $1 order by seq limit $2',
      [at.seq, BATCH],
    )
    for (const row of rows) {
      const record = parseRecord(row.text)
      if (row.seq !== at.seq + 1 || record.seq !== row.seq)
        throw new ChainBroken('out_of_order', at.seq + 1, `record ${row.seq} stands there`)
      verifyRecord(record, at.hash)
      if (record.hash !== row.hash || record.id !== row.id || !isCanonical(row.text, record))
        throw new ChainBroken('edited', record.seq, 'its columns are not what its text says')
      at.seq = record.seq
      at.hash = record.hash
      at.records += 1
    }
    if (rows.length < BATCH) return
  }
}

async function walkSeals(sql: Queryable, key: PublicKey, at: Progress): Promise<void> {
  for (;;) {
    const rows = await sql.query<{ to_seq: number; text: string }>(
      'select to_seq, text from journal.seal where to_seq > $1 order by to_seq limit 50',
      [at.sealedTo],
    )
    for (const { to_seq, text } of rows) {
      const seal = readSeal(text, at.sealedTo + 1)
      if (seal.to !== to_seq || seal.from !== at.sealedTo + 1)
        throw new ChainBroken('seal_mismatch', at.sealedTo + 1, 'the seals do not follow one another')
      if (!isSigned(seal, key))
        throw new ChainBroken('forged_seal', seal.from, 'the seal is not signed by its origin')
      if (seal.to > at.seq)
        throw new ChainBroken(
          'seal_mismatch',
          at.seq + 1,
          `records up to ${seal.to} were sealed and are gone`,
        )
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
      const { body } = parseRecord(text)
      const said = body.kind === 'intent' ? body.input : body.kind === 'outcome' ? body.output : null
      if (bytes === null) at.erased += 1
      else if (payloadDigest(salt, bytes) !== said) throw new PayloadChanged(seq, part)
      at.payloads += 1
      after = seq
    }
    if (rows.length < BATCH) return
  }
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
