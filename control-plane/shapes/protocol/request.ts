/** Reads the parameters of a shape request. Every message is the one that the protocol's reference server gives. */
import * as v from 'valibot'
import type { LogMode, Replica, ShapeDefinition } from '../definition.ts'
import { InvalidShapeRequest } from '../errors.ts'
import { parseColumnList, parseTableName } from '../identifiers.ts'
import type { SubsetAsked } from '../store/subset.ts'
import { parseOffset, type RequestedOffset } from './offset.ts'

/** Where in which log, and how to wait. */
export interface Reading {
  readonly offset: RequestedOffset
  readonly handle: string | null
  readonly isLive: boolean
  readonly isSse: boolean
  readonly cursor: string | null
}

/** Throws {@link InvalidShapeRequest}. */
export function readReading(query: URLSearchParams): Reading {
  const text = query.get('offset')
  if (text === null || text === '') throw new InvalidShapeRequest('offset', "can't be blank")
  const offset = parseOffset(text)
  if (offset === null) throw new InvalidShapeRequest('offset', 'has invalid format')
  const handle = query.get('handle')
  const isLive = readFlag(query, 'live')
  const isSse = readFlag(query, 'live_sse') || readFlag(query, 'experimental_live_sse')
  if (offset !== 'start' && offset !== 'now' && (handle === null || handle === ''))
    throw new InvalidShapeRequest('handle', "can't be blank when offset != -1")
  if (isLive && offset === 'start') throw new InvalidShapeRequest('live', "can't be true when offset == -1")
  if (isLive && offset === 'now') throw new InvalidShapeRequest('live', "can't be true when offset is 'now'")
  if (isSse && !isLive) throw new InvalidShapeRequest('live_sse', "can't be true unless live is also true")
  return { offset, handle, isLive, isSse, cursor: query.get('cursor') }
}

/** A flag is set by its bare name too: `&live`. */
function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  if (text === null) return false
  if (['', 'true', '1'].includes(text)) return true
  if (['false', '0'].includes(text)) return false
  throw new InvalidShapeRequest(name, 'is invalid')
}

/** A free-form definition: table, columns and clause as the request names them. Throws {@link InvalidShapeRequest}. */
export function readDefinition(query: URLSearchParams): ShapeDefinition {
  const table = query.get('table')
  if (table === null || table === '') throw new InvalidShapeRequest('table', "can't be blank")
  const queryable = readQueryable(query)
  const listed = query.get('columns')
  const columns = listed === null ? queryable : parseColumnList(listed, 'columns')
  const outside = columns?.filter((name) => queryable !== null && !queryable.includes(name)) ?? []
  if (outside.length > 0)
    throw new InvalidShapeRequest('columns', `The following columns are not queryable: ${outside.join(', ')}`)
  const where = query.get('where')
  return {
    ...parseTableName(table),
    columns,
    where: where === null || where.trim() === '' ? null : where,
    params: readParams(query),
    replica: pick<Replica>(query, 'replica', ['default', 'full']),
    log: pick<LogMode>(query, 'log', ['full', 'changes_only']),
    scope: '',
  }
}

export function readQueryable(query: URLSearchParams): readonly string[] | null {
  const listed = query.get('queryable_columns')
  return listed === null ? null : parseColumnList(listed, 'queryable_columns')
}

function pick<T extends string>(query: URLSearchParams, name: string, choices: readonly [T, ...T[]]): T {
  const text = query.get(name)
  if (text === null || text === '') return choices[0]
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw new InvalidShapeRequest(name, 'is invalid')
  return found
}

/** `params[1]=…`, or all at once as a JSON object. */
function readParams(query: URLSearchParams): Readonly<Record<string, string>> {
  const whole = query.get('params')
  const params: Record<string, string> = whole === null ? {} : { ...parseParams(whole, 'params') }
  for (const [name, value] of query) {
    const found = /^params\[([^\]]*)\]$/.exec(name)
    if (found !== null) params[found[1] ?? ''] = value
  }
  return params
}

const ParamsSchema = v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))

function parseParams(text: string, field: string): Readonly<Record<string, string>> {
  const parsed = parseJson(text, field, 'params must be valid JSON')
  return asTexts(parsed, field)
}

function asTexts(value: unknown, field: string): Readonly<Record<string, string>> {
  const found = v.safeParse(ParamsSchema, value)
  if (!found.success) throw new InvalidShapeRequest(field, 'params must be a JSON object')
  return Object.fromEntries(Object.entries(found.output).map(([name, one]) => [name, String(one)]))
}

function parseJson(text: string, field: string, problem: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidShapeRequest(field, problem)
  }
}

const SUBSET_NAMES = [
  'where',
  'params',
  'limit',
  'offset',
  'order_by',
  'where_expr',
  'order_by_expr',
] as const

/** Reads `subset__…`, or null where the request asks for none. Throws {@link InvalidShapeRequest}. */
export function readSubsetQuery(query: URLSearchParams): Omit<SubsetAsked, 'columns'> | null {
  const given = new Map<string, unknown>()
  for (const name of SUBSET_NAMES) {
    const text = query.get(`subset__${name}`) ?? query.get(`subset[${name}]`)
    if (text !== null) given.set(name, text)
  }
  return given.size === 0 ? null : readSubset(given)
}

const BodySchema = v.looseObject({})

/** Reads the JSON body of a POST: the same names without their prefix. Throws {@link InvalidShapeRequest}. */
export function readSubsetBody(text: string): Omit<SubsetAsked, 'columns'> {
  const parsed = text.trim() === '' ? {} : parseJson(text, 'body', 'must be valid JSON')
  const body = v.safeParse(BodySchema, parsed)
  if (!body.success) throw new InvalidShapeRequest('body', 'must be a JSON object')
  const inner = body.output['subset']
  const fields = typeof inner === 'object' && inner !== null ? v.parse(BodySchema, inner) : body.output
  return readSubset(
    new Map(Object.entries(fields).map(([name, value]) => [name.replace(/^subset__/, ''), value])),
  )
}

function readSubset(given: ReadonlyMap<string, unknown>): Omit<SubsetAsked, 'columns'> {
  const limit = readCount(given.get('limit'), 'limit', 1)
  const offset = readCount(given.get('offset'), 'offset', 0)
  const orderBy = readText(given.get('order_by'), 'order_by')
  if (orderBy === null && (limit !== null || offset !== null))
    throw new InvalidShapeRequest('subset.order_by', 'order_by is required when limit or offset is present')
  const params = given.get('params') ?? {}
  return {
    where: readText(given.get('where'), 'where'),
    params:
      typeof params === 'string' ? parseParams(params, 'subset.params') : asTexts(params, 'subset.params'),
    orderBy,
    limit,
    offset,
  }
}

function readText(value: unknown, name: string): string | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value === 'string') return value
  throw new InvalidShapeRequest(`subset.${name}`, 'is invalid')
}

function readCount(value: unknown, name: string, least: number): number | null {
  if (value === undefined || value === null) return null
  const count = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof count !== 'number' || !Number.isSafeInteger(count))
    throw new InvalidShapeRequest(`subset.${name}`, 'is invalid')
  if (count < least)
    throw new InvalidShapeRequest(
      `subset.${name}`,
      least === 0 ? 'must be greater than or equal to 0' : `must be greater than ${least - 1}`,
    )
  return count
}
