/**
 * The length of the vocal tract that speaks: a shorter one moves every resonance up by one factor. The factor is taken under
 * which a mixture of all speech explains best what was heard (Lee and Rose 1998), and is taken back out of the cepstra, so that the
 * model hears everybody as one tract. A spectrum of 13 cepstra is smooth, so that warping it is a 13 x 13 matrix.
 */
import { CEPSTRA, cosineTransform, spectrumOfCepstra, warpedPlaces } from './front-end.ts'
import { logDeterminant } from './matrix.ts'
import type { SpeechMixture } from './speech-mixture.ts'

/** Between the longest tract and the shortest that are looked for. */
export const TRACTS: readonly number[] = Array.from({ length: 13 }, (_, at) => (88 + 2 * at) / 100)
/** Less speech than this says little of who speaks. */
export const LEAST_TRACT_FRAMES = 30
/** Frames of which the factor is found: as many more would change it by less than a step. */
const MOST_FRAMES = 250

interface Warp {
  /** Row-major, of cepstra to cepstra. */
  readonly matrix: Float64Array
  /** Of a frame's likelihood, what the matrix itself does to volumes. */
  readonly logDeterminant: number
}

export class VocalTract {
  readonly #mixture: SpeechMixture
  /** One for each of {@link TRACTS}. */
  readonly warps: readonly Warp[] = TRACTS.map(warp)
  readonly #precisions: Float64Array
  readonly #constants: Float64Array
  #likeliest = 0

  constructor(mixture: SpeechMixture) {
    this.#mixture = mixture
    this.#precisions = mixture.variances.map((variance) => 1 / variance)
    this.#constants = mixture.weights.map((weight, k) => {
      const row = this.#precisions.subarray(k * CEPSTRA, (k + 1) * CEPSTRA)
      return Math.log(weight) + 0.5 * row.reduce((sum, precision) => sum + Math.log(precision), 0)
    })
  }

  /** The warp that explains these frames of speech best; `meanOf` says what the channel is under one. */
  found(speech: readonly Float64Array[], meanOf: (warp: Float64Array) => Float64Array): Float64Array {
    const every = Math.ceil(speech.length / MOST_FRAMES)
    const frames = speech.filter((_, at) => at % every === 0)
    let [best, found]: [number, Float64Array] = [-Infinity, new Float64Array()]
    const away = new Float64Array(CEPSTRA)
    for (const { matrix, logDeterminant: volume } of this.warps) {
      const mean = meanOf(matrix)
      let score = frames.length * volume
      for (const frame of frames) {
        warpInto(matrix, frame, away)
        for (let c = 0; c < CEPSTRA; c++) away[c] = (away[c] as number) - (mean[c] as number)
        score += this.#likelihood(away)
      }
      if (score > best) [best, found] = [score, matrix]
    }
    return found
  }

  /**
   * Of the likeliest Gaussian; what all frames have in common is left out. The innermost loops of a choice: no calls. A Gaussian is
   * given up once it is too far away: the one that was likeliest for the frame before is a good first guess of how far that is.
   */
  #likelihood(frame: Float64Array): number {
    const [means, precisions, constants] = [this.#mixture.means, this.#precisions, this.#constants]
    const count = constants.length
    let best = -Infinity
    let likeliest = this.#likeliest
    for (let turn = -1; turn < count; turn++) {
      const k = turn < 0 ? this.#likeliest : turn
      const row = k * CEPSTRA
      const most = constants[k] as number
      let distance = 0
      let c = 0
      for (; c < CEPSTRA; c++) {
        const away = (frame[c] as number) - (means[row + c] as number)
        distance += away * away * (precisions[row + c] as number)
        if (most - 0.5 * distance <= best) break
      }
      if (c < CEPSTRA) continue
      best = most - 0.5 * distance
      likeliest = k
    }
    this.#likeliest = likeliest
    return best
  }
}

/** Cepstra as the tract that all share would have them. */
export function warpedBy(matrix: Float64Array, frame: Float64Array): Float64Array {
  const out = new Float64Array(CEPSTRA)
  warpInto(matrix, frame, out)
  return out
}

function warpInto(matrix: Float64Array, frame: Float64Array, out: Float64Array): void {
  for (let i = 0; i < CEPSTRA; i++) {
    let sum = 0
    for (let j = 0; j < CEPSTRA; j++) sum += (matrix[i * CEPSTRA + j] as number) * (frame[j] as number)
    out[i] = sum
  }
}

function warp(factor: number): Warp {
  const [transform, places] = [cosineTransform(), warpedPlaces(factor)]
  const spectrum = spectrumOfCepstra(places)
  const matrix = new Float64Array(CEPSTRA * CEPSTRA)
  for (let i = 0; i < CEPSTRA; i++)
    for (let j = 0; j < CEPSTRA; j++) {
      let sum = 0
      for (let b = 0; b < places.length; b++)
        sum += (transform[i * places.length + b] as number) * (spectrum[b * CEPSTRA + j] as number)
      matrix[i * CEPSTRA + j] = sum
    }
  return { matrix, logDeterminant: logDeterminant(matrix, CEPSTRA) }
}
