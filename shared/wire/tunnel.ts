/**
 * HTTP over the fabric: a device's request in one message, the answer in numbered pieces on the device's own inbox. One connection
 * and one identity serve everything; a piece that is lost fails the answer and never shortens it.
 */
import * as v from 'valibot'
import type { ErrorReport } from '../errors.ts'
import { decodeJson, MalformedMessage } from './answer.ts'

/** Far under what any server of the fabric takes (1 MiB), so that other messages get between. */
export const MAX_PIECE_BYTES = 256 * 1024
/** Pieces that may be on their way unacknowledged: 2 MiB fill a link of 10 Mbit/s for more than a second. */
export const WINDOW_PIECES = 8
/** The device acknowledges each so many. */
export const ACK_EVERY_PIECES = 4
/** While it holds requests of a device, the centre is heard so often. */
export const BEAT_EVERY_MS = 4_000
/** Two beats lost, and a little. */
export const DEAF_AFTER_MS = 10_000
/** A token, a path with its query, and a subset's clause. */
export const MAX_REQUEST_BYTES = 64 * 1024

const Session = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))
const Id = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const Seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

export const TunnelFetchSchema = v.strictObject({
  v: v.literal(1),
  /** Chosen by the device at random; a new one ends what its older ones left. */
  session: Session,
  id: Id,
  method: v.picklist(['GET', 'POST']),
  /** With its query. */
  path: v.pipe(v.string(), v.maxLength(8_192), v.regex(/^\/v1\/shapes\/[a-z_]{1,40}(\?.*)?$/)),
  token: v.pipe(v.string(), v.maxLength(2_000)),
  body: v.nullable(v.string()),
})
export type TunnelFetch = v.InferOutput<typeof TunnelFetchSchema>

/** Pieces before `seq` were taken. */
export const TunnelAckSchema = v.strictObject({ session: Session, id: Id, seq: Seq })
export const TunnelCancelSchema = v.strictObject({ session: Session, id: Id })

const HeadSchema = v.strictObject({
  status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
  headers: v.pipe(v.array(v.tuple([v.string(), v.string()])), v.maxLength(64)),
})
export type TunnelHead = v.InferOutput<typeof HeadSchema>
const BeatSchema = v.strictObject({ ids: v.array(Id) })
const ReportSchema = v.object({ code: v.string(), message: v.string(), remedy: v.string() })

export type TunnelFrame =
  /** A whole answer that fits one piece. */
  | { readonly kind: 'whole'; readonly head: TunnelHead; readonly bytes: Uint8Array }
  | { readonly kind: 'head'; readonly head: TunnelHead }
  | { readonly kind: 'piece'; readonly seq: number; readonly bytes: Uint8Array }
  /** So many pieces there were. */
  | { readonly kind: 'end'; readonly count: number }
  | { readonly kind: 'failed'; readonly report: Pick<ErrorReport, 'code' | 'message' | 'remedy'> }
  /** These requests of the session are under way. */
  | { readonly kind: 'beat'; readonly ids: readonly number[] }

const KINDS = ['whole', 'head', 'piece', 'end', 'failed', 'beat'] as const

/** A leading byte for the kind; a number in four bytes, or JSON; then bytes as they are. */
export function encodeFrame(frame: TunnelFrame): Uint8Array {
  const kind = KINDS.indexOf(frame.kind)
  switch (frame.kind) {
    case 'whole': {
      const head = Buffer.from(JSON.stringify(frame.head))
      return Buffer.concat([numbered(kind, head.length), head, frame.bytes])
    }
    case 'head':
      return json(kind, frame.head)
    case 'piece':
      return Buffer.concat([numbered(kind, frame.seq), frame.bytes])
    case 'end':
      return numbered(kind, frame.count)
    case 'failed':
      return json(kind, frame.report)
    case 'beat':
      return json(kind, { ids: frame.ids })
  }
}

/** Throws {@link MalformedMessage}. */
export function decodeFrame(bytes: Uint8Array): TunnelFrame {
  const kind = KINDS.at(bytes[0] ?? KINDS.length)
  const rest = bytes.subarray(1)
  switch (kind) {
    case 'whole': {
      const { number: length, rest: after } = numberOf(rest)
      const head = decodeJson(HeadSchema, after.subarray(0, length))
      return { kind, head, bytes: after.subarray(length) }
    }
    case 'head':
      return { kind, head: decodeJson(HeadSchema, rest) }
    case 'piece': {
      const { number: seq, rest: after } = numberOf(rest)
      return { kind, seq, bytes: after }
    }
    case 'end':
      return { kind, count: numberOf(rest).number }
    case 'failed':
      return { kind, report: decodeJson(ReportSchema, rest) }
    case 'beat':
      return { kind, ids: decodeJson(BeatSchema, rest).ids }
    case undefined:
      throw malformed()
  }
}

function numbered(kind: number, number: number): Uint8Array {
  const bytes = Buffer.alloc(5)
  bytes[0] = kind
  bytes.writeUInt32BE(number, 1)
  return bytes
}

function numberOf(bytes: Uint8Array): { readonly number: number; readonly rest: Uint8Array } {
  if (bytes.length < 4) throw malformed()
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4)
  return { number: view.getUint32(0), rest: bytes.subarray(4) }
}

function json(kind: number, value: object): Uint8Array {
  return Buffer.concat([Uint8Array.of(kind), Buffer.from(JSON.stringify(value))])
}

function malformed(): MalformedMessage {
  return new MalformedMessage('a piece of a tunnelled answer was refused: it is none', {
    remedy: 'Check that both sides run versions that speak the same protocol.',
  })
}
