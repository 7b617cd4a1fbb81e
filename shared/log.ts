/**
 * A process's log: one line an event on standard error, for people (`12:04:01 hub  started ingest tenant=acme`) or, with
 * `STARLING_LOG=json`, one JSON object. Standard output stays free for answers.
 */
import type { Clock } from './clock.ts'
import type { JsonObject } from './json.ts'

export type LogLevel = 'info' | 'warn' | 'error'

export interface Log {
  info(message: string, fields?: JsonObject): void
  warn(message: string, fields?: JsonObject): void
  error(message: string, fields?: JsonObject): void
}

/** A field longer than this is cut: a log is for reading, the journal is for keeping. */
const MAX_FIELD = 300

export function openLog(options: {
  readonly part: string
  readonly clock: Clock
  readonly json: boolean
  write(line: string): void
}): Log {
  const emit = (level: LogLevel, message: string, fields: JsonObject): void => {
    const at = new Date(options.clock.nowMs()).toISOString()
    if (options.json) options.write(JSON.stringify({ at, level, part: options.part, message, ...fields }))
    else options.write(`${at.slice(11, 19)} ${options.part} ${SIGN[level]}${message}${plain(fields)}`)
  }
  return {
    info: (message, fields = {}) => emit('info', message, fields),
    warn: (message, fields = {}) => emit('warn', message, fields),
    error: (message, fields = {}) => emit('error', message, fields),
  }
}

const SIGN: Readonly<Record<LogLevel, string>> = { info: '', warn: 'WARNING ', error: 'ERROR ' }

function plain(fields: JsonObject): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${name}=${text.length > MAX_FIELD ? `${text.slice(0, MAX_FIELD)}…` : text}`
  })
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
