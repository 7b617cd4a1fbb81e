/**
 * One answer of the shape protocol, read: what it tells, or what is wrong with it. Nothing of an answer is believed that is not
 * whole: a body cut short, a header that a proxy dropped or an operation without its place makes all of it worthless. Pure.
 */
import { isChangeMessage, isControlMessage, type Message, type Row } from '@electric-sql/client'
import * as v from 'valibot'
import { ContextVersionRefused } from '../../../shared/context/version.ts'
import { parsePosition, type LogPosition } from './place.ts'

/** One operation on one row, as the centre logged it. Values are PostgreSQL's text. */
export interface Operation {
  readonly kind: 'insert' | 'update' | 'delete'
  readonly value: Readonly<Record<string, string | null>>
  /** Null for the rows of a snapshot. */
  readonly at: LogPosition | null
  /** True for the last of its transaction. */
  readonly isLast: boolean
}

export interface LogAnswer {
  readonly kind: 'log'
  readonly handle: string
  readonly offset: string
  /** Told by answers that do not wait; null otherwise. */
  readonly schema: string | null
  /** Told by answers that waited; null otherwise. */
  readonly cursor: string | null
  readonly operations: readonly Operation[]
  /** The last transaction that this shape is complete to; null where more is to be fetched. */
  readonly upTo: bigint | null
}

export type FaultKind =
  /** Nobody answered. */
  | 'unreachable'
  /** Busy for the moment. */
  | 'unavailable'
  /** No answer of the protocol. */
  | 'malformed'
  /** The centre cannot make sense of the request. */
  | 'refused'
  /** Neither side's fault: one of them is to be updated (V3). */
  | 'version'
  /** Not this device's to read. */
  | 'denied'

export type ShapeAnswer =
  | LogAnswer
  /** What is held is of no use: start again. */
  | { readonly kind: 'refetch' }
  | {
      readonly kind: 'fault'
      readonly fault: FaultKind
      readonly detail: string
      readonly retryAfterMs: number | null
    }

/** What came over the wire. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  readonly body: string
}

const Shown = v.pipe(v.string(), v.maxLength(200))
const Text = v.record(v.string(), v.nullable(v.string()))
const Digits = v.pipe(v.string(), v.regex(/^\d{1,19}$/))
const ChangeSchema = v.object({
  key: v.string(),
  value: Text,
  headers: v.object({
    operation: v.picklist(['insert', 'update', 'delete']),
    lsn: v.optional(Digits),
    op_position: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
    last: v.optional(v.boolean()),
  }),
})
const UpToDateSchema = v.object({ global_last_seen_lsn: Digits })

/** `isLive` says how it was asked for: the two kinds of answers carry different headers. */
export function readAnswer(raw: RawAnswer, asked: { readonly isLive: boolean }): ShapeAnswer {
  const { status, headers } = raw
  if (status === 409) return { kind: 'refetch' }
  if (status === 401 || status === 403) return fault('denied', `HTTP ${status}`)
  if (status === 429 || status >= 500)
    return { ...fault('unavailable', `HTTP ${status}`), retryAfterMs: retryAfterMs(headers) }
  const outdated = status === 400 ? versionRefusal(raw.body) : null
  if (outdated !== null) return fault('version', outdated)
  if (status !== 200) return fault('refused', `HTTP ${status}: ${raw.body.slice(0, 200)}`)
  const handle = headers.get('electric-handle')
  const offset = headers.get('electric-offset')
  const schema = headers.get('electric-schema')
  const cursor = headers.get('electric-cursor')
  if (handle === null || handle === '') return fault('malformed', 'the header electric-handle is missing')
  if (offset === null || parsePosition(offset) === null)
    return fault('malformed', 'the header electric-offset is missing or is none')
  if (!asked.isLive && schema === null) return fault('malformed', 'the header electric-schema is missing')
  if (asked.isLive && cursor === null) return fault('malformed', 'the header electric-cursor is missing')
  const told = readBody(raw.body)
  if (typeof told === 'string') return fault('malformed', told)
  if (told === null) return { kind: 'refetch' }
  return { kind: 'log', handle, offset, schema, cursor, ...told }
}

const VersionRefusalSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ code: v.literal(ContextVersionRefused.code), message: Shown, remedy: Shown }),
)

/** What people are told; null for another refusal. */
function versionRefusal(body: string): string | null {
  const found = v.safeParse(VersionRefusalSchema, body)
  return found.success ? `${found.output.message}. ${found.output.remedy}` : null
}

/** The operations in their order, null for a call to start again, or what is wrong. */
function readBody(body: string): Pick<LogAnswer, 'operations' | 'upTo'> | string | null {
  let messages: unknown
  try {
    messages = JSON.parse(body)
  } catch {
    return 'the body is not whole'
  }
  if (!Array.isArray(messages)) return 'the body is no list'
  const operations: Operation[] = []
  let upTo: bigint | null = null
  for (const message of messages as Message<Row>[]) {
    if (typeof message !== 'object' || message === null || typeof message.headers !== 'object')
      return 'a message has no headers'
    if (upTo !== null) return 'a message follows the end'
    if (isControlMessage(message)) {
      const { control } = message.headers
      if (control === 'must-refetch') return null
      if (control !== 'up-to-date') continue
      const end = v.safeParse(UpToDateSchema, message.headers)
      if (!end.success) return 'the end names no last transaction'
      upTo = BigInt(end.output.global_last_seen_lsn)
    } else if (isChangeMessage(message)) {
      const operation = readOperation(message)
      if (typeof operation === 'string') return operation
      operations.push(operation)
    }
  }
  return { operations, upTo }
}

function readOperation(message: unknown): Operation | string {
  const parsed = v.safeParse(ChangeSchema, message)
  if (!parsed.success) return 'an operation is none of the protocol'
  const { value, headers } = parsed.output
  const { operation: kind, lsn, op_position: op, last } = headers
  if (lsn === undefined) return { kind, value, at: null, isLast: false }
  if (op === undefined) return 'an operation has no place in its transaction'
  return { kind, value, at: { lsn: BigInt(lsn), op: BigInt(op) }, isLast: last === true }
}

function fault(kind: FaultKind, detail: string): ShapeAnswer & { readonly kind: 'fault' } {
  return { kind: 'fault', fault: kind, detail, retryAfterMs: null }
}

/** A server that asks for longer is asked again after this all the same. */
const MAX_RETRY_AFTER_S = 600

function retryAfterMs(headers: Pick<Headers, 'get'>): number | null {
  const text = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(text) ? Math.min(Number(text), MAX_RETRY_AFTER_S) * 1_000 : null
}
