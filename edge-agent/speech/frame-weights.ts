/**
 * How much each frame may say: little where noise covers what was spoken. A frame that hardly stands above the tracked noise
 * scores some sound or other well by chance; its scores count for a part (weighted Viterbi, Bernard and Alwan 2002).
 */
import type { FrameRows } from './features.ts'
import type { Frame } from './front-end.ts'

/** Weight gained a nat of mean power over noise: from 0.3 full weight is reached at 4.7 nats, some 20 dB. */
const WEIGHT_PER_NAT = 0.15

export class FrameWeights {
  readonly #least: number
  #values = new Float32Array(1_024)
  #count = 0

  /** `least` is the weight of a frame that does not stand above its noise. */
  constructor(least: number) {
    this.#least = least
  }

  push({ aboveNoise }: Pick<Frame, 'aboveNoise'>): void {
    if (this.#count === this.#values.length) {
      const larger = new Float32Array(2 * this.#values.length)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = Math.min(1, this.#least + WEIGHT_PER_NAT * Math.max(0, aboveNoise))
  }

  /** Weighs, in place, the scores of frames. */
  apply(scores: Float32Array, { from, every, rows }: FrameRows): void {
    const columns = scores.length / rows
    for (let t = 0; t < rows; t++) {
      const weight = this.#values[from + t * every] ?? 1
      if (weight === 1) continue
      const end = (t + 1) * columns
      for (let i = t * columns; i < end; i++) scores[i] = (scores[i] as number) * weight
    }
  }
}
