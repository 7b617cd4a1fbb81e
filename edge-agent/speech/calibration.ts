/** Turns evidence into probability. The figures are fitted by `edge-agent/models/training/confidence`, on voices made there. */

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
  mean: [
    -0.7218, -2.0056, 0.7006, 12.619, 0.2324, 1.5903, 0.4763, 0.419, 0.3453, 5.3582, -0.008, 0.1982, 0.2902,
  ],
  scale: [
    0.4666, 1.5778, 2.6042, 13.2927, 0.2152, 0.703, 0.4994, 0.1151, 0.1389, 0.5181, 0.2866, 0.2071, 0.1798,
  ],
  hidden: [
    {
      weights: [
        -0.348, -0.0338, 0.4142, -0.2089, 0.2219, -0.1246, 0.1202, 0.5147, 0.5077, -0.1072, -0.6165, -0.1963,
        -0.0283,
      ],
      bias: -1.0848,
    },
    {
      weights: [
        -0.2579, 0.1193, -0.084, 0.2371, 0.2572, 0.1864, -0.0088, -0.0783, -0.9584, 0.0483, -0.2205, 0.3673,
        -0.024,
      ],
      bias: -1.1197,
    },
    {
      weights: [
        -0.1863, -0.2017, -0.7162, -0.1692, -0.0643, -0.3532, -0.6285, -0.0625, -0.0815, 0.0984, -0.263,
        0.0396, 0.2451,
      ],
      bias: 0.582,
    },
    {
      weights: [
        -0.0646, 0.1482, -0.1499, -0.3422, -0.1526, -0.1741, -0.6215, 0.1533, 0.186, -0.0706, 0.3024, -0.1288,
        0.3208,
      ],
      bias: -0.9335,
    },
    {
      weights: [
        0.2857, 0.2927, -0.0324, -0.0727, 0.4884, 0.0628, -0.1068, 0.1967, -0.1889, -0.3322, 0.0255, -0.5742,
        -0.9657,
      ],
      bias: 0.5441,
    },
    {
      weights: [
        -0.6779, -0.221, -0.3981, 0.1953, -0.1298, -1.0079, -0.0968, 0.1821, 0.1713, -0.2647, 0.1967, 0.1403,
        0.4833,
      ],
      bias: 0.9541,
    },
    {
      weights: [
        0.415, 0.0125, 0.0289, 0.1205, -0.6471, 0.1682, -0.1308, 0.1508, -0.0177, -1.3291, -0.0908, 0.2146,
        -0.2128,
      ],
      bias: 1.3871,
    },
    {
      weights: [
        -0.3995, -0.0652, -0.9731, -0.3996, -0.1701, -0.1346, 0.3482, -0.1062, -0.0133, 0.5916, 0.3275,
        0.3226, -0.591,
      ],
      bias: -1.1079,
    },
  ],
  weights: [-1.1971, -1.4349, -1.1925, 0.8829, 1.4745, -1.6037, 1.7104, -1.5349],
  bias: -2.8488,
}
