/**
 * The channel of a telephone: upper bands never arrive, so that a mean of cepstra would mix what was said with what is
 * missing. The channel is the one under which a mixture of all speech explains the bands that do arrive best.
 */
import { invariant } from '../../shared/errors.ts'
import { type BandCompletion, type ChannelEquations } from './band-completion.ts'
import { type Channel, INITIAL_MEAN } from './channel.ts'
import { CEPSTRA, type Frame, MEL_BANDS } from './front-end.ts'
import { framesOf, joinedFrames, KEPT_FRAMES } from './known-voice.ts'
import { LastFrames } from './last-frames.ts'
import { cholesky, solveByFactor } from './symmetric-matrix.ts'

/**
 * How sure the mean known beforehand is (one over its variance in cepstra squared): how loud a line is is hardly known, the colour
 * of it, in all other cepstra, far better. One word is too little to tell it from the word's own sounds.
 */
const LEVEL_PRECISION = 0.02
const COLOUR_PRECISION = 0.5
const PRIOR_PRECISION = Float64Array.from({ length: CEPSTRA }, (_, c) =>
  c === 0 ? LEVEL_PRECISION : COLOUR_PRECISION,
)
/** The channel is solved for anew after this many frames of speech. */
const RENEW_FRAMES = 8
/** Frames that are gone over again once all was heard: five seconds of speech settle a channel. */
const SETTLE_FRAMES = 500
const SETTLE_ROUNDS = 4

export class NarrowBandChannel implements Channel {
  readonly #completion: BandCompletion
  readonly #bands: LastFrames
  readonly #speech: Float64Array[] = []
  readonly #last = new LastFrames(KEPT_FRAMES)
  #equations = noEquations()
  #heard = 0
  #mean: Float64Array = INITIAL_MEAN

  /** The last `settleFrames` frames are kept to be completed anew. */
  constructor(completion: BandCompletion, settleFrames: number) {
    this.#completion = completion
    this.#bands = new LastFrames(settleFrames)
  }

  hear(frame: Frame, isSpeech: boolean): Float64Array {
    this.#bands.push(frame.logBands)
    if (!isSpeech) return this.#completion.complete(frame.logBands, this.#mean)
    this.#takeSpeech(frame.logBands)
    const cepstra = this.#completion.complete(frame.logBands, this.#mean, this.#equations)
    if (++this.#heard % RENEW_FRAMES === 0) this.#mean = solved(this.#equations)
    return cepstra
  }

  #takeSpeech(logBands: Float64Array): void {
    this.#last.push(logBands)
    if (this.#speech.length < SETTLE_FRAMES) this.#speech.push(logBands)
  }

  recall(speech: Float32Array): number {
    for (const logBands of framesOf(speech, MEL_BANDS)) this.#takeSpeech(logBands)
    this.settle()
    return this.#speech.length
  }

  lastSpeech(): Float32Array {
    return joinedFrames(this.#last.all())
  }

  mean(): Float64Array {
    return this.#mean
  }

  settle(): { mean: Float64Array; cepstra: Float64Array[] } {
    for (let round = 0; round < SETTLE_ROUNDS && this.#speech.length > 0; round++) {
      this.#equations = noEquations()
      for (const bands of this.#speech) this.#completion.complete(bands, this.#mean, this.#equations)
      this.#mean = solved(this.#equations)
    }
    return {
      mean: this.#mean,
      cepstra: this.#bands.all().map((bands) => this.#completion.complete(bands, this.#mean)),
    }
  }
}

/** Before anything is heard, the mean known beforehand is the only evidence. */
function noEquations(): ChannelEquations {
  const matrix = new Float64Array(CEPSTRA * CEPSTRA)
  PRIOR_PRECISION.forEach((precision, c) => (matrix[c * CEPSTRA + c] = precision))
  return { matrix, right: PRIOR_PRECISION.map((precision, c) => precision * (INITIAL_MEAN[c] as number)) }
}

function solved({ matrix, right }: ChannelEquations): Float64Array {
  const factor = cholesky(matrix, CEPSTRA)
  invariant(factor !== undefined, 'a sum of information matrices is positive definite')
  return solveByFactor(factor, right)
}
