/** Logistic regression by gradient descent on standardised evidence, and how well its probabilities hold. */
import { calibrated, type Calibration } from '../../../speech/calibration.ts'

export interface Example {
  readonly evidence: readonly number[]
  readonly right: boolean
  /** How much it counts; 1 unless given. */
  readonly weight?: number
}

/** Right ones and wrong ones that together count alike, however many there are of either; of a mean weight of 1. */
export function balanced(examples: readonly Example[]): Example[] {
  const sum = { right: 0, wrong: 0 }
  for (const { right, weight = 1 } of examples) sum[right ? 'right' : 'wrong'] += weight
  return examples.map((example) => {
    const { right, weight = 1 } = example
    return { ...example, weight: (weight * examples.length) / (2 * (right ? sum.right : sum.wrong)) }
  })
}

const STEPS = 3_000
const RATE = 0.5
/** Keeps weights small where the examples do not speak. */
const RIDGE = 1e-3

/** Mean and standard deviation of each kind of evidence. */
export function standards(examples: readonly Example[]): Pick<Calibration, 'mean' | 'scale'> {
  const width = examples[0]?.evidence.length ?? 0
  const n = examples.length
  const mean = columns(width, (at) => examples.reduce((sum, { evidence }) => sum + (evidence[at] ?? 0), 0) / n)
  const scale = columns(width, (at) =>
    Math.sqrt(examples.reduce((sum, { evidence }) => sum + ((evidence[at] ?? 0) - (mean[at] ?? 0)) ** 2, 0) / n) || 1,
  )
  return { mean, scale }
}

export function fit(examples: readonly Example[]): Calibration {
  const n = examples.length
  const { mean, scale } = standards(examples)
  const rows = examples.map(({ evidence }) =>
    evidence.map((x, at) => (x - (mean[at] ?? 0)) / (scale[at] ?? 1)),
  )
  let weights: number[] = mean.map(() => 0)
  let bias = 0
  for (let step = 0; step < STEPS; step++) {
    const slope = weights.map((weight) => RIDGE * weight)
    let lean = 0
    for (const [i, row] of rows.entries()) {
      const sum = row.reduce((total, x, at) => total + x * (weights[at] ?? 0), bias)
      const miss = (1 / (1 + Math.exp(-sum)) - (examples[i]?.right === true ? 1 : 0)) * ((examples[i]?.weight ?? 1) / n)
      lean += miss
      for (const [at, x] of row.entries()) slope[at] = (slope[at] ?? 0) + miss * x
    }
    weights = weights.map((weight, at) => weight - RATE * (slope[at] ?? 0))
    bias -= RATE * lean
  }
  const short = (x: number): number => Number(x.toFixed(4))
  return { mean: mean.map(short), scale: scale.map(short), weights: weights.map(short), bias: short(bias) }
}

function columns(width: number, of: (at: number) => number): number[] {
  return Array.from({ length: width }, (_, at) => of(at))
}

export interface Reliability {
  readonly bins: readonly { readonly count: number; readonly said: number; readonly right: number }[]
  /** Expected calibration error: the mean distance between what was said and what was so. */
  readonly error: number
  /** Chance that a right one is surer than a wrong one. */
  readonly separation: number
}

/** An example and the probability that was said of it. */
export interface Scored {
  readonly said: number
  readonly right: boolean
  readonly weight: number
}

export function scored(calibration: Calibration, examples: readonly Example[]): Scored[] {
  return examples.map(({ evidence, right, weight = 1 }) => ({
    right,
    weight,
    said: calibrated(calibration, evidence),
  }))
}

export function reliability(examples: readonly Scored[], count = 10): Reliability {
  const bins = Array.from({ length: count }, () => ({ count: 0, said: 0, right: 0 }))
  for (const { said, right, weight } of examples) {
    const bin = bins[Math.min(count - 1, Math.floor(said * count))]
    if (bin === undefined) continue
    bin.count += weight
    bin.said += weight * said
    bin.right += right ? weight : 0
  }
  const all = examples.reduce((sum, { weight }) => sum + weight, 0)
  const error = bins.reduce((sum, bin) => sum + Math.abs(bin.said - bin.right), 0) / all
  const means = bins.map((bin) => ({
    count: bin.count,
    said: bin.count === 0 ? 0 : bin.said / bin.count,
    right: bin.count === 0 ? 0 : bin.right / bin.count,
  }))
  return { bins: means, error, separation: separation(examples) }
}

function separation(examples: readonly Scored[]): number {
  const sorted = [...examples].sort((a, b) => a.said - b.said)
  const rights = sorted.filter(({ right }) => right).length
  const wrongs = sorted.length - rights
  let below = 0
  let pairs = 0
  for (const { right } of sorted) {
    if (right) pairs += below
    else below++
  }
  return pairs / Math.max(1, rights * wrongs)
}
