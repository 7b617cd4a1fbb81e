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
  mean: [-0.7988, 3.2166, 3.214, 0.3151, -0.7202, 0.1585, 0.3047, 5.5281],
  scale: [1.1371, 0.6218, 3.626, 0.2875, 0.496, 0.1477, 0.1473, 0.4957],
  weights: [0.4228, -0.241, 1.0281, -0.2586, 1.5117, -0.4404, -0.6438, -0.1616],
  bias: 0.0495,
}

export const OPEN_WORD_CALIBRATION: Calibration = {
  mean: [-0.5446, 3.2693, 2.7339, 0.2449, -0.3194, 0.1232, 0.2387, 4.1819],
  scale: [0.91, 0.6199, 2.9779, 0.2178, 0.5937, 0.0892, 0.0899, 0.5288],
  weights: [0.5797, -0.1624, 1.0461, -0.0371, 0.2592, -0.1292, -0.4949, -0.0879],
  bias: 1.0016,
}

export const UTTERANCE_CALIBRATION: Calibration = {
  mean: [-0.7186, -1.9999, 0.8445, 13.2122, 0.2264, 1.5811, 0.4691, 0.4145, 0.3423, 5.3274, -0.0179, 0.1914, 0.2837],
  scale: [0.4807, 1.643, 2.6373, 13.3463, 0.2142, 0.7136, 0.499, 0.114, 0.1289, 0.5292, 0.2723, 0.1946, 0.1768],
  weights: [1.6491, 0.2235, 1.0009, -0.0485, -0.4692, 0.8809, -0.0382, 0.1011, 0.0934, -0.7031, 0.2011, -1.0672, -0.8945],
  bias: -0.5555,
}
