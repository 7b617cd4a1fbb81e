/**
 * Nets of one small hidden layer over standardised evidence, whose mean odds are said: what is telling of a word is not what is
 * telling of a sentence, and what one net is sure of by chance the others are not.
 */
import { type Calibration, EVIDENCE_REACH } from '../../../speech/calibration.ts'
import { seeded } from '../../../../shared/seeded.ts'
import { type Example, standards } from './logistic.ts'

const HIDDEN = 8
/** Where each of the nets begins. */
const SEEDS = [5, 6, 7, 8] as const
const STEPS = 500
const RATE = 0.03
/** Keeps weights small where the examples do not speak. */
const RIDGE = 2e-3
/** Weights begin this far around 0. */
const START = 0.7
/** Of Adam: how much of the mean slope and of the mean square is kept at each step. */
const KEEP = { slope: 0.9, square: 0.99 }

export function fitNet(examples: readonly Example[]): Calibration {
  const { mean, scale } = standards(examples)
  const rows = examples.map(({ evidence }) =>
    Float64Array.from(evidence, (x, at) => {
      const standard = (x - (mean[at] ?? 0)) / (scale[at] ?? 1)
      return Math.max(-EVIDENCE_REACH, Math.min(EVIDENCE_REACH, standard))
    }),
  )
  const width = mean.length
  const nets = SEEDS.map((seed) => trained(rows, examples, seeded(seed)))
  const short = (x: number): number => Number(x.toFixed(4))
  const out = HIDDEN * (width + 1)
  const share = (x: number): number => short(x / nets.length)
  return {
    mean: mean.map(short),
    scale: scale.map(short),
    // The hidden units of all nets side by side.
    hidden: nets.flatMap((values) =>
      Array.from({ length: HIDDEN }, (_, unit) => {
        const first = unit * (width + 1)
        return {
          weights: Array.from(values.subarray(first, first + width), short),
          bias: short(values[first + width] ?? 0),
        }
      }),
    ),
    weights: nets.flatMap((values) => Array.from(values.subarray(out, out + HIDDEN), share)),
    bias: share(nets.reduce((sum, values) => sum + (values[out + HIDDEN] ?? 0), 0)),
  }
}

/** Of each hidden unit its weights and its bias; then the weights over the units, then the last bias. */
function trained(
  rows: readonly Float64Array[],
  examples: readonly Example[],
  random: () => number,
): Float64Array {
  const width = rows[0]?.length ?? 0
  const out = HIDDEN * (width + 1)
  const values = Float64Array.from({ length: out + HIDDEN + 1 }, (_, at) =>
    at === out + HIDDEN || (at < out && at % (width + 1) === width) ? 0 : START * (2 * random() - 1),
  )
  const descent = new Descent(values)
  for (let step = 1; step <= STEPS; step++) descent.step(slopesAt(values, rows, examples), step)
  return values
}

/** The slope of the mean cross entropy, weighted by example, and of the ridge, over each value. */
function slopesAt(values: Float64Array, rows: readonly Float64Array[], examples: readonly Example[]): Float64Array {
  const width = rows[0]?.length ?? 0
  const out = HIDDEN * (width + 1)
  const slopes = values.map((value, at) =>
    at === out + HIDDEN || (at < out && at % (width + 1) === width) ? 0 : RIDGE * value,
  )
  const units = new Float64Array(HIDDEN)
  for (const [i, row] of rows.entries()) {
    let sum = values[out + HIDDEN] as number
    for (let unit = 0; unit < HIDDEN; unit++) {
      const first = unit * (width + 1)
      let inner = values[first + width] as number
      for (let at = 0; at < width; at++) inner += (values[first + at] as number) * (row[at] as number)
      units[unit] = Math.tanh(inner)
      sum += (values[out + unit] as number) * (units[unit] as number)
    }
    const { right, weight = 1 } = examples[i] as Example
    const miss = ((1 / (1 + Math.exp(-sum)) - (right ? 1 : 0)) * weight) / rows.length
    slopes[out + HIDDEN] = (slopes[out + HIDDEN] as number) + miss
    for (let unit = 0; unit < HIDDEN; unit++) {
      const first = unit * (width + 1)
      const active = units[unit] as number
      slopes[out + unit] = (slopes[out + unit] as number) + miss * active
      const back = miss * (values[out + unit] as number) * (1 - active * active)
      slopes[first + width] = (slopes[first + width] as number) + back
      for (let at = 0; at < width; at++)
        slopes[first + at] = (slopes[first + at] as number) + back * (row[at] as number)
    }
  }
  return slopes
}

/** Adam (Kingma and Ba 2015), in place. */
class Descent {
  readonly #values: Float64Array
  readonly #slope: Float64Array
  readonly #square: Float64Array

  constructor(values: Float64Array) {
    this.#values = values
    this.#slope = new Float64Array(values.length)
    this.#square = new Float64Array(values.length)
  }

  /** `step` counts from 1. */
  step(slopes: Float64Array, step: number): void {
    for (const [at, slope] of slopes.entries()) {
      const mean = KEEP.slope * (this.#slope[at] as number) + (1 - KEEP.slope) * slope
      const square = KEEP.square * (this.#square[at] as number) + (1 - KEEP.square) * slope * slope
      this.#slope[at] = mean
      this.#square[at] = square
      const size = Math.sqrt(square / (1 - KEEP.square ** step)) + 1e-8
      this.#values[at] = (this.#values[at] as number) - (RATE * mean) / (1 - KEEP.slope ** step) / size
    }
  }
}
