/** What a device and the centre say of the context beside the shapes themselves: whether the device's copy is what it should be. */
import * as v from 'valibot'
import { CONTEXT_TABLES } from '../context/tables.ts'

/** One row's JSON: eight of the largest still fit one piece of an answer. */
export const MAX_ROW_BYTES = 32 * 1024

export const SliceRequestSchema = v.strictObject({ v: v.literal(1), table: v.picklist(CONTEXT_TABLES) })

/** What the device may see of a table, as a digest, and the transaction at which that was so. */
export const SliceAnswerSchema = v.strictObject({
  v: v.literal(1),
  /** The centre's number of it, as text; null where the shapes are another server's, which numbers differently. */
  lsn: v.nullable(v.pipe(v.string(), v.regex(/^\d{1,19}$/))),
  rows: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
export type SliceAnswer = v.InferOutput<typeof SliceAnswerSchema>

/** Both sides digest rows so, over columns of these names: each row by itself, then all in the order of their keys' bytes. */
export const SLICE_DIGEST_SQL = `count(*) as rows, encode(sha256(coalesce(string_agg(
  sha256(convert_to(key || E'\\t' || version || E'\\t' || coalesce(write_id, '') || E'\\t' || body::text, 'UTF8')),
  ''::bytea order by key collate "C"), ''::bytea)), 'hex') as sha256`
