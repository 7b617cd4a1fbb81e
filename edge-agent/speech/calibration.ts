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
  mean: [-0.8102, 3.2289, 3.0661, 0.3232, -0.7285, 0.162, 0.3117, 5.5581],
  scale: [1.1193, 0.6255, 3.5829, 0.2934, 0.4733, 0.1511, 0.1506, 0.475],
  weights: [0.4244, -0.2634, 0.9997, -0.2531, 1.3825, -0.4604, -0.57, -0.1876],
  bias: -0.1052,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.547, 3.2768, 2.6701, 0.2548, -0.3958, 0.1209, 0.2493, 4.2924],
  scale: [0.8902, 0.5895, 2.9499, 0.2269, 0.5582, 0.0911, 0.09, 0.5328],
  weights: [0.8981, -0.2731, 0.9092, -0.2088, 0.2818, 0.0259, -0.5184, -0.1317],
  bias: 1.0278,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.7218, -2.0056, 0.7006, 12.619, 0.2324, 1.5903, 0.4763, 0.419, 0.3453, 5.3582, -0.008, 0.1982, 0.2902],
  scale: [0.4666, 1.5778, 2.6042, 13.2927, 0.2152, 0.703, 0.4994, 0.1151, 0.1389, 0.5181, 0.2866, 0.2071, 0.1798],
  weights: [1.3922, 0.5857, 0.9199, -0.0472, -0.1401, 1.3969, -0.2491, 0.0626, 0.1089, -1.0949, 0.4386, -0.9351, -0.7762],
  bias: -0.6174,
}
