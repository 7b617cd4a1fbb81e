/**
 * Floating-point and 32-bit whole numbers against those of the base: the distance in steps of the last place, its size class by
 * the base's exponent, then its leading bits; the rest of a mantissa is noise and is coded as such.
 */
import { fade, freshOdds, type BitCoder, type Odds } from './bit-coder.ts'
import { differs } from './difference-model.ts'

export const NUMBER_FORMATS = ['float32', 'float16', 'int32'] as const
export type NumberFormat = (typeof NUMBER_FORMATS)[number]

export function widthOf(format: NumberFormat): 2 | 4 {
  return format === 'float16' ? 2 : 4
}

/** Of a distance so many leading bits after the first are learned. */
const LEADING_BITS = 3
const CLASSES = 64
/** Stretches in which nothing differs take one bit. */
const STRETCH_BYTES = 64

export class NumberModel {
  readonly #coder: BitCoder
  readonly #byExponent: Odds = freshOdds(CLASSES * CLASSES)
  readonly #signs: Odds = freshOdds(4)
  readonly #quiet: Odds = freshOdds(8)
  readonly #leading: Odds = freshOdds(CLASSES << LEADING_BITS)
  #format: NumberFormat = 'float32'
  #lastSign = 2
  #lastQuiet = 0

  constructor(coder: BitCoder) {
    this.#coder = coder
  }

  /** Begins another tensor. */
  restart(format: NumberFormat): void {
    for (const odds of [this.#byExponent, this.#signs, this.#leading, this.#quiet]) fade(odds)
    this.#format = format
    this.#lastSign = 2
    this.#lastQuiet = 0
  }

  /** Codes whole numbers of `target` against `base`, of the same length; `target` is filled in when decoding. */
  code(base: Uint8Array, target: Uint8Array): void {
    for (let at = 0; at < target.length; at += STRETCH_BYTES) {
      const [from, to] = [base.subarray(at, at + STRETCH_BYTES), target.subarray(at, at + STRETCH_BYTES)]
      const isOther = this.#coder.isDecoding ? 0 : differs(from, to)
      const isLoud = this.#coder.bit(this.#quiet, this.#lastQuiet, isOther)
      this.#lastQuiet = ((this.#lastQuiet << 1) | isLoud) & 7
      if (isLoud === 1) this.#codeStretch(viewOf(from), viewOf(to))
      else if (this.#coder.isDecoding) to.set(from)
    }
  }

  #codeStretch(from: DataView, to: DataView): void {
    const width = widthOf(this.#format)
    for (let at = 0; at < to.byteLength; at += width) {
      const old = this.#read(from, at)
      const distance = this.#coder.isDecoding ? 0 : (this.#read(to, at) - old) | 0
      const coded = this.#distance(distance, this.#exponent(old))
      if (this.#coder.isDecoding) this.#write(to, at, (old + coded) | 0)
    }
  }

  #distance(distance: number, exponent: number): number {
    const size = Math.abs(distance) >>> 0
    const sizeClass = this.#coder.tree(
      this.#byExponent,
      exponent * CLASSES,
      6,
      size === 0 ? 0 : 32 - Math.clz32(size),
    )
    if (sizeClass === 0) return 0
    const isNegative = this.#coder.bit(this.#signs, this.#lastSign, distance < 0 ? 1 : 0)
    this.#lastSign = isNegative
    const below = Math.min(sizeClass, 32) - 1
    const leadingBits = Math.min(LEADING_BITS, below)
    const noiseBits = below - leadingBits
    const leading = this.#coder.tree(
      this.#leading,
      sizeClass << LEADING_BITS,
      leadingBits,
      (size >>> noiseBits) & ((1 << leadingBits) - 1),
    )
    const noise = this.#coder.plain(size & ((1 << noiseBits) - 1), noiseBits)
    const coded = (((1 << leadingBits) | leading) << noiseBits) | noise | 0
    return isNegative === 1 ? -coded | 0 : coded
  }

  /** In the numbers' own order, so that neighbours differ by one. */
  #read(view: DataView, at: number): number {
    if (this.#format === 'float16') return ordered(view.getInt16(at, true), 0x7fff)
    const bits = view.getInt32(at, true)
    return this.#format === 'int32' ? bits : ordered(bits, 0x7fff_ffff)
  }

  #write(view: DataView, at: number, value: number): void {
    if (this.#format === 'float16') view.setInt16(at, ordered((value << 16) >> 16, 0x7fff), true)
    else view.setInt32(at, this.#format === 'int32' ? value : ordered(value, 0x7fff_ffff), true)
  }

  #exponent(value: number): number {
    const bits = value < 0 ? ~value : value
    switch (this.#format) {
      case 'float32':
        return (bits >>> 23) & 63
      case 'float16':
        return (bits >>> 10) & 31
      case 'int32':
        return 32 - Math.clz32(bits)
    }
  }
}

/** Sign and magnitude to two's complement, and back: it undoes itself. */
function ordered(bits: number, magnitude: number): number {
  return bits ^ ((bits >> 31) & magnitude)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
