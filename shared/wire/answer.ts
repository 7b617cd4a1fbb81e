/**
 * How the centre answers an ask over NATS: one leading byte says whether the rest is the answer or an error report, so
 * that binary pieces need no base64 and an error is never taken for content.
 */
import * as v from 'valibot'
import { reportError, StarlingError, type ErrorReport } from '../errors.ts'
import type { Json } from '../json.ts'
import type { AskVerb } from './subjects.ts'

const OK = 1
const FAILED = 0

/** What the other side refused, with its code, message and remedy. */
export class AskRefused extends StarlingError {
  override readonly code = 'ask_refused'
  readonly report: ErrorReport

  constructor(report: ErrorReport) {
    super(`the centre refused: ${report.message}`, {
      remedy: report.remedy,
      details: { refusal: report.code },
    })
    this.report = report
  }
}

/** Nobody answered: the link is down, or the centre is. Never a verdict on what was asked. */
export class CentreUnreachable extends StarlingError {
  override readonly code = 'centre_unreachable'
}

/**
 * One request of the centre, already opened: resolves with the answer's bytes. Throws {@link AskRefused} for a refusal and
 * {@link CentreUnreachable} when nobody answers in time.
 */
export type Ask = (verb: AskVerb, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>

export class MalformedMessage extends StarlingError {
  override readonly code = 'malformed_message'
}

const ReportSchema = v.object({
  code: v.pipe(v.string(), v.maxLength(100)),
  message: v.pipe(v.string(), v.maxLength(2_000)),
  remedy: v.pipe(v.string(), v.maxLength(2_000)),
})

export function answerBytes(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(bytes.length + 1)
  framed[0] = OK
  framed.set(bytes, 1)
  return framed
}

export function answerJson(value: Json): Uint8Array {
  return answerBytes(new TextEncoder().encode(JSON.stringify(value)))
}

export function answerError(thrown: unknown): Uint8Array {
  const framed = answerJson({ ...reportError(thrown), details: null })
  framed[0] = FAILED
  return framed
}

/** The answer's bytes. Throws {@link AskRefused} when it is a refusal, {@link MalformedMessage} when it is neither. */
export function openAnswer(framed: Uint8Array): Uint8Array {
  const rest = framed.subarray(1)
  if (framed[0] === OK) return rest
  if (framed[0] !== FAILED) throw malformed('it has no known leading byte')
  throw new AskRefused(decodeJson(ReportSchema, rest))
}

/** Parses JSON bytes by a schema. Throws {@link MalformedMessage} on anything else. */
export function decodeJson<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array): T {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw malformed('it is not JSON in UTF-8', cause)
  }
  const parsed = v.safeParse(schema, value)
  if (!parsed.success) throw malformed(describeIssues(parsed.issues))
  return parsed.output
}

/** The first fault that a schema found, with its place. */
export function describeIssues(issues: readonly v.BaseIssue<unknown>[]): string {
  const [first] = issues
  if (first === undefined) return 'it breaks its schema'
  const place = v.getDotPath(first)
  return place === null ? first.message : `${place}: ${first.message}`
}

function malformed(why: string, cause?: unknown): MalformedMessage {
  return new MalformedMessage(`a message was refused: ${why}`, {
    remedy: 'Check that both sides run versions that speak the same protocol.',
    cause,
  })
}
