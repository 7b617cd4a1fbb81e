/**
 * What is asked of the context, each an effect that the kernel admits: the class of data that the caller may read comes from the policy,
 * and the performer filters by what was admitted, not by what its caller says. Every answer says how old it is.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { tableClass } from '../../shared/context/data-class.ts'
import { isContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type {
  DataClass,
  EffectRequest,
  ExternalPerformer,
  Kernel,
  Principal,
  Provenance,
  Resolution,
  Route,
} from '../../shared/kernel/contract.ts'
import type { PolicyDocument } from '../../shared/policy/policy.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Embedder } from '../embedding/embedder.ts'
import { searchIndex, type Found } from '../search/hybrid.ts'
import { indexRoute } from '../search/index-effect.ts'
import { clearanceFor, rightsOf, type AsOf } from '../search/rights.ts'
import { readyVectors, type EmbedderShelf, type HeldStamp } from '../search/vectors.ts'
import { MAX_HOPS, neighbourhood, type Neighbourhood } from './graph.ts'
import { BadContextQuery, queryRows, type QueriedRow } from './row-query.ts'

export class ContextNotAnswered extends StarlingError {
  override readonly code: string

  constructor(code: string, message: string, remedy: string) {
    super(message, { remedy })
    this.code = code
  }
}

export const MAX_FOUND = 50
/** Characters: a question, not a document. */
const MAX_WORDS_LENGTH = 1_000
export const MAX_ROWS = 500

const Time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => Number.isFinite(Date.parse(text)), 'is no time'),
)
const AsOfSchema = v.nullable(v.strictObject({ valid: Time, known: Time }))
const SearchSchema = v.strictObject({
  words: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MAX_WORDS_LENGTH)),
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_FOUND)),
  asOf: AsOfSchema,
})
const QuerySchema = v.strictObject({
  /** A table's name, or a node's id. */
  of: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  where: v.record(v.pipe(v.string(), v.maxLength(100)), v.pipe(v.string(), v.maxLength(4_000))),
  hops: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_HOPS))),
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_ROWS)),
  asOf: AsOfSchema,
})
export type SearchQuestion = v.InferOutput<typeof SearchSchema>
export type ContextQuestion = v.InferOutput<typeof QuerySchema>

/** How old an answer is. */
export type AnswerStaleness = {
  /** When the copy was last known to be complete, ISO 8601; null for never. */
  readonly syncedAt: string | null
  readonly stalenessMs: number | null
  /** When search and graph were last found to be what the copy is; null since the start. */
  readonly indexedAt: string | null
}

export type SearchAnswer = {
  readonly found: readonly Found[]
  /** The model that compared meanings; null while there are no complete vectors, and words and spelling answered alone. */
  readonly model: string | null
  readonly staleness: AnswerStaleness
}
export type QueryAnswer =
  | {
      readonly kind: 'rows'
      readonly rows: readonly QueriedRow[]
      readonly truncated: boolean
      readonly staleness: AnswerStaleness
    }
  | ({ readonly kind: 'graph'; readonly staleness: AnswerStaleness } & Neighbourhood)

export interface QuestionParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly principal: Principal
  readonly clock: Clock
  readonly embedders: EmbedderShelf
  policy(): PolicyDocument
  staleness(): AnswerStaleness
}

type Ready = { readonly stamp: HeldStamp; readonly embedder: Embedder }

/** Throws {@link ContextNotAnswered} with the code of the denial or the failure. */
export async function searchContext(
  parts: QuestionParts,
  question: SearchQuestion,
): Promise<SearchAnswer & { readonly provenance: Provenance }> {
  const input = v.parse(SearchSchema, question)
  const ready = await readyVectors(parts.db, parts.embedders)
  return await answered(parts, searchPerformer(parts, ready), { input, table: null })
}

/** Throws {@link ContextNotAnswered} with the code of the denial or the failure. */
export async function queryContext(
  parts: QuestionParts,
  question: ContextQuestion,
): Promise<QueryAnswer & { readonly provenance: Provenance }> {
  const input = v.parse(QuerySchema, question)
  return await answered(parts, queryPerformer(parts), { input, table: input.of })
}

export function searchPerformer(
  parts: QuestionParts,
  ready: Ready | null,
): ExternalPerformer<JsonObject, SearchAnswer> {
  return {
    ...READS,
    action: 'context.search',
    accepts: SearchSchema,
    route: () => indexRoute(ready?.embedder ?? null),
    perform: async (admitted) => {
      const { request } = redeem(admitted, 'context.search')
      const { words, limit, asOf } = v.parse(SearchSchema, request.input)
      const [vector] = (await ready?.embedder.embed([words])) ?? []
      const meaning = ready === null || vector === undefined ? null : { vector, stamp: ready.stamp }
      const found = await searchIndex(parts.db, {
        words,
        meaning,
        rights: rightsOf(request),
        asOf,
        nowMs: parts.clock.nowMs(),
        limit,
      })
      return { found, model: ready?.embedder.name ?? null, staleness: parts.staleness() }
    },
    check: ({ found }) => {
      if (found.length > MAX_FOUND) throw tooMuch('context.search')
    },
  }
}

export function queryPerformer(parts: QuestionParts): ExternalPerformer<JsonObject, QueryAnswer> {
  return {
    ...READS,
    action: 'context.query',
    accepts: QuerySchema,
    route: () => indexRoute(null),
    perform: async (admitted) => {
      const { request } = redeem(admitted, 'context.query')
      const { of, where, hops, limit, asOf } = v.parse(QuerySchema, request.input)
      const common = { rights: rightsOf(request), asOf, nowMs: parts.clock.nowMs() }
      const staleness = parts.staleness()
      if (isContextTable(of)) {
        if (hops !== null)
          throw new BadContextQuery(`${of} is a table, and steps are counted from a node`, {
            remedy: 'Name the node by its id: starling context query NODE --hops 2',
          })
        const { rows, truncated } = await queryRows(parts.db, { ...common, table: of, where, limit })
        return { kind: 'rows', rows, truncated, staleness }
      }
      const found = await neighbourhood(parts.db, { ...common, node: of, hops: hops ?? 1 })
      return { kind: 'graph', ...found, staleness }
    },
    check: (output) => {
      if (output.kind === 'rows' && output.rows.length > MAX_ROWS) throw tooMuch('context.query')
    },
  }
}

/** Nothing is changed by a question: one that a crash cut short did not take place. */
const READS = { kind: 'external', resolve: async (): Promise<Resolution> => 'did_not_take_place' } as const

async function answered<O extends JsonObject>(
  parts: QuestionParts,
  performer: ExternalPerformer<JsonObject, O>,
  { input, table }: { readonly input: JsonObject; readonly table: string | null },
): Promise<O & { readonly provenance: Provenance }> {
  const wish = {
    principal: parts.principal,
    action: performer.action,
    resource: { type: 'context', id: table ?? 'index' },
  }
  const request: EffectRequest<JsonObject> = {
    ...wish,
    input,
    dataClass: 'public',
    confidence: null,
    turn: null,
    cost: 1,
  }
  const dataClass = classOf(parts, wish, { table, route: performer.route(request) })
  const answer = await parts.kernel.admit(performer, { ...request, dataClass })
  if (answer.kind === 'performed') return { ...answer.output, provenance: answer.provenance }
  if (answer.kind === 'failed') throw new ContextNotAnswered(answer.code, answer.message, answer.remedy)
  throw new ContextNotAnswered(
    'denied',
    `it is not allowed: ${answer.reason}`,
    'Ask for a policy that permits it.',
  )
}

/** A table of one class is asked for in that class, and denied as such; else as much as the caller may read. */
function classOf(
  parts: QuestionParts,
  wish: Pick<EffectRequest, 'principal' | 'action' | 'resource'>,
  { table, route }: { readonly table: string | null; readonly route: Route },
): DataClass {
  const own = table !== null && isContextTable(table) ? tableClass(table) : null
  return own ?? clearanceFor(parts.policy(), wish, { route, nowMs: parts.clock.nowMs() })
}

function tooMuch(action: string): ContextNotAnswered {
  return new ContextNotAnswered(
    'context_output_broken',
    `${action} gave more than it may`,
    'This is a fault in Starling: report it.',
  )
}

/** One time for both, or each its own: what held then, as it was known then. */
export function asOfTimes(valid: string | undefined, known: string | undefined, nowMs: number): AsOf {
  if (valid === undefined && known === undefined) return null
  const now = new Date(nowMs).toISOString()
  return { valid: instant(valid) ?? now, known: instant(known) ?? instant(valid) ?? now }
}

/** A day means its end in UTC: what held on it. */
function instant(text: string | undefined): string | null {
  if (text === undefined) return null
  const parsed = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text)
  if (Number.isFinite(parsed.getTime())) return parsed.toISOString()
  throw new BadContextQuery(`${JSON.stringify(text.slice(0, 60))} is no time`, {
    remedy: 'Give a day (2026-03-01) or an instant (2026-03-01T08:00:00Z).',
  })
}
