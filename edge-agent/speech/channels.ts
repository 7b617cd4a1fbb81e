/** Which channel a stream has: below what rate upper bands are missing. */
import { BandCompletion } from './band-completion.ts'
import { type Channel, FullBandChannel } from './channel.ts'
import { MEL_BANDS, observedBands } from './front-end.ts'
import { NarrowBandChannel } from './narrow-band-channel.ts'
import type { SpeechMixture } from './speech-mixture.ts'
import type { Tuning } from './tuning.ts'
import { VocalTract } from './vocal-tract.ts'

export class Channels {
  readonly #mixture: SpeechMixture
  readonly #tract: VocalTract
  /** By the number of bands observed: making one takes some ten milliseconds. */
  readonly #completions = new Map<number, BandCompletion>()

  constructor(mixture: SpeechMixture) {
    this.#mixture = mixture
    this.#tract = new VocalTract(mixture)
  }

  open(sampleRateHz: number, tuning: Tuning): Channel {
    const bands = observedBands(sampleRateHz)
    if (bands === MEL_BANDS)
      return new FullBandChannel({
        priorFrames: tuning.priorFrames,
        settleFrames: tuning.againFrames,
        tract: this.#tract,
      })
    const known = this.#completions.get(bands)
    const completion = known ?? new BandCompletion(this.#mixture, bands)
    this.#completions.set(bands, completion)
    return new NarrowBandChannel(completion, tuning.againFrames)
  }
}
