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
  mean: [-0.8087, 3.2423, 3.5363, -0.7311],
  scale: [1.1225, 0.621, 3.6009, 0.5161],
  weights: [0.6387, -0.1973, 0.992, 1.6954],
  bias: 0.2643,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.6976, 3.2873, 2.9907, -0.6477],
  scale: [0.8633, 0.5517, 2.9586, 0.4893],
  weights: [0.8585, 0.0105, 1.0118, 0.4726],
  bias: 0.8066,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.6844, -2.0189, 1.1336, 13.8736, 0.177, 1.7181, 0.4558],
  scale: [0.5229, 1.5617, 2.8954, 13.1733, 0.152, 0.6256, 0.498],
  weights: [1.5024, 1.3003, 1.3929, -0.2233, -0.0637, 0.5264, -0.0204],
  bias: -0.5152,
}
