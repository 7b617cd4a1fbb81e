/**
 * What a command prints: one JSON value for programs (`--json`, standard output), or lines for people. Progress and logs go to
 * standard error, so that standard output can be piped.
 */
import { reportError } from '../../shared/errors.ts'
import type { Json } from '../../shared/json.ts'

/** Exit codes, as `starling help exit-codes` and the README list them. */
export const EXIT = {
  ok: 0,
  /** The command ran, and what it checked does not hold. */
  refused: 1,
  /** The call's words are wrong. */
  usage: 2,
  /** Something that it needs is missing: a program, a running agent, an enrolment. */
  unavailable: 3,
  /** A fault in Starling. */
  internal: 70,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface Output {
  readonly json: boolean
  /** The answer: `value` as JSON, or `lines` for people. */
  answer(value: unknown, lines: readonly string[]): void
  /** A line of progress on standard error. */
  progress(line: string): void
}

export function openOutput(streams: {
  json: boolean
  out: NodeJS.WritableStream
  err: NodeJS.WritableStream
}): Output {
  const { json, out, err } = streams
  return {
    json,
    answer: (value, lines) => void out.write(json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`),
    progress: (line) => void err.write(`${line}\n`),
  }
}

/** Prints an error in the form that was asked for and says which exit code it calls for. */
export function printError(thrown: unknown, output: Output): ExitCode {
  const report = reportError(thrown)
  if (output.json) output.answer({ error: report as unknown as Json }, [])
  else output.progress(`error (${report.code}): ${report.message}\n  remedy: ${report.remedy}`)
  if (report.code === 'internal') return EXIT.internal
  return UNAVAILABLE.has(report.code) ? EXIT.unavailable : EXIT.refused
}

const UNAVAILABLE = new Set([
  'nats_server_missing',
  'not_enrolled',
  'agent_unreachable',
  'folder_locked',
  'not_built',
])
