/**
 * Protocol buffers' wire format, read field by field without a schema. What is skipped is never read from the disk.
 * The bytes are anybody's: every length is held against its message's end, and the fields of one file are counted.
 */
import type { ByteSource } from './byte-source.ts'

/** A large public model has some ten thousand nodes and tensors, which are skipped whole; more than this is made to keep us busy. */
const MAX_FIELDS = 2_000_000
const MAX_VARINT_BYTES = 10

/** The bytes break the wire format or one of our limits. */
export class WireBroken extends Error {
  override readonly name = 'WireBroken'
}

export type Field =
  | { readonly number: number; readonly kind: 'varint'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly start: number; readonly end: number }
  | { readonly number: number; readonly kind: 'fixed' }

export interface Span {
  readonly start: number
  readonly end: number
}

export class WireReader {
  readonly #source: ByteSource
  #fields = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** The fields of the message in `span`, in order. Throws {@link WireBroken}. */
  *fields(span: Span): Generator<Field> {
    let at = span.start
    while (at < span.end) {
      if (++this.#fields > MAX_FIELDS) throw new WireBroken(`more than ${MAX_FIELDS} fields`)
      const key = this.#varint(at, span.end)
      const number = Math.floor(key.value / 8)
      const wire = key.value % 8
      if (number < 1) throw new WireBroken('a field without a number')
      at = key.next
      if (wire === 0) {
        const read = this.#varint(at, span.end)
        at = read.next
        yield { number, kind: 'varint', value: read.value }
      } else if (wire === 2) {
        const length = this.#varint(at, span.end)
        const end = length.next + length.value
        if (!(length.value >= 0 && end <= span.end)) throw new WireBroken('a field reaches past its message')
        at = end
        yield { number, kind: 'bytes', start: length.next, end }
      } else if (wire === 1 || wire === 5) {
        at += wire === 1 ? 8 : 4
        if (at > span.end) throw new WireBroken('a number reaches past its message')
        yield { number, kind: 'fixed' }
      } else throw new WireBroken(`wire type ${wire}`)
    }
  }

  /** Throws {@link WireBroken} when it is longer than `most` bytes or no UTF-8. */
  text(span: Span, most: number): string {
    const length = span.end - span.start
    if (length > most) throw new WireBroken(`a text of ${length} bytes where ${most} are the most`)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.#source.read(span.start, length))
    } catch {
      throw new WireBroken('a text that is no UTF-8')
    }
  }

  #varint(at: number, end: number): { readonly value: number; readonly next: number } {
    const bytes = this.#source.read(at, Math.min(MAX_VARINT_BYTES, end - at))
    let low = 0
    let high = 0n
    for (const [index, byte] of bytes.entries()) {
      // Four groups of seven bits fit a small integer; what is above them is rare, and may be a negative number.
      if (index < 4) low += (byte & 0x7f) * 2 ** (7 * index)
      else high |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if ((byte & 0x80) === 0) {
        const value = high === 0n ? low : Number(BigInt.asIntN(64, high | BigInt(low)))
        return { value, next: at + index + 1 }
      }
    }
    throw new WireBroken('a number without an end')
  }
}
