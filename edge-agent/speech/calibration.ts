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
  mean: [-0.7637, 3.2513, 3.5927, -0.7053],
  scale: [1.1004, 0.6013, 3.6351, 0.5233],
  weights: [0.4812, -0.298, 0.8787, 2.0281],
  bias: 0.631,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.5163, 3.3106, 2.9776, -0.4136],
  scale: [0.7903, 0.5531, 3.0064, 0.4945],
  weights: [1.0932, -0.2666, 1.0418, 0.3169],
  bias: 1.4566,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.6512, -1.8777, 1.137, 15.1973, 0.1604, 1.7777, 0.4785],
  scale: [0.5248, 1.5599, 2.835, 14.8481, 0.148, 0.6708, 0.4995],
  weights: [1.4083, 0.1625, 1.1982, 0.1301, -0.4385, -0.0371, -0.0659],
  bias: 0.1197,
}
