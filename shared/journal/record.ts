/**
 * One entry of a device's (or the centre's) journal: a hash chain of canonical JSON (RFC 8785), so that an edit, a
 * deletion, a reorder or a cut is found by anyone who holds the public key. `hash` is the SHA-256 of the canonical bytes
 * of the entry without `hash`; `prev` is the hash of the entry before, 64 zeros for the first. `seq` starts at 1, no gap.
 *
 * Payloads (transcripts, inputs, outputs) are not in the entry: it carries SHA-256(salt || canonical bytes), the salt and the
 * bytes lie in their own table, and erasing them never breaks the chain.
 */
import * as v from 'valibot'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Uuid7 = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
)
const Short = v.pipe(v.string(), v.maxLength(200))

const RouteSchema = v.strictObject({
  provider: Short,
  model: Short,
  digest: v.nullable(Hash),
  region: v.picklist(['device', 'centre']),
  reason: Short,
  traits: v.exactOptional(
    v.strictObject({
      class: Short,
      licence: Short,
      residency: v.picklist(['device', 'centre']),
      source: v.picklist(['released', 'imported', 'declared']),
    }),
  ),
})

/** Before the effect: who wants what, what policy said, by what route. */
export const IntentBodySchema = v.strictObject({
  kind: v.literal('intent'),
  principal: v.strictObject({
    kind: v.picklist(['person', 'device', 'process']),
    id: Short,
    roles: v.pipe(v.array(Short), v.maxLength(16)),
  }),
  action: Short,
  resource: v.strictObject({ type: Short, id: Short }),
  dataClass: v.picklist(['public', 'internal', 'personal', 'restricted']),
  policy: v.strictObject({ version: v.number(), digest: Hash, rule: Short }),
  verdict: v.picklist(['permit', 'deny']),
  route: RouteSchema,
  confidence: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  turn: v.nullable(Uuid7),
  cost: v.number(),
  input: Hash,
})

/** After it: what happened. `of` is the intent's id. */
export const OutcomeBodySchema = v.strictObject({
  kind: v.literal('outcome'),
  of: Uuid7,
  status: v.picklist(['performed', 'failed', 'denied', 'took_place', 'did_not_take_place', 'unknown']),
  code: v.nullable(Short),
  durationUs: v.number(),
  output: v.nullable(Hash),
})

/** A local change of synced data, on its way up: committed in the same transaction as the row that it describes. */
export const WriteBodySchema = v.strictObject({
  kind: v.literal('write'),
  of: Uuid7,
  table: Short,
  key: Short,
  /** Columns that change, as canonical JSON text; part of the chain because the centre applies it. */
  patch: v.pipe(v.string(), v.maxLength(64_000)),
  baseVersion: v.number(),
  /** The changed columns as they were seen before, as canonical JSON text. These are in records since writes are intents. */
  base: v.exactOptional(v.pipe(v.string(), v.maxLength(64_000))),
  stampMs: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  sinceMs: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  dependsOn: v.exactOptional(v.pipe(v.array(Uuid7), v.maxLength(8))),
  undoes: v.exactOptional(Uuid7),
  /** Of the columns' form; absent for 1. */
  contextVersion: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(999_999))),
})

/** Entries that this device can no longer supply, named and signed rather than silently missing. */
export const GapBodySchema = v.strictObject({
  kind: v.literal('gap'),
  from: v.number(),
  to: v.number(),
  reason: Short,
})

export const JournalBodySchema = v.variant('kind', [
  IntentBodySchema,
  OutcomeBodySchema,
  WriteBodySchema,
  GapBodySchema,
])

export const JournalRecordSchema = v.strictObject({
  v: v.literal(1),
  id: Uuid7,
  origin: v.pipe(v.string(), v.maxLength(40)),
  seq: v.pipe(v.number(), v.integer(), v.minValue(1)),
  prev: Hash,
  at: v.pipe(v.string(), v.maxLength(30)),
  body: JournalBodySchema,
  hash: Hash,
})

export type JournalRecord = v.InferOutput<typeof JournalRecordSchema>
export type JournalBody = v.InferOutput<typeof JournalBodySchema>
export type IntentBody = v.InferOutput<typeof IntentBodySchema>
export type OutcomeBody = v.InferOutput<typeof OutcomeBodySchema>
export type WriteBody = v.InferOutput<typeof WriteBodySchema>

export const GENESIS_HASH = '0'.repeat(64)
/** Records under one seal: at most this many. */
export const SEAL_EVERY_RECORDS = 64
