/** Turns evidence into probability. */

/** In a net, evidence further from its mean than this many standard deviations says no more. */
export const EVIDENCE_REACH = 4
/** What evidence that is not finite counts as. */
const NO_EVIDENCE = -3

/** A logistic regression over standardised evidence, or over a layer of units (tanh) that weigh it first. */
export interface Calibration {
  readonly mean: readonly number[]
  readonly scale: readonly number[]
  readonly hidden?: readonly { readonly weights: readonly number[]; readonly bias: number }[]
  /** Of the hidden units, or of the evidence when there are none. */
  readonly weights: readonly number[]
  readonly bias: number
}

/** The probability of being right, 0 to 1, to three places. Evidence that is not finite counts as none. */
export function calibrated(calibration: Calibration, evidence: readonly number[]): number {
  const { mean, scale, hidden, weights, bias } = calibration
  const standard = mean.map((middle, at) => {
    const x = ((evidence[at] ?? 0) - middle) / (scale[at] ?? 1)
    return Number.isFinite(x) ? x : NO_EVIDENCE
  })
  if (hidden === undefined) return probability(dot(weights, standard) + bias)
  const within = standard.map((x) => Math.max(-EVIDENCE_REACH, Math.min(EVIDENCE_REACH, x)))
  const units = hidden.map((unit) => Math.tanh(dot(unit.weights, within) + unit.bias))
  return probability(dot(weights, units) + bias)
}

function dot(weights: readonly number[], values: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * (values[at] ?? 0), 0)
}

function probability(odds: number): number {
  return Math.round(1_000 / (1 + Math.exp(-odds))) / 1_000
}
