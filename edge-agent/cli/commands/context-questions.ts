/** `starling context search | query`: questions to the copy on the device, with no network. */
import { StarlingError } from '../../../shared/errors.ts'
import type { Json } from '../../../shared/json.ts'
import type { GraphEdge, GraphNode } from '../../context/graph.ts'
import type { QueryAnswer, SearchAnswer, AnswerStaleness } from '../../context/questions.ts'
import type { Found } from '../../search/hybrid.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { withAgent } from '../with-agent.ts'

export class BadCondition extends StarlingError {
  override readonly code = 'bad_condition'
}

interface TimeOptions {
  readonly asOf?: string
  readonly knownAt?: string
}
export type ContextSearchOptions = TimeOptions & { readonly limit: number }
export type ContextQueryOptions = TimeOptions & {
  readonly where: readonly string[]
  readonly hops?: number
  readonly limit: number
}

/** A text is shown to this length; `--json` has all of it. */
const SHOWN_LENGTH = 160

export async function contextSearch(
  call: Call,
  words: string,
  options: ContextSearchOptions,
): Promise<ExitCode> {
  return await withAgent(call, async (agent) => {
    const question = { words, limit: options.limit, ...timesOf(options) }
    const answer = (await agent.post('/v1/context/search', question)) as unknown as SearchAnswer
    call.output.answer(answer, [
      ...(answer.found.length === 0 ? ['nothing was found'] : answer.found.flatMap(foundLines)),
      ...(answer.model === null ? ['by words and spelling alone: the vectors are not complete yet'] : []),
      ageLine(answer.staleness),
    ])
    return EXIT.ok
  })
}

export async function contextQuery(call: Call, of: string, options: ContextQueryOptions): Promise<ExitCode> {
  const where = Object.fromEntries(options.where.map(condition))
  return await withAgent(call, async (agent) => {
    const question = { of, where, hops: options.hops ?? null, limit: options.limit, ...timesOf(options) }
    const answer = (await agent.post('/v1/context/query', question)) as unknown as QueryAnswer
    call.output.answer(answer, [...answerLines(answer), ageLine(answer.staleness)])
    return EXIT.ok
  })
}

function timesOf({ asOf, knownAt }: TimeOptions): Record<string, string> {
  return {
    ...(asOf === undefined ? {} : { asOf }),
    ...(knownAt === undefined ? {} : { knownAt }),
  }
}

function condition(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new BadCondition(`${JSON.stringify(text)} is no condition`, { remedy: 'Write it as column=value.' })
}

function foundLines({ title, heading, text, table, key, ranks }: Found): readonly string[] {
  const ways = Object.entries(ranks).flatMap(([way, rank]) => (rank === null ? [] : [`${way} ${rank}`]))
  return [
    `${heading === '' ? title : `${title} › ${heading}`}  (${table}/${key}; ${ways.join(', ')})`,
    `    ${shortened(text)}`,
  ]
}

function answerLines(answer: QueryAnswer): readonly string[] {
  const cut = answer.truncated ? ['there is more: narrow it down with --where or --hops'] : []
  if (answer.kind === 'rows')
    return [
      ...answer.rows.map(
        ({ key, pending, body }) =>
          `${key}${pending ? ' (changed here, on its way up)' : ''}  ${shortened(JSON.stringify(body))}`,
      ),
      ...(answer.rows.length === 0 ? ['no such row'] : []),
      ...cut,
    ]
  if (answer.nodes.length === 0) return ['no such node']
  return [...answer.nodes.map(nodeLine), ...answer.edges.map(edgeLine), ...cut]
}

function nodeLine({ node, kind, name, hops, sources }: GraphNode): string {
  return `${'  '.repeat(hops)}${name}  (${kind} ${node}; ${sourceText(sources)})`
}

function edgeLine({ from, kind, to, sources }: GraphEdge): string {
  return `${from} ${kind.replaceAll('_', ' ')} ${to}  (${sourceText(sources)})`
}

function sourceText(sources: Json): string {
  if (!Array.isArray(sources)) return ''
  return sources
    .map((source: Json) => {
      const { system, record } = source as { readonly system: string; readonly record: string }
      return `${system} ${record}`
    })
    .join(', ')
}

function ageLine({ syncedAt, stalenessMs, indexedAt }: AnswerStaleness): string {
  if (syncedAt === null || stalenessMs === null) return 'this device has never heard its centre'
  const seconds = Math.round(stalenessMs / 1_000)
  return `as of ${syncedAt} (${seconds} s ago)${indexedAt === null ? '; the index is being made' : ''}`
}

function shortened(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH - 1)}…`
}
