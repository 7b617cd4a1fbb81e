/** The head of a delta: what it makes of what. Nothing after it is read unless both are those that were asked for. */
import { NumberReader, NumberWriter } from './plain-numbers.ts'
import { DeltaRefused } from './refused.ts'

/** How the parts were found; a decoder treats both alike. */
export const DELTA_CODECS = ['tensors', 'generic'] as const
export type DeltaCodec = (typeof DELTA_CODECS)[number]

export interface DeltaHead {
  readonly codec: DeltaCodec
  readonly base: { readonly sha256: string; readonly sizeBytes: number }
  readonly target: { readonly sha256: string; readonly sizeBytes: number }
  /** Length of the list of parts before it was coded. */
  readonly partsBytes: number
}

const MAGIC = [0x53, 0x54, 0x44, 0x31] // STD1
const HASH_BYTES = 32
const NUMBERS_AT = MAGIC.length + 1 + 2 * HASH_BYTES
/** Hashes and three numbers of seven bytes. */
export const MAX_HEAD_BYTES = NUMBERS_AT + 3 * 7

export function writeHead(head: DeltaHead): Uint8Array {
  const numbers = new NumberWriter()
  numbers.add(head.base.sizeBytes)
  numbers.add(head.target.sizeBytes)
  numbers.add(head.partsBytes)
  return Uint8Array.from([
    ...MAGIC,
    DELTA_CODECS.indexOf(head.codec),
    ...bytesOfHex(head.base.sha256),
    ...bytesOfHex(head.target.sha256),
    ...numbers.bytes(),
  ])
}

/** Reads the head from the first {@link MAX_HEAD_BYTES} of a delta, or all of a shorter one. Throws {@link DeltaRefused}. */
export function readHead(bytes: Uint8Array): DeltaHead & { readonly headBytes: number } {
  const codec = DELTA_CODECS[bytes[MAGIC.length] ?? 255]
  if (MAGIC.some((byte, at) => bytes[at] !== byte) || codec === undefined)
    throw new DeltaRefused('malformed', 'its first bytes are those of no delta')
  const numbers = new NumberReader(bytes, NUMBERS_AT)
  const hash = (at: number): string => hexOf(bytes.subarray(at, at + HASH_BYTES))
  return {
    codec,
    base: { sha256: hash(MAGIC.length + 1), sizeBytes: numbers.next() },
    target: { sha256: hash(MAGIC.length + 1 + HASH_BYTES), sizeBytes: numbers.next() },
    partsBytes: numbers.next(),
    headBytes: numbers.offset,
  }
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  )
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
