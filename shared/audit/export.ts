/**
 * A journal as JSON lines, to be kept and checked anywhere with the origin's public key alone:
 *
 *     {"kind":"journal","v":1,"origin":…,"keyid":…}
 *     {"kind":"record","record":…,"payload":{"part":…,"salt":…,"bytes":…}|null}   in order; payload bytes base64, null when erased
 *     {"kind":"seal","seal":…}                                                    after the last record of its run
 *     {"kind":"end","records":…,"seals":…}                                        so that a cut file is seen
 */
import * as v from 'valibot'
import { GENESIS_HASH, JournalRecordSchema, type JournalRecord } from '../journal/record.ts'
import { ChainBroken, SealSchema, verifyRecord, verifySeal } from '../journal/seal.ts'
import type { PublicKey } from '../signing/ed25519.ts'
import type { Queryable } from '../sql/port.ts'
import { checkPayload, type Verification } from './verify.ts'

const BATCH = 200

const LineSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('journal'),
    v: v.literal(1),
    origin: v.string(),
    keyid: v.string(),
  }),
  v.strictObject({
    kind: v.literal('record'),
    record: JournalRecordSchema,
    payload: v.nullable(
      v.strictObject({ part: v.string(), salt: v.string(), bytes: v.nullable(v.string()) }),
    ),
  }),
  v.strictObject({ kind: v.literal('seal'), seal: SealSchema }),
  v.strictObject({ kind: v.literal('end'), records: v.number(), seals: v.number() }),
])
type Line = v.InferOutput<typeof LineSchema>

type RecordRow = {
  readonly seq: number
  readonly text: string
  readonly part: string | null
  readonly salt: Uint8Array | null
  readonly bytes: Uint8Array | null
}

/** The lines, without their ends; payloads only where `withPayloads`, since they hold what people said. */
export async function* exportJournal(
  sql: Queryable,
  of: { readonly origin: string; readonly key: PublicKey; readonly withPayloads: boolean },
): AsyncGenerator<string> {
  yield JSON.stringify({ kind: 'journal', v: 1, origin: of.origin, keyid: of.key.id })
  let seq = 0
  let seals = 0
  for (;;) {
    const rows = await sql.query<RecordRow>(
      `select r.seq, r.text, p.part, p.salt, p.bytes from journal.record r
         left join journal.payload p on p.record_id = r.id and $3
       where r.seq > $1 order by r.seq limit $2`,
      [seq, BATCH, of.withPayloads],
    )
    const last = rows.at(-1)
    const ends = await sealsBetween(sql, seq, last?.seq ?? seq)
    for (const row of rows) {
      yield `{"kind":"record","record":${row.text},"payload":${payloadText(row)}}`
      const seal = ends.get(row.seq)
      if (seal === undefined) continue
      yield `{"kind":"seal","seal":${seal}}`
      seals += 1
    }
    seq = last?.seq ?? seq
    if (rows.length < BATCH) break
  }
  yield JSON.stringify({ kind: 'end', records: seq, seals })
}

async function sealsBetween(sql: Queryable, after: number, to: number): Promise<ReadonlyMap<number, string>> {
  const rows = await sql.query<{ to_seq: number; text: string }>(
    'select to_seq, text from journal.seal where to_seq > $1 and to_seq <= $2',
    [after, to],
  )
  return new Map(rows.map(({ to_seq, text }) => [to_seq, text]))
}

function payloadText({ part, salt, bytes }: RecordRow): string {
  if (part === null || salt === null) return 'null'
  return JSON.stringify({ part, salt: base64(salt), bytes: bytes === null ? null : base64(bytes) })
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

interface Reading {
  phase: 'before' | 'within' | 'ended'
  origin: string
  records: number
  seals: number
  payloads: number
  erased: number
  seq: number
  hash: string
  /** Since the last seal; a seal empties it, and it cannot hold more than a file has unsealed. */
  run: JournalRecord[]
}

/** Checks an export by `key`. Never throws for what it finds; the verdict names the first place that does not hold. */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  key: PublicKey,
): Promise<Verification> {
  const at: Reading = {
    phase: 'before',
    origin: '',
    records: 0,
    seals: 0,
    payloads: 0,
    erased: 0,
    seq: 0,
    hash: GENESIS_HASH,
    run: [],
  }
  try {
    for await (const line of lines) takeLine(at, readLine(line, at), key)
    if (at.phase !== 'ended') throw new ChainBroken('cut_off', at.seq + 1, 'the export has no end')
    return verdict(at, null)
  } catch (thrown) {
    if (!(thrown instanceof ChainBroken)) throw thrown
    return verdict(at, { kind: thrown.fault, seq: thrown.seq, message: thrown.message })
  }
}

function readLine(text: string, at: Reading): Line {
  try {
    return v.parse(LineSchema, JSON.parse(text))
  } catch {
    throw new ChainBroken('edited', at.seq + 1, 'a line of the export cannot be read')
  }
}

function takeLine(at: Reading, line: Line, key: PublicKey): void {
  if ((line.kind === 'journal') !== (at.phase === 'before') || at.phase === 'ended')
    throw new ChainBroken('out_of_order', at.seq + 1, `a ${line.kind} stands where none belongs`)
  switch (line.kind) {
    case 'journal':
      if (line.keyid !== key.id) throw new ChainBroken('forged_seal', 1, 'it is sealed by another key')
      at.origin = line.origin
      at.phase = 'within'
      return
    case 'record':
      takeRecord(at, line)
      return
    case 'seal':
      verifySeal(line.seal, at.run, key)
      at.run = []
      at.seals += 1
      return
    case 'end':
      if (line.records !== at.records || line.seals !== at.seals)
        throw new ChainBroken('cut_off', at.seq + 1, 'the export has not what its end says')
      at.phase = 'ended'
  }
}

function takeRecord(at: Reading, { record, payload }: Extract<Line, { kind: 'record' }>): void {
  if (record.seq !== at.seq + 1)
    throw new ChainBroken('deleted', at.seq + 1, `record ${record.seq} stands there`)
  if (record.origin !== at.origin)
    throw new ChainBroken('wrong_origin', record.seq, `it is from ${record.origin}`)
  verifyRecord(record, at.hash)
  if (payload !== null) {
    at.payloads += 1
    if (payload.bytes === null) at.erased += 1
    else checkPayload(record, { ...payload, salt: bytesOf(payload.salt), bytes: bytesOf(payload.bytes) })
  }
  at.records += 1
  at.seq = record.seq
  at.hash = record.hash
  at.run.push(record)
}

/** Base64 in its one form; anything else reads as nothing, and then no digest fits. */
function bytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : new Uint8Array()
}

function verdict(at: Reading, fault: Verification['fault']): Verification {
  return {
    holds: fault === null,
    records: at.records,
    seals: at.seals,
    payloads: at.payloads,
    erased: at.erased,
    head: { seq: at.seq, hash: at.hash },
    unsealed: at.run.length,
    fault,
  }
}
