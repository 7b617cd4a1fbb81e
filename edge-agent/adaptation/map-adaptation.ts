/**
 * Moves the means of a Gaussian model towards what was heard at one site: maximum a posteriori (Gauvain and Lee 1994). A Gaussian
 * that was heard often goes most of the way, one that was never heard stays; weights and variances stay.
 */
import { DIMENSIONS, STREAMS, type GaussianModel } from './gaussian-model.ts'

/** Frames that a Gaussian's own mean counts for against what was heard. */
export const PRIOR_FRAMES = 10

export class MeanStatistics {
  readonly #model: GaussianModel
  readonly #counts: Float64Array
  readonly #sums: Float64Array
  #frames = 0
  #logLikelihood = 0

  constructor(model: GaussianModel) {
    this.#model = model
    this.#counts = new Float64Array(STREAMS * model.width)
    this.#sums = new Float64Array(STREAMS * model.width * DIMENSIONS)
  }

  get frames(): number {
    return this.#frames
  }

  /** Mean log-likelihood of a frame, by the model as it was when the frames were added. */
  get meanLogLikelihood(): number {
    return this.#logLikelihood / Math.max(1, this.#frames)
  }

  /** Adds one frame of 39 features that belongs to `senone`. */
  add(features: Float32Array, offset: number, senone: number): void {
    this.#model.see(features, offset, [this.#model.codebookOf(senone)])
    this.#frames++
    this.#logLikelihood += this.#model.score(senone, (stream, gaussian, share) => {
      const at = stream * this.#model.width + gaussian
      this.#counts[at] = (this.#counts[at] as number) + share
      for (let d = 0; d < DIMENSIONS; d++)
        this.#sums[at * DIMENSIONS + d] =
          (this.#sums[at * DIMENSIONS + d] as number) +
          share * (features[offset + stream * DIMENSIONS + d] as number)
    })
  }

  /** The means after adaptation, [stream][gaussian][dimension] flat. */
  means(priorFrames = PRIOR_FRAMES): Float32Array {
    const out = new Float32Array(this.#sums.length)
    for (let s = 0; s < STREAMS; s++)
      for (let g = 0; g < this.#model.width; g++) {
        const at = s * this.#model.width + g
        const count = this.#counts[at] as number
        for (let d = 0; d < DIMENSIONS; d++) {
          const { mean } = this.#model.moments(s, g, d)
          out[at * DIMENSIONS + d] =
            (priorFrames * mean + (this.#sums[at * DIMENSIONS + d] as number)) / (priorFrames + count)
        }
      }
    return out
  }
}
