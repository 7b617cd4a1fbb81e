/** What a microphone, a room and a voice add to every cepstrum: it is estimated from the speech heard and taken off. */
import { CEPSTRA, type Frame } from './front-end.ts'

/** The mean that the model's training audio had; a microphone's own takes over as it is heard. */
export const INITIAL_MEAN = Float64Array.of(
  41,
  -5.29,
  -0.12,
  5.09,
  2.48,
  -4.07,
  -1.37,
  -1.78,
  -5.08,
  -2.05,
  -6.45,
  -1.42,
  1.17,
)

export interface Channel {
  /** Takes a frame and gives its cepstra, the channel's share still in them. */
  hear(frame: Frame, isSpeech: boolean): Float64Array
  /** The channel by everything heard so far. */
  mean(): Float64Array
  /** The channel by all audio so far gone over again, and the cepstra of every frame anew where they depend on it. */
  settle(): { readonly mean: Float64Array; readonly cepstra?: readonly Float64Array[] }
}

/** All bands arrive: the channel is the mean over speech. */
export class FullBandChannel implements Channel {
  readonly #priorFrames: number
  readonly #sum = new Float64Array(CEPSTRA)
  #count = 0

  constructor(priorFrames: number) {
    this.#priorFrames = priorFrames
  }

  hear(frame: Frame, isSpeech: boolean): Float64Array {
    if (isSpeech) {
      this.#count++
      for (let c = 0; c < CEPSTRA; c++) this.#sum[c] = (this.#sum[c] as number) + (frame.cepstra[c] as number)
    }
    return frame.cepstra
  }

  mean(): Float64Array {
    const weight = this.#priorFrames + this.#count
    return INITIAL_MEAN.map((prior, c) => (prior * this.#priorFrames + (this.#sum[c] as number)) / weight)
  }

  settle(): { mean: Float64Array } {
    return { mean: this.mean() }
  }
}
