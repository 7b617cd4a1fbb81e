/**
 * What is known of the site beside its daily work: things and how they hang together, and documents. Each row is a statement with two
 * times: when it holds in the world (`validFrom`, `validTo`) and when it was held for true (`recordedAt`, `retractedAt`). A correction
 * retracts one row and adds another under a new key, so that both "what was so" and "what did we think then" can be asked.
 */
import * as v from 'valibot'
import { DATA_CLASSES } from '../kernel/contract.ts'

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Line = v.pipe(v.string(), v.maxLength(200))
const Time = v.pipe(v.string(), v.isoTimestamp())

/** A record of another system, by that system's own name for it. */
const Source = v.strictObject({ system: Line, record: Line })
export type Source = v.InferOutput<typeof Source>

const STATEMENT = {
  validFrom: Time,
  /** Null: it still holds. */
  validTo: v.nullable(Time),
  recordedAt: Time,
  /** Null: it is still held for true. */
  retractedAt: v.nullable(Time),
  sources: v.pipe(v.array(Source), v.minLength(1), v.maxLength(16)),
  dataClass: v.picklist(DATA_CLASSES),
  /** Roles, any of which may read it; none named: whoever may read its class. */
  readers: v.pipe(v.array(Line), v.maxLength(16)),
}

const Properties = v.record(Line, v.union([v.pipe(v.string(), v.maxLength(1_000)), v.number(), v.boolean()]))

export const NODE_KINDS = [
  'person',
  'team',
  'process',
  'system',
  'asset',
  'place',
  'part',
  'document',
  'rule',
] as const
/** Read from left to right: `from` owns `to`. `same_as` joins records of several systems that mean one thing. */
export const EDGE_KINDS = [
  'owns',
  'member_of',
  'depends_on',
  'part_of',
  'located_in',
  'follows',
  'governed_by',
  'described_by',
  'changed_by',
  'same_as',
] as const

export const NodeSchema = v.strictObject({
  /** The thing's id: several rows may speak of one thing, each for its own time. */
  node: Id,
  kind: v.picklist(NODE_KINDS),
  name: Line,
  aliases: v.pipe(v.array(Line), v.maxLength(20)),
  properties: Properties,
  ...STATEMENT,
})

export const EdgeSchema = v.strictObject({
  kind: v.picklist(EDGE_KINDS),
  from: Id,
  to: Id,
  properties: Properties,
  ...STATEMENT,
})

/** Characters; with its other columns a row then stays under what travels. */
export const MAX_DOCUMENT_LENGTH = 20_000

export const DocumentSchema = v.strictObject({
  title: Line,
  kind: v.picklist(['manual', 'procedure', 'bulletin', 'safety', 'report']),
  /** Headings as in Markdown (`## `); paragraphs stand apart by an empty line. */
  text: v.pipe(v.string(), v.maxLength(MAX_DOCUMENT_LENGTH)),
  ...STATEMENT,
})
