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
  mean: [-0.8394, 3.129, 2.5192, -0.97],
  scale: [1.6813, 0.6056, 6.1621, 0.9177],
  weights: [0.6504, 0.0767, 0.6651, 1.2114],
  bias: 0.4921,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.787, 3.262, 1.5424, -0.5663],
  scale: [1.2518, 0.5494, 4.5884, 0.5036],
  weights: [0.5879, 0.3849, 0.8035, 0.1408],
  bias: 0.7637,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.9294, -2.7698, -1.081, 32.1428, 0.1504, 1.979],
  scale: [0.9077, 2.1169, 5.4048, 24.1636, 0.1276, 0.5239],
  weights: [1.0915, 1.0502, 1.7295, 0.8708, -0.5056, 0.0781],
  bias: -0.6036,
}
