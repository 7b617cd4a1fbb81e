/**
 * One record shown to a third party without the others: the record, the seal that its origin signed over the run that it
 * lies in, and the RFC 6962 path from the one to the root in the other.
 */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { parseRecord } from '../journal/stored-record.ts'
import { JournalRecordSchema, SEAL_EVERY_RECORDS, type JournalRecord } from '../journal/record.ts'
import { hashOf, isSigned, SealSchema } from '../journal/seal.ts'
import type { PublicKey } from '../signing/ed25519.ts'
import type { Queryable } from '../sql/port.ts'
import { describeIssues } from '../wire/answer.ts'
import { inclusionProof, leafHash, verifyInclusion } from './merkle.ts'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
/** A run has at most {@link SEAL_EVERY_RECORDS} records: a path is no longer than this. */
const MAX_PATH = Math.ceil(Math.log2(SEAL_EVERY_RECORDS))

const RecordProofSchema = v.strictObject({
  v: v.literal(1),
  record: JournalRecordSchema,
  seal: SealSchema,
  /** Sibling hashes, nearest first. */
  path: v.pipe(v.array(Hash), v.maxLength(MAX_PATH)),
})
export type RecordProof = v.InferOutput<typeof RecordProofSchema>

export class BadProof extends StarlingError {
  override readonly code = 'bad_proof'
}

/** The proof for the record `id`; null when there is no such record, or no seal over it yet. */
export async function proveRecord(sql: Queryable, id: string): Promise<RecordProof | null> {
  const [found] = await sql.query<{ seq: number; text: string }>(
    `select r.seq, s.text from journal.record r
       join lateral (select text from journal.seal where to_seq >= r.seq and from_seq <= r.seq order by to_seq limit 1) s
       on true where r.id = $1`,
    [id],
  )
  if (found === undefined) return null
  const seal = v.parse(SealSchema, JSON.parse(found.text))
  const rows = await sql.query<{ text: string }>(
    'select text from journal.record where seq between $1 and $2 order by seq',
    [seal.from, seal.to],
  )
  const records = rows.map(({ text }) => parseRecord(text))
  const index = records.findIndex((record) => record.id === id)
  const record = records[index]
  if (record === undefined) return null
  const path = inclusionProof(records.map(leafOf), index).map((hash) => Buffer.from(hash).toString('hex'))
  return { v: 1, record, seal, path }
}

/** The record, when its origin's key vouches for it. Throws {@link BadProof}. */
export function verifyProof(value: unknown, key: PublicKey): JournalRecord {
  const parsed = v.safeParse(RecordProofSchema, value)
  if (!parsed.success) throw bad(describeIssues(parsed.issues))
  const { record, seal, path } = parsed.output
  if (!isSigned(seal, key)) throw bad('the seal is not signed by that key')
  if (record.origin !== seal.origin) throw bad('the record and the seal are of two origins')
  if (hashOf(record) !== record.hash) throw bad('the record is not what its hash says')
  const claim = {
    leaf: leafOf(record),
    index: record.seq - seal.from,
    size: seal.to - seal.from + 1,
    root: Buffer.from(seal.root, 'hex'),
  }
  if (
    !verifyInclusion(
      claim,
      path.map((hash) => Buffer.from(hash, 'hex')),
    )
  )
    throw bad('the path does not lead from the record to the root that was sealed')
  return record
}

function leafOf({ hash }: JournalRecord): Uint8Array {
  return leafHash(Buffer.from(hash, 'hex'))
}

function bad(why: string): BadProof {
  return new BadProof(`the proof does not hold: ${why}`, {
    remedy: 'Ask for it again; if it is refused again, the record was not made by the holder of that key.',
  })
}
