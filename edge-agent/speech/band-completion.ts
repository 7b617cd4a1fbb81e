/**
 * Cepstra of speech whose upper mel bands never arrived, as over a telephone: what those bands would have held is what
 * human speech holds there when the lower bands look so (missing-feature reconstruction, Raj, Seltzer and Stern 2004).
 * Cepstra c of Gaussian k are m_k + e, the observed log bands o = H (c + channel) + noise of variance v: linear and
 * Gaussian, so posterior, expectation and the channel's own equations are closed forms in 13 dimensions.
 */
import { invariant } from '../../shared/errors.ts'
import { CEPSTRA, spectrumOfCepstra } from './front-end.ts'
import type { SpeechMixture } from './speech-mixture.ts'
import { cholesky, inverse } from './symmetric-matrix.ts'

/** Variance (log power squared) of what 13 cepstra cannot say of a band. */
const BAND_VARIANCE = 0.1
/** Gaussians with a smaller share of a frame change nothing. */
const LEAST_SHARE = 1e-3
const SQUARE = CEPSTRA * CEPSTRA

/** Sums of the equations A channel = b. */
export interface ChannelEquations {
  readonly matrix: Float64Array
  readonly right: Float64Array
}

export class BandCompletion {
  readonly bands: number
  readonly #count: number
  readonly #means: Float64Array
  readonly #precisions: Float64Array
  /** Bands to cepstra by Hᵀ, and HᵀH. */
  readonly #toBands: Float64Array
  readonly #gram = new Float64Array(SQUARE)
  readonly #constant: Float64Array
  /** A Gaussian's HᵀH m / v. */
  readonly #offset: Float64Array
  readonly #covariance: Float64Array
  readonly #information: Float64Array
  readonly #seen = new Float64Array(CEPSTRA)
  readonly #share: Float64Array
  readonly #shift: Float64Array

  /** `bands` of the lower mel bands are observed. */
  constructor(mixture: SpeechMixture, bands: number) {
    this.bands = bands
    this.#count = mixture.count
    this.#means = mixture.means
    this.#precisions = mixture.variances.map((variance) => 1 / variance)
    this.#toBands = spectrumOfCepstra()
    this.#constant = new Float64Array(mixture.count)
    this.#offset = new Float64Array(mixture.count * CEPSTRA)
    this.#covariance = new Float64Array(mixture.count * SQUARE)
    this.#information = new Float64Array(mixture.count * SQUARE)
    this.#share = new Float64Array(mixture.count)
    this.#shift = new Float64Array(mixture.count * CEPSTRA)
    for (let i = 0; i < CEPSTRA; i++)
      for (let j = 0; j < CEPSTRA; j++)
        for (let b = 0; b < bands; b++)
          add(
            this.#gram,
            i * CEPSTRA + j,
            (at(this.#toBands, b * CEPSTRA + i) * at(this.#toBands, b * CEPSTRA + j)) / BAND_VARIANCE,
          )
    for (let k = 0; k < mixture.count; k++) this.#prepare(k, mixture.weights[k] as number)
  }

  #prepare(k: number, weight: number): void {
    const precision = Float64Array.from(this.#gram)
    const row = k * CEPSTRA
    let logVariance = 0
    for (let i = 0; i < CEPSTRA; i++) {
      add(precision, i * CEPSTRA + i, at(this.#precisions, row + i))
      logVariance -= Math.log(at(this.#precisions, row + i))
    }
    const factor = cholesky(precision, CEPSTRA)
    invariant(factor !== undefined, 'a sum of a Gram matrix and positive precisions is positive definite')
    const { inverse: covariance, logDeterminant } = inverse(factor, CEPSTRA)
    this.#covariance.set(covariance, k * SQUARE)
    let energy = 0
    for (let i = 0; i < CEPSTRA; i++) {
      let offset = 0
      for (let j = 0; j < CEPSTRA; j++) {
        offset += at(this.#gram, i * CEPSTRA + j) * at(this.#means, row + j)
        let sum = 0
        for (let l = 0; l < CEPSTRA; l++)
          sum += at(covariance, i * CEPSTRA + l) * at(this.#gram, l * CEPSTRA + j)
        this.#information[k * SQUARE + i * CEPSTRA + j] = at(this.#precisions, row + i) * sum
      }
      this.#offset[row + i] = offset
      energy += offset * at(this.#means, row + i)
    }
    this.#constant[k] = Math.log(weight) - 0.5 * (logVariance + logDeterminant + energy)
  }

  /** The expected cepstra of one frame of log bands; adds what it says of the channel to `equations` when they are given. */
  complete(logBands: Float64Array, channel: Float64Array, equations?: ChannelEquations): Float64Array {
    this.#observe(logBands, channel)
    this.#weigh()
    const out = Float64Array.from(channel)
    for (let k = 0; k < this.#count; k++) {
      const share = at(this.#share, k)
      if (share < LEAST_SHARE) continue
      const row = k * CEPSTRA
      for (let i = 0; i < CEPSTRA; i++)
        add(out, i, share * (at(this.#means, row + i) + at(this.#shift, row + i)))
      if (equations !== undefined) this.#inform(k, share, channel, equations)
    }
    return out
  }

  /** Hᵀ (o - H channel) / v */
  #observe(logBands: Float64Array, channel: Float64Array): void {
    for (let i = 0; i < CEPSTRA; i++) {
      let sum = 0
      for (let b = 0; b < this.bands; b++) sum += at(this.#toBands, b * CEPSTRA + i) * at(logBands, b)
      sum /= BAND_VARIANCE
      for (let j = 0; j < CEPSTRA; j++) sum -= at(this.#gram, i * CEPSTRA + j) * at(channel, j)
      this.#seen[i] = sum
    }
  }

  /** Each Gaussian's share of the frame, and how far it moves its mean. The innermost loops of a narrow stream: no calls. */
  #weigh(): void {
    const [seen, offset, covariance, means] = [this.#seen, this.#offset, this.#covariance, this.#means]
    const [shares, shifts] = [this.#share, this.#shift]
    const rest = new Float64Array(CEPSTRA)
    let best = -Infinity
    for (let k = 0; k < this.#count; k++) {
      const row = k * CEPSTRA
      let score = this.#constant[k] as number
      for (let i = 0; i < CEPSTRA; i++) rest[i] = (seen[i] as number) - (offset[row + i] as number)
      for (let i = 0; i < CEPSTRA; i++) {
        const from = k * SQUARE + i * CEPSTRA
        let shift = 0
        for (let j = 0; j < CEPSTRA; j++) shift += (covariance[from + j] as number) * (rest[j] as number)
        shifts[row + i] = shift
        score += (means[row + i] as number) * (seen[i] as number) + 0.5 * shift * (rest[i] as number)
      }
      shares[k] = score
      if (score > best) best = score
    }
    let sum = 0
    for (let k = 0; k < this.#count; k++) sum += shares[k] = Math.exp((shares[k] as number) - best)
    for (let k = 0; k < this.#count; k++) shares[k] = (shares[k] as number) / sum
  }

  #inform(k: number, share: number, channel: Float64Array, to: ChannelEquations): void {
    const row = k * CEPSTRA
    for (let i = 0; i < CEPSTRA; i++) {
      let right = at(this.#precisions, row + i) * at(this.#shift, row + i)
      for (let j = 0; j < CEPSTRA; j++) {
        const weight = at(this.#information, k * SQUARE + i * CEPSTRA + j)
        add(to.matrix, i * CEPSTRA + j, share * weight)
        right += weight * at(channel, j)
      }
      add(to.right, i, share * right)
    }
  }
}

function at(values: Float64Array, index: number): number {
  return values[index] as number
}

function add(values: Float64Array, index: number, value: number): void {
  values[index] = (values[index] as number) + value
}
