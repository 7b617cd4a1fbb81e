/**
 * Thin context sync: a device asks for what changed after its cursor, and gets rows and tombstones in version order, at most
 * {@link MAX_PULL_ANSWER_BYTES} an answer. What it may see is decided by the centre from who asks, never by the request.
 */
import * as v from 'valibot'
import { CONTEXT_TABLES } from '../context/tables.ts'

/** An answer: comfortably under what a leaf link carries in one message. */
export const MAX_PULL_ANSWER_BYTES = 256 * 1024
/** One row's JSON: eight of the largest still fit one answer. */
export const MAX_ROW_BYTES = 32 * 1024

const Version = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const Table = v.picklist(CONTEXT_TABLES)
const Key = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Epoch = v.pipe(v.string(), v.regex(/^[0-9a-f-]{36}$/))

export const ContextPullSchema = v.strictObject({
  v: v.literal(1),
  /** The centre's data set that `cursor` counts in; null at first. */
  epoch: v.nullable(Epoch),
  cursor: Version,
  table: v.optional(Table),
})
export type ContextPull = v.InferOutput<typeof ContextPullSchema>

export const ContextRowSchema = v.strictObject({
  table: Table,
  key: Key,
  version: Version,
  /** The journal `write` that made this version; null where the centre did. */
  writeId: v.nullable(v.string()),
  body: v.record(v.string(), v.unknown()),
})
export type ContextRow = v.InferOutput<typeof ContextRowSchema>

export const ContextAnswerSchema = v.strictObject({
  v: v.literal(1),
  epoch: Epoch,
  /** True when the device's cursor means nothing here: what it holds is to be dropped and replaced. */
  restart: v.boolean(),
  rows: v.array(ContextRowSchema),
  tombstones: v.array(v.strictObject({ table: Table, key: Key, version: Version })),
  nextCursor: Version,
  more: v.boolean(),
})
export type ContextAnswer = v.InferOutput<typeof ContextAnswerSchema>
