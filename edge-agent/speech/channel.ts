/** What a microphone, a room and a voice add to every cepstrum: it is estimated from the speech heard and taken off. */
import { CEPSTRA, type Frame } from './front-end.ts'
import { framesOf, joinedFrames, KEPT_FRAMES } from './known-voice.ts'
import { LastFrames } from './last-frames.ts'
import { LEAST_TRACT_FRAMES, type VocalTract, warpedBy } from './vocal-tract.ts'

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
  /** The channel by all audio so far gone over again, and where cepstra depend on it those of the last frames heard anew. */
  settle(): { readonly mean: Float64Array; readonly cepstra?: readonly Float64Array[] }
  /** Takes speech of the same voice over the same line, as another channel of the kind gave it; gives the number of its frames. */
  recall(speech: Float32Array): number
  /** The last of the speech heard, for the next channel. */
  lastSpeech(): Float32Array
}

/** Frames of speech by which a vocal tract is known: five seconds settle it. */
const TRACT_FRAMES = 500

/** All bands arrive: the channel is the mean over speech, once the length of the vocal tract is taken out. */
export class FullBandChannel implements Channel {
  readonly #priorFrames: number
  readonly #tract: VocalTract
  readonly #plain: LastFrames
  readonly #speech: Float64Array[] = []
  readonly #last = new LastFrames(KEPT_FRAMES)
  #warp: Float64Array | null = null
  #sum: Float64Array = new Float64Array(CEPSTRA)
  #count = 0

  /** The mean known beforehand counts as `priorFrames`; the last `settleFrames` frames are kept to be warped anew. */
  constructor(o: { priorFrames: number; settleFrames: number; tract: VocalTract }) {
    this.#priorFrames = o.priorFrames
    this.#plain = new LastFrames(o.settleFrames)
    this.#tract = o.tract
  }

  hear({ cepstra: plain }: Frame, isSpeech: boolean): Float64Array {
    this.#plain.push(plain)
    if (isSpeech) this.#takeSpeech(plain)
    const cepstra = this.#warped(plain)
    if (isSpeech) {
      this.#count++
      addTo(this.#sum, cepstra)
    }
    return cepstra
  }

  #takeSpeech(plain: Float64Array): void {
    this.#last.push(plain)
    if (this.#speech.length < TRACT_FRAMES) this.#speech.push(plain)
  }

  recall(speech: Float32Array): number {
    for (const frame of framesOf(speech, CEPSTRA)) {
      this.#takeSpeech(frame)
      this.#count++
      addTo(this.#sum, frame)
    }
    return this.#speech.length
  }

  lastSpeech(): Float32Array {
    return joinedFrames(this.#last.all())
  }

  mean(): Float64Array {
    return this.#meanOf(this.#sum)
  }

  settle(): { mean: Float64Array; cepstra?: readonly Float64Array[] } {
    const { length } = this.#speech
    if (length < LEAST_TRACT_FRAMES) return { mean: this.mean() }
    const plain = summed(this.#speech)
    this.#count = length
    this.#warp = this.#tract.found(this.#speech, (warp) => this.#meanOf(warpedBy(warp, plain)))
    this.#sum = warpedBy(this.#warp, plain)
    return { mean: this.mean(), cepstra: this.#plain.all().map((frame) => this.#warped(frame)) }
  }

  #warped(plain: Float64Array): Float64Array {
    return this.#warp === null ? plain : warpedBy(this.#warp, plain)
  }

  #meanOf(sum: Float64Array): Float64Array {
    const weight = this.#priorFrames + this.#count
    return INITIAL_MEAN.map((prior, c) => (prior * this.#priorFrames + (sum[c] as number)) / weight)
  }
}

function summed(frames: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(CEPSTRA)
  for (const frame of frames) addTo(sum, frame)
  return sum
}

function addTo(sum: Float64Array, frame: Float64Array): void {
  for (let c = 0; c < CEPSTRA; c++) sum[c] = (sum[c] as number) + (frame[c] as number)
}
