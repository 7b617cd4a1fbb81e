/**
 * Between JavaScript's values and PostgreSQL's, by type oid. Rules that callers see are in `port.ts`.
 * Built-in oids are fixed by PostgreSQL's catalogue (pg_type.dat).
 */
import { Buffer } from 'node:buffer'
import { SqlError } from '../errors.ts'
import type { Row, SqlValue } from '../port.ts'
import { decodeArray, encodeArray } from './array-text.ts'
import { columnsOf, messagesOf, tagOf } from './backend.ts'
import type { Column } from './backend.ts'
import type { Parameter } from './frontend.ts'

const BOOL = 16
export const BYTEA = 17
const INT8 = 20
const JSON_OID = 114
const FLOAT4 = 700
const FLOAT8 = 701
const JSONB = 3802
const TIMESTAMP = 1114
const TIMESTAMPTZ = 1184
const NUMERIC = 1700

/** Array types whose elements are read and written here, and their element's oid; any other array arrives as text. */
const ELEMENT_OID: ReadonlyMap<number, number> = new Map([
  [1000, BOOL],
  [1001, BYTEA],
  [1005, 21],
  [1007, 23],
  [1016, INT8],
  [1009, 25],
  [1015, 1043],
  [1021, FLOAT4],
  [1022, FLOAT8],
  [1231, NUMERIC],
  [2951, 2950],
  [1115, TIMESTAMP],
  [1185, TIMESTAMPTZ],
  [1182, 1082],
  [199, JSON_OID],
  [3807, JSONB],
])

const DECODERS: ReadonlyMap<number, (text: string) => SqlValue> = new Map<number, (text: string) => SqlValue>(
  [
    [BOOL, (text) => text === 't'],
    [BYTEA, (text) => toBytes(Buffer.from(text.slice(2), 'hex'))],
    [INT8, decodeInt8],
    [21, Number],
    [23, Number],
    [26, Number],
    [FLOAT4, Number],
    [FLOAT8, Number],
    [NUMERIC, decodeNumeric],
    [JSON_OID, (text) => JSON.parse(text) as SqlValue],
    [JSONB, (text) => JSON.parse(text) as SqlValue],
    [TIMESTAMP, (text) => text.replace(' ', 'T')],
    [TIMESTAMPTZ, decodeInstant],
  ],
)

function decodeInt8(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

/** A double keeps fifteen significant digits exactly; a longer numeric would be changed in silence, so it stays text. */
const EXACT_DIGITS = 15

function decodeNumeric(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) && text.replaceAll(/[-.]/g, '').length <= EXACT_DIGITS
    ? Number(text)
    : text
}

/** The session runs with TimeZone UTC and DateStyle ISO; years before Christ and infinity stay as PostgreSQL writes them. */
function decodeInstant(text: string): string {
  return text.endsWith('+00') ? `${text.slice(0, -3).replace(' ', 'T')}Z` : text
}

/** A copy of its own, so that one small value does not keep a whole answer alive. */
function toBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** How values of a type are read from their text. */
export function decoderOf(oid: number): (text: string) => SqlValue {
  const element = ELEMENT_OID.get(oid)
  if (element === undefined) return DECODERS.get(oid) ?? ((text) => text)
  const decode = decoderOf(element)
  return (text) => decodeArray(text, decode) as SqlValue
}

export interface Answer {
  readonly rows: readonly Row[]
  /** The last command's tag, for example `UPDATE 3`. */
  readonly tag: string
}

/** Reads a whole answer: the rows of its last statement. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  let rows: Row[] = []
  let tag = ''
  let columns: readonly Column[] = []
  let decoders: readonly ((text: string) => SqlValue)[] = []
  for (const { type, body } of messagesOf(bytes)) {
    if (type === 'D') rows.push(decodeRow(body, columns, decoders))
    else if (type === 'C') tag = tagOf(body)
    else if (type === 'T') {
      rows = []
      columns = columnsOf(body)
      decoders = columns.map((column) => decoderOf(column.oid))
    }
  }
  return { rows, tag }
}

function decodeRow(
  body: Buffer,
  columns: readonly Column[],
  decoders: readonly ((text: string) => SqlValue)[],
): Row {
  const row: Record<string, SqlValue> = {}
  let at = 2
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]
    const decode = decoders[index]
    const size = body.readInt32BE(at)
    at += 4
    if (column === undefined || decode === undefined) break
    if (size < 0) row[column.name] = null
    else if (column.binary) row[column.name] = toBytes(body.subarray(at, at + size))
    else row[column.name] = decode(body.toString('utf8', at, at + size))
    if (size > 0) at += size
  }
  return row
}

/** Renders parameter `position` (from 1) for a parameter of type `oid`. Throws {@link SqlError} for what PostgreSQL cannot hold. */
export function encodeParameter(value: SqlValue, oid: number, position: number): Parameter {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return oid === BYTEA ? value : utf8Of(value, position)
  if (oid === JSON_OID || oid === JSONB)
    return typeof value === 'string' ? textOf(value, position) : jsonOf(value, position)
  if (typeof value === 'object') return encodeList(value, oid, position)
  return scalarOf(value, oid, position)
}

function encodeList(value: object, oid: number, position: number): string {
  const element = ELEMENT_OID.get(oid)
  if (element === undefined || !Array.isArray(value)) return jsonOf(value as SqlValue, position)
  if (element === JSON_OID || element === JSONB) {
    // A list inside is a JSON list, not a second dimension.
    const items = (value as readonly SqlValue[]).map((item) =>
      item === null || typeof item === 'string' ? item : jsonOf(item, position),
    )
    return encodeArray(items, (item) => textOf(String(item), position))
  }
  return encodeArray(value, (item) => {
    if (item instanceof Uint8Array) return `\\x${Buffer.from(item).toString('hex')}`
    return scalarOf(item, element, position)
  })
}

function scalarOf(value: unknown, oid: number, position: number): string {
  // String(-0) is '0'.
  if (Object.is(value, -0) && (oid === FLOAT4 || oid === FLOAT8)) return '-0'
  return textOf(String(value), position)
}

function jsonOf(value: SqlValue, position: number): string {
  return textOf(
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)),
    position,
  )
}

function utf8Of(value: Uint8Array, position: number): string {
  try {
    return textOf(new TextDecoder('utf-8', { fatal: true }).decode(value), position)
  } catch {
    throw refused(position, 'bytes that are not UTF-8 for a parameter that is not bytea')
  }
}

/** A lone surrogate would become U+FFFD on its way, a changed value that nobody sees. */
function textOf(value: string, position: number): string {
  if (!value.isWellFormed()) throw refused(position, 'text with a lone surrogate')
  return value
}

function refused(position: number, what: string): SqlError {
  return new SqlError({ sqlState: '22021', message: `parameter $${String(position)} holds ${what}` })
}
