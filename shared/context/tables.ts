/**
 * The field-service data that travels: one schema a table, the same on the device and at the centre. A row has a key (its
 * id) and a body; times are ISO 8601 in UTC. What a device may change, and how changes are merged, is in `write-rules.ts`.
 */
import * as v from 'valibot'
import { DocumentSchema, EdgeSchema, NodeSchema } from './knowledge.ts'

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Line = v.pipe(v.string(), v.maxLength(200))
const Text = v.pipe(v.string(), v.maxLength(4_000))
const Time = v.pipe(v.string(), v.isoTimestamp())
const Words = v.pipe(v.array(Line), v.maxLength(20))

const Values = v.record(Line, v.any())
/** Who wrote a version, and when; no device for the centre itself. */
const Author = v.strictObject({ device: v.nullable(Line), person: v.nullable(Line), at: v.nullable(Time) })

/** What becomes of two changes of one field that did not see each other. */
export const MERGE_POLICIES = ['server_wins', 'append', 'counter', 'person'] as const
export type MergePolicy = (typeof MERGE_POLICIES)[number]

/** Why a write was not taken; the same word at the centre and on the device. */
export const REJECTIONS = [
  'schema',
  'forbidden',
  'missing_row',
  'scope',
  'key_taken',
  'list_full',
  'settled',
  'dependency',
  'version',
] as const
export type Rejection = (typeof REJECTIONS)[number]

export const ROW_SCHEMAS = {
  asset: v.strictObject({
    name: Line,
    /** What is written on the plate. */
    tag: Line,
    kind: Line,
    location: Line,
    /** Other things that people call it. */
    aliases: Words,
  }),
  work_order: v.strictObject({
    number: v.pipe(v.string(), v.regex(/^\d{1,9}$/)),
    title: Line,
    assetId: v.nullable(Id),
    status: v.picklist(['open', 'in_progress', 'on_hold', 'closed']),
    priority: v.picklist(['low', 'normal', 'high', 'urgent']),
    assigneeId: v.nullable(Id),
    procedureId: v.nullable(Id),
    description: Text,
    openedAt: Time,
    closedAt: v.nullable(Time),
  }),
  procedure: v.strictObject({ title: Line, assetKind: Line, revision: v.number() }),
  step: v.strictObject({
    procedureId: Id,
    number: v.pipe(v.number(), v.integer(), v.minValue(1)),
    text: Text,
    /** What must be recorded before the step counts as done. */
    evidence: v.nullable(v.strictObject({ quantity: Line, unit: Line })),
  }),
  part: v.strictObject({
    number: Line,
    name: Line,
    unit: Line,
    stock: v.pipe(v.number(), v.integer()),
    aliases: Words,
  }),
  person: v.strictObject({ name: Line, role: Line, phone: Line }),
  reading: v.strictObject({
    assetId: v.nullable(Id),
    workOrderId: v.nullable(Id),
    quantity: Line,
    value: v.number(),
    unit: Line,
    takenAt: Time,
    takenBy: Line,
    /** Taken back by whoever made it; kept, because it was said. */
    withdrawn: v.boolean(),
  }),
  note: v.strictObject({
    workOrderId: v.nullable(Id),
    assetId: v.nullable(Id),
    text: Text,
    writtenAt: Time,
    writtenBy: Line,
    withdrawn: v.boolean(),
  }),
  part_order: v.strictObject({
    partId: v.nullable(Id),
    partNumber: Line,
    count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
    workOrderId: v.nullable(Id),
    orderedAt: Time,
    orderedBy: Line,
    status: v.picklist(['ordered', 'withdrawn', 'delivered']),
  }),
  inbox_item: v.strictObject({
    reason: Line,
    question: Text,
    /** The turn that led here; null where a program asked. */
    turn: v.nullable(v.string()),
    workOrderId: v.nullable(Id),
    raisedAt: Time,
    raisedBy: Line,
    status: v.picklist(['open', 'answered', 'withdrawn']),
    answer: v.nullable(Text),
    answeredBy: v.nullable(Line),
    answeredAt: v.nullable(Time),
  }),
  /** What became of a device's own write; its key is the write's record id. */
  write_result: v.strictObject({
    table: Line,
    key: Id,
    outcome: v.picklist(['applied', 'conflict', 'rejected']),
    /** Of a rejected one: which kind of refusal. */
    code: v.nullable(v.picklist(REJECTIONS)),
    reason: v.nullable(Line),
    /** The centre's version from which on the copy shows what became of the write. */
    rowVersion: v.number(),
  }),
  /** Two versions of one field that nobody saw together; its key is the losing write's id, a dot, the field. */
  write_conflict: v.strictObject({
    table: Line,
    key: Id,
    field: Line,
    policy: v.picklist(MERGE_POLICIES),
    /** Settled by a person, or still to be looked at. */
    status: v.picklist(['open', 'settled']),
    /** Column -> value, as the losing device saw it before, as it wrote it, and as it stands. Long texts are clipped. */
    base: Values,
    ours: Values,
    theirs: Values,
    oursBy: Author,
    theirsBy: Author,
    choice: v.nullable(v.picklist(['ours', 'theirs'])),
    settledBy: v.nullable(Line),
    settledAt: v.nullable(Time),
  }),
  node: NodeSchema,
  edge: EdgeSchema,
  document: DocumentSchema,
} as const

export type ContextTable = keyof typeof ROW_SCHEMAS
export type RowOf<T extends ContextTable> = v.InferOutput<(typeof ROW_SCHEMAS)[T]>

export const CONTEXT_TABLES = [
  'asset',
  'work_order',
  'procedure',
  'step',
  'part',
  'person',
  'reading',
  'note',
  'part_order',
  'inbox_item',
  'write_result',
  'node',
  'edge',
  'document',
  'write_conflict',
] as const satisfies readonly ContextTable[]

export function isContextTable(name: string): name is ContextTable {
  return (CONTEXT_TABLES as readonly string[]).includes(name)
}
