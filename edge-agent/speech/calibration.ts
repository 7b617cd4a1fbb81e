/** Turns evidence into probability. The figures are fitted by `edge-agent/models/training/confidence`, on voices made there. */

/** A logistic regression over standardised evidence. */
export interface Calibration {
  readonly mean: readonly number[]
  readonly scale: readonly number[]
  readonly weights: readonly number[]
  readonly bias: number
}

/** The probability of being right, 0 to 1, to three places. Evidence that is not finite counts as none. */
export function calibrated(calibration: Calibration, evidence: readonly number[]): number {
  let sum = calibration.bias
  for (const [at, weight] of calibration.weights.entries()) {
    const x = evidence[at] ?? 0
    const standard = (x - (calibration.mean[at] ?? 0)) / (calibration.scale[at] ?? 1)
    sum += weight * (Number.isFinite(standard) ? standard : -3)
  }
  return Math.round(1_000 / (1 + Math.exp(-sum))) / 1_000
}

export const WORD_CALIBRATION: Calibration = {
  mean: [-0.4358, 3.1461, 3.0701, -0.4325],
  scale: [1.0259, 0.6159, 3.7012, 0.4455],
  weights: [0.4914, -0.3314, 1.6901, 1.6879],
  bias: 0.3671,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.1064, 3.3122, 4.5925, 0.2518],
  scale: [0.9235, 0.5479, 2.8977, 0.4115],
  weights: [0.6168, -0.2132, 0.4711, 1.683],
  bias: 3.4488,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.3794, -1.7889, 0.7655, 13.9713, 0.0928, 2.1424],
  scale: [0.4478, 1.55, 3.1756, 15.2901, 0.0953, 0.4605],
  weights: [1.5466, 1.1203, 0.8642, 1.4604, -0.0678, 0.1802],
  bias: -0.9948,
}
