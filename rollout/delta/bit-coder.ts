/**
 * An adaptive binary arithmetic coder over 32 bits, without carries: the interval's top bytes go out as soon as they agree. One class works
 * in both directions, so that a model is written once and encoder and decoder cannot differ. Integers only:
 * the same bits on every processor.
 */
import { DeltaRefused } from './refused.ts'

/** So many bits are counted evenly before old ones begin to fade: weights of one tensor are alike throughout. */
const MOST_SEEN = 1_023
const SEEN_MASK = 1_023
const SEEN_ELSEWHERE = 12
/** Pull of a new bit on a probability after n of them: 1 / (n + 1.5), as a multiple of 2^-13. */
const PULL = Int32Array.from({ length: MOST_SEEN + 1 }, (_, n) => Math.floor(16_384 / (n + n + 3)))
/** A bit of which nothing is known. */
export const EVEN = 0x8000_0000 | 0
/** Bits of equal odds that are coded in one step: with an interval of 16 bits more, no precision is lost. */
const PLAIN_BITS = 8
const FIRST_OUTPUT_BYTES = 1 << 16

/** Probabilities that a bit is 1, each 22 bits with 10 bits of how often it was seen. */
export type Odds = Int32Array

export function freshOdds(contexts: number): Odds {
  return new Int32Array(contexts).fill(EVEN)
}

/** What was learned elsewhere is a first guess only: it counts as little as a few bits. */
export function fade(odds: Odds): void {
  for (let at = 0; at < odds.length; at += 1) {
    const state = odds[at] ?? EVEN
    odds[at] = (state & ~SEEN_MASK) | Math.min(state & SEEN_MASK, SEEN_ELSEWHERE)
  }
}

export class BitCoder {
  readonly isDecoding: boolean
  #low = 0
  #high = -1
  #code = 0
  #bytes: Uint8Array
  #at = 0
  #end = 0
  /** Decoding past this many bytes after the end of what there is means that the delta is cut off. */
  #isLast = false
  #past = 0

  private constructor(isDecoding: boolean, bytes: Uint8Array) {
    this.isDecoding = isDecoding
    this.#bytes = bytes
  }

  static encoder(): BitCoder {
    return new BitCoder(false, new Uint8Array(FIRST_OUTPUT_BYTES))
  }

  /** `window` is what {@link feed} fills; nothing can be decoded before. */
  static decoder(windowBytes: number): BitCoder {
    return new BitCoder(true, new Uint8Array(windowBytes))
  }

  /** Codes one bit: takes `bit` when encoding, returns the bit in both directions. */
  bit(odds: Odds, context: number, bit: number): number {
    const state = odds[context] ?? EVEN
    const range = (this.#high - this.#low) >>> 0
    const p = (state >>> 16) | 1
    const middle = (this.#low + Math.imul(range >>> 16, p) + (((range & 0xffff) * p) >>> 16)) | 0
    const coded = this.isDecoding ? (this.#code >>> 0 <= middle >>> 0 ? 1 : 0) : bit
    if (coded === 0) this.#low = (middle + 1) | 0
    else this.#high = middle
    odds[context] = moved(state, coded)
    if (((this.#low ^ this.#high) & 0xff00_0000) === 0) this.#shift()
    return coded
  }

  /** As {@link bit}, with a probability of 16 bits from elsewhere that does not adapt here. */
  bitAt(p16: number, bit: number): number {
    const range = (this.#high - this.#low) >>> 0
    const middle = (this.#low + Math.imul(range >>> 16, p16) + (((range & 0xffff) * p16) >>> 16)) | 0
    const coded = this.isDecoding ? (this.#code >>> 0 <= middle >>> 0 ? 1 : 0) : bit
    if (coded === 0) this.#low = (middle + 1) | 0
    else this.#high = middle
    if (((this.#low ^ this.#high) & 0xff00_0000) === 0) this.#shift()
    return coded
  }

  /** `count` bits of equal odds, the highest first. */
  plain(value: number, count: number): number {
    let coded = 0
    for (let left = count; left > 0;) {
      const bits = Math.min(left, PLAIN_BITS)
      left -= bits
      coded = (coded << bits) | this.#level((value >>> left) & ((1 << bits) - 1), bits)
    }
    return coded
  }

  /** A number below 2^`bits` by a binary tree of adaptive bits, which starts at `from` in `odds` and has 2^`bits` contexts. */
  tree(odds: Odds, from: number, bits: number, value: number): number {
    let node = 1
    for (let at = bits - 1; at >= 0; at -= 1)
      node = (node << 1) | this.bit(odds, from + node, (value >>> at) & 1)
    return node - (1 << bits)
  }

  /** Some plain bits at once, where the interval is wide enough to be cut into so many parts. */
  #level(value: number, bits: number): number {
    const part = ((this.#high - this.#low) >>> 0) >>> bits
    if (part < 1 << PLAIN_BITS) {
      let coded = 0
      for (let at = bits - 1; at >= 0; at -= 1) coded = (coded << 1) | this.bitAt(0x8000, (value >>> at) & 1)
      return coded
    }
    const last = (1 << bits) - 1
    const coded = this.isDecoding
      ? Math.min(last, Math.floor(((this.#code - this.#low) >>> 0) / part))
      : value
    this.#low = (this.#low + Math.imul(part, coded)) | 0
    if (coded !== last) this.#high = (this.#low + part - 1) | 0
    if (((this.#low ^ this.#high) & 0xff00_0000) === 0) this.#shift()
    return coded
  }

  #shift(): void {
    let low = this.#low
    let high = this.#high
    do {
      if (this.isDecoding) this.#code = (this.#code << 8) | this.#next()
      else this.#put(high >>> 24)
      low <<= 8
      high = (high << 8) | 255
    } while (((low ^ high) & 0xff00_0000) === 0)
    this.#low = low
    this.#high = high
  }

  #put(byte: number): void {
    if (this.#at === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes[this.#at] = byte
    this.#at += 1
  }

  /** How many bytes encoding has given so far. */
  get sizeBytes(): number {
    return this.#at
  }

  /** Ends encoding: as few bytes as tell the interval, the zeros behind them left out. */
  finish(): Uint8Array {
    // Past the end the decoder reads zeros: the shortest number within the interval will do.
    const low = this.#low >>> 0
    const high = this.#high >>> 0
    if (low === 0) return this.#bytes.subarray(0, this.#at)
    for (let bits = 0; bits <= 24; bits += 8) {
      const step = 2 ** (24 - bits)
      const value = Math.ceil(low / step) * step
      if (value > high) continue
      for (let at = 0; at * 8 <= bits; at += 1) this.#put(Math.floor(value / 2 ** (24 - at * 8)) & 255)
      break
    }
    return this.#bytes.subarray(0, this.#at)
  }

  /** Where bytes to decode are to be put: what was not decoded yet stays before it. */
  room(): Uint8Array {
    this.#bytes.copyWithin(0, this.#at, this.#end)
    this.#end -= this.#at
    this.#at = 0
    return this.#bytes.subarray(this.#end)
  }

  /** Says how many bytes were put into {@link room}, and whether they are the last there are. */
  feed(count: number, isLast: boolean): void {
    this.#end += count
    this.#isLast = isLast
  }

  /** Takes the first bytes; once, after the first {@link feed}. */
  begin(): void {
    for (let at = 0; at < 4; at += 1) this.#code = (this.#code << 8) | this.#next()
  }

  /** Bytes that were fed and not decoded. */
  get unreadBytes(): number {
    return this.#end - this.#at
  }

  #next(): number {
    if (this.#at < this.#end) {
      const byte = this.#bytes[this.#at] ?? 0
      this.#at += 1
      return byte
    }
    this.#past += 1
    if (!this.#isLast || this.#past > 4) throw new DeltaRefused('malformed', 'its coded bytes end too early')
    return 0
  }
}

/** What a probability becomes when `bit` was seen. */
export function moved(state: number, bit: number): number {
  const seen = state & SEEN_MASK
  const towards = Math.imul(((bit << 22) - (state >>> 10)) >> 3, PULL[seen] ?? 0) & 0xffff_fc00
  return (state + (seen < MOST_SEEN ? 1 : 0) + towards) | 0
}
