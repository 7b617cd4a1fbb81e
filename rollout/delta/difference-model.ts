/**
 * Weights of one byte that differ a little from those of the base. Whether one differs is told by which did in its row
 * and column, and by the base's value, or, where the tensor's scale moved, by where between two steps the base's value falls in the new scale.
 */
import { fade, freshOdds, type BitCoder, type Odds } from './bit-coder.ts'
import { Mixer } from './mixer.ts'

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

const UNMOVED: MovedScale = {
  ratios: Float64Array.of(1),
  inner: 1,
  isSigned: true,
  baseZero: 0,
  targetZero: 0,
}
const FRACTIONS = 64
/** Larger differences are coded by a tree of seven bits. */
const MOST_STEPS = 12
const LEVELS = 8

export class DifferenceModel {
  readonly #coder: BitCoder
  readonly #byNear: Odds = freshOdds(LEVELS * LEVELS)
  readonly #byValue: Odds = freshOdds(4 * 256)
  readonly #signs: Odds = freshOdds(FRACTIONS + 16)
  readonly #steps: Odds = freshOdds(LEVELS * 16)
  readonly #large: Odds = freshOdds(128)
  readonly #mixer: Mixer
  #shape: DifferenceShape = { context: 'even', columns: 1, scale: null }
  #above = new Uint8Array(1)
  #column = 0
  #active = 0
  #lastSign = 0

  constructor(coder: BitCoder) {
    this.#coder = coder
    this.#mixer = new Mixer(coder, [this.#byNear, this.#byValue], LEVELS)
  }

  /** Begins another tensor. */
  restart(shape: DifferenceShape): void {
    for (const odds of [this.#byNear, this.#byValue, this.#signs, this.#steps, this.#large]) fade(odds)
    this.#shape = shape
    this.#above = new Uint8Array(shape.context === 'near' ? shape.columns : 1)
    this.#column = 0
    this.#active = 0
    this.#lastSign = 0
  }

  /** Codes `target` against `base`, of the same length, which stand at `position`; `target` is filled in when decoding. */
  code(base: Uint8Array, target: Uint8Array, position: number): void {
    this.#column = position % this.#shape.columns
    if (this.#shape.scale !== null) this.#codeScaled(base, target, position)
    else if (this.#shape.context === 'near') this.#codeNear(base, target)
    else this.#codeEven(base, target)
  }

  #codeEven(base: Uint8Array, target: Uint8Array): void {
    const { isDecoding } = this.#coder
    for (let at = 0; at < target.length; at += 1) {
      const from = base[at] ?? 0
      const difference = isDecoding ? 0 : (((target[at] ?? 0) - from) << 24) >> 24
      const isOther = this.#coder.bit(this.#byValue, 0, difference === 0 ? 0 : 1)
      const coded = isOther === 0 ? 0 : this.#size(difference, FRACTIONS, 0)
      if (isDecoding) target[at] = from + coded
    }
  }

  #codeNear(base: Uint8Array, target: Uint8Array): void {
    const { isDecoding } = this.#coder
    for (let at = 0; at < target.length; at += 1) {
      const from = base[at] ?? 0
      const difference = isDecoding ? 0 : (((target[at] ?? 0) - from) << 24) >> 24
      const coded = this.#near(
        difference,
        from,
        FRACTIONS + 1 + this.#lastSign * 3 + (from === 0 ? 0 : 1 + (from >>> 7)),
      )
      if (isDecoding) target[at] = from + coded
    }
  }

  #codeScaled(base: Uint8Array, target: Uint8Array, position: number): void {
    const { isDecoding } = this.#coder
    const { ratios, inner, isSigned, baseZero, targetZero } = this.#shape.scale ?? UNMOVED
    const [least, most, shift] = isSigned ? [-128, 127, 24] : [0, 255, 0]
    const isNear = this.#shape.context === 'near'
    let within = position % inner
    let channel = Math.floor(position / inner) % ratios.length
    for (let at = 0; at < target.length; at += 1) {
      const from = ((base[at] ?? 0) << shift) >> shift
      const exact = (from - baseZero) * (ratios[channel] ?? 1) + targetZero
      const rounded = Math.floor(exact + 0.5)
      const fraction = Math.min(FRACTIONS - 1, Math.floor((exact - rounded + 0.5) * FRACTIONS))
      const expected = Math.max(least, Math.min(most, rounded))
      const difference = isDecoding ? 0 : (((target[at] ?? 0) - expected) << 24) >> 24
      const value = fraction * 4 + Math.min(3, Math.abs(from - baseZero) >> 2)
      const coded = isNear
        ? this.#near(difference, 256 + value, fraction)
        : this.#coder.bit(this.#byValue, 512 + value, difference === 0 ? 0 : 1) === 0
          ? 0
          : this.#size(difference, fraction, 0)
      if (isDecoding) target[at] = expected + coded
      within += 1
      if (within === inner) {
        within = 0
        channel = channel + 1 === ratios.length ? 0 : channel + 1
      }
    }
  }

  /** A difference by its neighbours' and its value's context. */
  #near(difference: number, value: number, sign: number): number {
    const above = this.#above[this.#column] ?? 0
    const level = this.#active >> 5
    const isOther = this.#mixer.bit(level * LEVELS + (above >> 5), value, level, difference === 0 ? 0 : 1)
    const coded = isOther === 0 ? 0 : this.#size(difference, sign, level * 16)
    this.#active = faded(this.#active, coded)
    this.#above[this.#column] = faded(above, coded)
    this.#column = this.#column + 1 === this.#shape.columns ? 0 : this.#column + 1
    if (coded !== 0) this.#lastSign = coded < 0 ? 1 : 2
    return coded
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

/** How much changed of late, from 0 to 255; a larger change counts more. */
function faded(active: number, coded: number): number {
  const size = coded < 0 ? -coded : coded
  return active - ((active + 7) >> 3) + (size === 0 ? 0 : size === 1 ? 24 : 31)
}
