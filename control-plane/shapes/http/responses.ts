/** Answers that are no log: start again, or what was wrong. */
import type { Context } from 'hono'
import { ContextVersionRefused } from '../../../shared/context/version.ts'
import { reportError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import { DatabaseInterrupted, QueueFull } from '../../../shared/sql/errors.ts'
import { DatabaseUnreachable } from '../../../shared/sql/postgres-database.ts'
import { InvalidShapeRequest, ShapesTakenOver, ShapeUnsettled, TableBusy } from '../errors.ts'
import { MUST_REFETCH } from '../protocol/change-messages.ts'
import { ERROR_HEADERS, refetchHeaders, type Audience, type Headers } from '../protocol/headers.ts'
import type { RefetchAnswer } from '../server.ts'

export function refetchResponse({ handle }: RefetchAnswer, audience: Audience): Response {
  return new Response(`[${MUST_REFETCH}]`, { status: 409, headers: refetchHeaders(handle, audience) })
}

/** What is over by itself after a while: the client tries again. */
const PASSING = [
  TableBusy,
  ShapeUnsettled,
  ShapesTakenOver,
  DatabaseUnreachable,
  DatabaseInterrupted,
  QueueFull,
]

export function errorResponse(error: Error, context: Context, log: Log): Response {
  if (error instanceof InvalidShapeRequest) {
    const errors = nested(error.field.split('.'), [error.message])
    return refusal(400, { message: 'Invalid request', errors })
  }
  if (error instanceof ContextVersionRefused) return refusal(400, { ...reportError(error) })
  if (PASSING.some((kind) => error instanceof kind))
    return refusal(503, { message: error.message }, { 'retry-after': '1' })
  if (context.req.raw.signal.aborted) return refusal(499, { message: 'The reader went away' })
  log.error('a shape request failed', { message: String(error) })
  return refusal(500, { ...reportError(error) })
}

/** The reader's right ended while it waited. */
export function withdrawn(): Response {
  return refusal(401, {
    code: 'access_denied',
    message: 'This reader was shut out',
    remedy: 'Ask the operator of the centre.',
  })
}

function refusal(status: number, body: Readonly<Record<string, unknown>>, headers: Headers = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...ERROR_HEADERS, ...headers } })
}

function nested(path: readonly string[], value: readonly string[]): Readonly<Record<string, unknown>> {
  const [first = '', ...rest] = path
  return { [first]: rest.length === 0 ? value : nested(rest, value) }
}
