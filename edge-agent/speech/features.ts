/** Cepstra of one utterance, and the 39 features a frame that the acoustic model takes: statics less a mean, deltas, double deltas. */
import { CEPSTRA } from './front-end.ts'

export const FEATURES = 3 * CEPSTRA
/** A frame's double deltas reach three frames ahead. */
export const LOOK_AHEAD = 3

/** Every so many frames of a stream, from one on. */
export interface FrameRows {
  readonly from: number
  readonly every: number
  readonly rows: number
}

export class CepstralTrack {
  #values = new Float64Array(CEPSTRA * 1_024)
  #count = 0

  constructor(cepstra: Iterable<Float64Array> = []) {
    for (const frame of cepstra) this.push(frame)
  }

  get count(): number {
    return this.#count
  }

  push(cepstra: Float64Array): void {
    if ((this.#count + 1) * CEPSTRA > this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values.set(cepstra, this.#count * CEPSTRA)
    this.#count++
  }

  /** Sets the last frames anew. */
  replaceLast(cepstra: readonly Float64Array[]): void {
    const from = this.#count - cepstra.length
    for (const [at, frame] of cepstra.entries()) this.#values.set(frame, (from + at) * CEPSTRA)
  }

  /** Writes features of frames, a row each, with `mean` taken off; beyond an end the end frame is repeated. */
  write(frames: FrameRows, mean: Float64Array, out: Float32Array): void {
    for (let at = 0; at < frames.rows; at++) {
      const t = frames.from + at * frames.every
      const row = at * FEATURES
      for (let c = 0; c < CEPSTRA; c++) {
        out[row + c] = this.#at(t, c) - (mean[c] as number)
        out[row + CEPSTRA + c] = this.#at(t + 2, c) - this.#at(t - 2, c)
        out[row + 2 * CEPSTRA + c] =
          this.#at(t + 3, c) - this.#at(t - 1, c) - (this.#at(t + 1, c) - this.#at(t - 3, c))
      }
    }
  }

  value(t: number, c: number): number {
    return this.#at(t, c)
  }

  #at(t: number, c: number): number {
    const frame = t < 0 ? 0 : t >= this.#count ? this.#count - 1 : t
    return this.#values[frame * CEPSTRA + c] as number
  }
}
