/** Backend messages of PostgreSQL's protocol 3, read from one finished answer. */
import { Buffer } from 'node:buffer'
import type { SqlFault } from '../errors.ts'

export interface BackendMessage {
  /** The type's letter, for example 'D' for DataRow. */
  readonly type: string
  readonly body: Buffer
}

/** Walks an answer. A message that is cut short throws: PGlite answers in memory, so that is a fault of ours. */
export function* messagesOf(bytes: Uint8Array): Generator<BackendMessage> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < buffer.length) {
    const end = at + 1 + buffer.readInt32BE(at + 1)
    if (end > buffer.length) throw new RangeError('a backend message is cut short')
    yield { type: String.fromCharCode(buffer.readUInt8(at)), body: buffer.subarray(at + 5, end) }
    at = end
  }
}

/** ReadyForQuery's status: idle, in a transaction, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

export function statusOf(body: Buffer): TransactionStatus {
  const letter = body.toString('latin1')
  return letter === 'T' || letter === 'E' ? letter : 'I'
}

export interface Column {
  readonly name: string
  readonly oid: number
  readonly binary: boolean
}

export function columnsOf(body: Buffer): readonly Column[] {
  const columns: Column[] = []
  let at = 2
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at)
    const name = body.toString('utf8', at, end)
    // table oid (4), attribute (2), type oid (4), size (2), modifier (4), format (2)
    columns.push({ name, oid: body.readUInt32BE(end + 7), binary: body.readUInt16BE(end + 17) === 1 })
    at = end + 19
  }
  return columns
}

export function parameterOidsOf(body: Buffer): readonly number[] {
  return Array.from({ length: body.readUInt16BE(0) }, (_, index) => body.readUInt32BE(2 + index * 4))
}

/** CommandComplete's tag, for example `INSERT 0 1`. */
export function tagOf(body: Buffer): string {
  return body.toString('utf8', 0, body.length - 1)
}

const FIELDS: Readonly<Record<string, keyof SqlFault>> = {
  C: 'sqlState',
  M: 'message',
  D: 'detail',
  H: 'hint',
  P: 'position',
  t: 'table',
  c: 'column',
  n: 'constraint',
}

export function faultOf(body: Buffer): SqlFault {
  const fault: { -readonly [K in keyof SqlFault]: SqlFault[K] } = {
    sqlState: 'XX000',
    message: 'unknown error',
  }
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at)
    const field = FIELDS[String.fromCharCode(body.readUInt8(at))]
    if (field !== undefined) fault[field] = body.toString('utf8', at + 1, end)
    at = end + 1
  }
  return fault
}
