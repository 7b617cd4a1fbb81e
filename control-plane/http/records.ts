/** Browsing the records that the centre holds: newest first, narrowed down, a page at a time; and all of one device's as lines. */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import { JournalRecordSchema } from '../../shared/journal/record.ts'
import { ChainBroken, SealSchema, verifySeal, type Seal } from '../../shared/journal/seal.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Queryable, SqlValue } from '../../shared/sql/port.ts'

const MAX_LISTED = 500
const EXPORT_BATCH = 500

class QueryRefused extends StarlingError {
  override readonly code = 'query_refused'
}

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
export const RecordQuerySchema = v.strictObject({
  device: v.optional(Text),
  action: v.optional(Text),
  kind: v.optional(v.picklist(['intent', 'outcome', 'write', 'gap'])),
  /** Of intents: what policy said. */
  verdict: v.optional(v.picklist(['permit', 'deny'])),
  /** Of outcomes: what happened. */
  status: v.optional(
    v.picklist(['performed', 'failed', 'denied', 'took_place', 'did_not_take_place', 'unknown']),
  ),
  turn: v.optional(Text),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(MAX_LISTED)),
  ),
  /** `next` of the page before. */
  after: v.optional(Text),
})
type RecordQuery = v.InferOutput<typeof RecordQuerySchema>

/** For a filter that there is not, so that a mistyped one does not show everything. */
export function queryRefused(why: string): QueryRefused {
  return new QueryRefused(`the records were not searched: ${why}`, {
    remedy: `Filters are device, action, kind, verdict, status, turn, after, and limit up to ${MAX_LISTED}.`,
  })
}

const ListedRecordSchema = v.object({
  device: v.string(),
  seq: v.number(),
  id: v.string(),
  kind: v.string(),
  action: v.nullable(v.string()),
  of: v.nullable(v.string()),
  turn: v.nullable(v.string()),
  at: v.string(),
  record: JournalRecordSchema,
})
type ListedRecord = v.InferOutput<typeof ListedRecordSchema>

export const RecordPageSchema = v.object({
  records: v.array(ListedRecordSchema),
  /** What to send as `after` for the next page; null at the end. */
  next: v.nullable(v.string()),
})
type RecordPage = v.InferOutput<typeof RecordPageSchema>

type RecordRow = Omit<ListedRecord, 'record'> & { readonly text: string }

export async function listRecords(sql: Queryable, tenant: TenantId, query: RecordQuery): Promise<RecordPage> {
  const limit = query.limit ?? 50
  const rows = await sql.query<RecordRow & Record<string, SqlValue>>(
    `select device, seq, id, kind, action, of, turn, at, text from ingest.record
     where tenant = $1 and ($2::text is null or device = $2) and ($3::text is null or action = $3)
       and ($4::text is null or kind = $4) and ($5::text is null or turn = $5)
       and ($6::text is null or (kind = 'intent' and text::jsonb->'body'->>'verdict' = $6))
       and ($7::text is null or (kind = 'outcome' and text::jsonb->'body'->>'status' = $7))
       and ($8::text is null or (at, device, seq) < ($8::text, $9::text, $10::bigint))
     order by at desc, device desc, seq desc limit $11`,
    [
      tenant,
      query.device ?? null,
      query.action ?? null,
      query.kind ?? null,
      query.turn ?? null,
      query.verdict ?? null,
      query.status ?? null,
      ...placeOf(query.after),
      limit,
    ],
  )
  const records = rows.map(({ text, ...row }) => ({ ...row, record: parseRecord(text) }))
  const last = records.at(-1)
  return { records, next: last === undefined || records.length < limit ? null : nameOf(last) }
}

const PlaceSchema = v.strictTuple([v.string(), v.string(), v.number()])

function placeOf(after: string | undefined): readonly [string | null, string, number] {
  if (after === undefined) return [null, '', 0]
  try {
    return v.parse(PlaceSchema, JSON.parse(Buffer.from(after, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new QueryRefused('the records were not searched: `after` is not the `next` of a page', {
      remedy: 'Start again without `after`.',
      cause,
    })
  }
}

function nameOf({ at, device, seq }: ListedRecord): string {
  return Buffer.from(JSON.stringify([at, device, seq])).toString('base64url')
}

export const StandingSchema = v.variant('kind', [
  v.object({ kind: v.literal('sealed'), from: v.number(), to: v.number(), sealedAt: v.string() }),
  v.object({ kind: v.literal('broken'), message: v.string() }),
])
type Standing = v.InferOutput<typeof StandingSchema>

/** Whether the record `seq` lies, unaltered, in a run that its device sealed. */
export async function standingOf(
  sql: Queryable,
  of: { readonly tenant: TenantId; readonly device: DeviceId; readonly key: PublicKey },
  seq: number,
): Promise<Standing> {
  const { tenant, device, key } = of
  const [row] = await sql.query<{ text: string }>(
    `select text from ingest.seal where tenant = $1 and device = $2 and to_seq >= $3 and from_seq <= $3
     order by to_seq limit 1`,
    [tenant, device, seq],
  )
  if (row === undefined) return { kind: 'broken', message: 'no seal of its device covers it' }
  try {
    const seal: Seal = v.parse(SealSchema, JSON.parse(row.text))
    const records = await sql.query<{ text: string }>(
      'select text from ingest.record where tenant = $1 and device = $2 and seq between $3 and $4 order by seq',
      [tenant, device, seal.from, seal.to],
    )
    verifySeal(
      seal,
      records.map(({ text }) => parseRecord(text)),
      key,
    )
    return { kind: 'sealed', from: seal.from, to: seal.to, sealedAt: seal.at }
  } catch (thrown) {
    if (thrown instanceof ChainBroken) return { kind: 'broken', message: thrown.message }
    throw thrown
  }
}

/**
 * Everything that proves one device's journal, as lines of JSON: who signs, then records, seals and gaps. Enough for
 * somebody who trusts neither the centre nor its operator to verify it with the device's public key alone.
 */
export async function* exportLines(
  sql: Queryable,
  of: { readonly tenant: TenantId; readonly device: DeviceId; readonly key: PublicKey },
): AsyncGenerator<string> {
  const { tenant, device, key } = of
  yield line({ kind: 'journal', v: 1, tenant, device, publicKey: key.text, keyId: key.id })
  for (const { table, column, kind } of [
    { table: 'record', column: 'seq', kind: 'record' },
    { table: 'seal', column: 'to_seq', kind: 'seal' },
  ] as const) {
    let after = 0
    for (;;) {
      const rows = await sql.query<{ at: number; text: string }>(
        `select ${column} as at, text from ingest.${table}
         where tenant = $1 and device = $2 and ${column} > $3 order by ${column} limit $4`,
        [tenant, device, after, EXPORT_BATCH],
      )
      for (const { at, text } of rows) {
        yield `{"kind":"${kind}","${kind}":${text}}\n`
        after = at
      }
      if (rows.length < EXPORT_BATCH) break
    }
  }
  const gaps = await sql.query<{ from_seq: number; to_seq: number; reason: string; record_id: string }>(
    `select from_seq, to_seq, reason, record_id from ingest.gap
     where tenant = $1 and device = $2 order by from_seq`,
    [tenant, device],
  )
  for (const { from_seq, to_seq, reason, record_id } of gaps)
    yield line({ kind: 'gap', from: from_seq, to: to_seq, reason, record: record_id })
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
