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
  mean: [-0.8201, 3.2073, 3.2261, -0.7136],
  scale: [1.2314, 0.6329, 3.7446, 0.4944],
  weights: [0.6593, -0.166, 1.1109, 1.5231],
  bias: 0.0009,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.586, 3.2853, 2.528, -0.3037],
  scale: [0.8466, 0.5933, 2.9223, 0.5545],
  weights: [0.5975, -0.1832, 1.0341, 0.3418],
  bias: 0.6981,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.709, -2.1309, 0.8586, 13.6663, 0.2358, 1.5808, 0.4832, 0.4147, 0.3346],
  scale: [0.4814, 1.8582, 2.8382, 13.9988, 0.2171, 0.7218, 0.4997, 0.1225, 0.1272],
  weights: [1.2673, 1.3149, 1.2319, -0.1748, -0.5305, 0.3272, 0.0703, 0.0575, 0.2041],
  bias: -0.5409,
}
