/**
 * Weights of one byte that differ a little from those of the base. Rows in which nothing differs take one bit. In the others, whether a weight
 * differs is told by which did before it in its row and in its column, or, where the tensor's scale moved, by where between two steps the
 * base's value falls in the new scale.
 */
import { fade, freshOdds, type BitCoder, type Odds } from './bit-coder.ts'

/** `even`: by the scale only, for differences without order; `near`: by neighbours and value too. */
export const DIFFERENCE_CONTEXTS = ['even', 'near'] as const
export type DifferenceContext = (typeof DIFFERENCE_CONTEXTS)[number]

/** How a tensor's scale moved: one ratio for all, or one a channel. */
export interface MovedScale {
  /** Base's scale over target's, for each channel in turn. */
  readonly ratios: Float64Array
  /** So many weights in a row belong to one channel. */
  readonly inner: number
  readonly isSigned: boolean
  readonly baseZero: number
  readonly targetZero: number
}

export interface DifferenceShape {
  readonly context: DifferenceContext
  /** Length of a row, for what is above a weight. */
  readonly columns: number
  readonly scale: MovedScale | null
}

const FRACTIONS = 64
/** Larger differences are coded by a tree of seven bits. */
const MOST_STEPS = 12
const STEP_CONTEXTS = 16
const LEVELS = 8
/** Rows longer or shorter than these are taken in stretches of this length. */
const [LEAST_ROW, MOST_ROW, STRETCH] = [16, 1_024, 64]

export class DifferenceModel {
  readonly #coder: BitCoder
  readonly #quiet: Odds = freshOdds(8)
  readonly #others: Odds = freshOdds(LEVELS * FRACTIONS)
  readonly #signs: Odds = freshOdds(FRACTIONS)
  readonly #steps: Odds = freshOdds(LEVELS * STEP_CONTEXTS)
  readonly #large: Odds = freshOdds(128)
  readonly #expected = new Uint8Array(MOST_ROW)
  readonly #fractions = new Uint8Array(MOST_ROW)
  #shape: DifferenceShape = { context: 'even', columns: 1, scale: null }
  #row = STRETCH
  #above = new Uint8Array(STRETCH)
  #active = 0
  #lastSign = 0
  #lastQuiet = 0

  constructor(coder: BitCoder) {
    this.#coder = coder
  }

  /** Begins another tensor. */
  restart(shape: DifferenceShape): void {
    for (const odds of [this.#quiet, this.#others, this.#signs, this.#steps, this.#large]) fade(odds)
    this.#shape = shape
    this.#row = shape.columns < LEAST_ROW || shape.columns > MOST_ROW ? STRETCH : shape.columns
    this.#above = new Uint8Array(this.#row)
    this.#active = 0
    this.#lastSign = 0
    this.#lastQuiet = 0
  }

  /** Codes `target` against `base`, of the same length, which stand at `position`; `target` is filled in when decoding. */
  code(base: Uint8Array, target: Uint8Array, position: number): void {
    const { scale, context } = this.#shape
    let at = 0
    while (at < target.length) {
      const column = (position + at) % this.#row
      const end = Math.min(target.length, at + this.#row - column)
      const to = target.subarray(at, end)
      const from = base.subarray(at, end)
      const expected = scale === null ? from : this.#expect(from, position + at, scale)
      if (context === 'even') this.#codeEven(expected, to)
      else this.#codeRow(expected, to, column)
      at = end
    }
  }

  /** What is expected of the target by its scale, and the fraction by which that was rounded. */
  #expect(base: Uint8Array, position: number, scale: MovedScale): Uint8Array {
    const { ratios, inner, isSigned, baseZero, targetZero } = scale
    const [least, most, shift] = isSigned ? [-128, 127, 24] : [0, 255, 0]
    let within = position % inner
    let channel = Math.floor(position / inner) % ratios.length
    if (ratios[channel] === 1 && within + base.length <= inner && baseZero === targetZero) {
      this.#fractions.fill(FRACTIONS / 2, 0, base.length)
      return base
    }
    for (let at = 0; at < base.length; at += 1) {
      const from = ((base[at] ?? 0) << shift) >> shift
      const exact = (from - baseZero) * (ratios[channel] ?? 1) + targetZero
      const rounded = Math.floor(exact + 0.5)
      this.#fractions[at] = Math.min(FRACTIONS - 1, Math.floor((exact - rounded + 0.5) * FRACTIONS))
      this.#expected[at] = rounded < least ? least : rounded > most ? most : rounded
      within += 1
      if (within === inner) {
        within = 0
        channel = channel + 1 === ratios.length ? 0 : channel + 1
      }
    }
    return this.#expected
  }

  #codeEven(expected: Uint8Array, target: Uint8Array): void {
    const { isDecoding } = this.#coder
    const isScaled = this.#shape.scale !== null
    for (let at = 0; at < target.length; at += 1) {
      const from = expected[at] ?? 0
      const fraction = isScaled ? (this.#fractions[at] ?? 0) : 0
      const difference = isDecoding ? 0 : (((target[at] ?? 0) - from) << 24) >> 24
      const isOther = this.#coder.bit(this.#others, fraction, difference === 0 ? 0 : 1)
      const coded = isOther === 0 ? 0 : this.#size(difference, fraction, 0)
      if (isDecoding) target[at] = from + coded
    }
  }

  /** A row, or what of it stands in this piece. */
  #codeRow(expected: Uint8Array, target: Uint8Array, column: number): void {
    const { isDecoding } = this.#coder
    const isOther = isDecoding ? 0 : differs(expected, target)
    const isLoud = this.#coder.bit(this.#quiet, this.#lastQuiet, isOther)
    this.#lastQuiet = ((this.#lastQuiet << 1) | isLoud) & 7
    if (isLoud === 0) {
      if (isDecoding) target.set(expected.subarray(0, target.length))
      this.#above.fill(0, column, column + target.length)
      this.#active = 0
      return
    }
    const isScaled = this.#shape.scale !== null
    for (let at = 0; at < target.length; at += 1) {
      const from = expected[at] ?? 0
      const difference = isDecoding ? 0 : (((target[at] ?? 0) - from) << 24) >> 24
      const above = this.#above[column + at] ?? 0
      const level = this.#active >> 5
      const fraction = this.#fractions[at] ?? 0
      const context = level * FRACTIONS + (isScaled ? fraction : above >> 3)
      const coded =
        this.#coder.bit(this.#others, context, difference === 0 ? 0 : 1) === 0
          ? 0
          : this.#size(
              difference,
              isScaled ? fraction : this.#lastSign * 3 + (from === 0 ? 0 : 1 + (from >>> 7)),
              level * STEP_CONTEXTS,
            )
      this.#active = faded(this.#active, coded)
      this.#above[column + at] = faded(above, coded)
      if (coded !== 0) this.#lastSign = coded < 0 ? 1 : 2
      if (isDecoding) target[at] = from + coded
    }
  }

  /** Sign and size of a difference that is not zero. */
  #size(difference: number, sign: number, steps: number): number {
    const isNegative = this.#coder.bit(this.#signs, sign, difference < 0 ? 1 : 0)
    const more = Math.abs(difference) - 1
    let size = 0
    while (size < MOST_STEPS && this.#coder.bit(this.#steps, steps + size, more > size ? 1 : 0) === 1)
      size += 1
    if (size === MOST_STEPS) size += this.#coder.tree(this.#large, 0, 7, more - MOST_STEPS)
    return isNegative === 1 ? -size - 1 : size + 1
  }
}

/** 1 where any byte of `b` differs. */
export function differs(a: Uint8Array, b: Uint8Array): 0 | 1 {
  for (let at = 0; at < b.length; at += 1) if (a[at] !== b[at]) return 1
  return 0
}

/** How much changed of late, from 0 to 255; a larger change counts more. */
function faded(active: number, coded: number): number {
  const size = coded < 0 ? -coded : coded
  return active - ((active + 7) >> 3) + (size === 0 ? 0 : size === 1 ? 24 : 31)
}
