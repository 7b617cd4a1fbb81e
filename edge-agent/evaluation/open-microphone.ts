/** Listens as an open microphone does: an utterance ends where the recogniser says so, and the next begins. */
import type { Hypothesis } from '../speech/hypothesis.ts'
import type { Recogniser } from '../speech/recogniser.ts'

/** A microphone's usual block. */
const BLOCK_S = 0.1
/** Nobody holds the button longer for one command. */
const UTTERANCE_S = 12

export interface Listening {
  readonly grammar: string
  /** Mono, full scale 1. */
  readonly samples: Float32Array
  readonly sampleRate: number
}

/** What was heard in each utterance, one after the other. */
export async function* utterancesIn(
  recogniser: Recogniser,
  { grammar, samples, sampleRate }: Listening,
): AsyncGenerator<Hypothesis> {
  const block = Math.round(BLOCK_S * sampleRate)
  for (let at = 0; at < samples.length;) {
    const speaker = { hasEnded: false }
    const stream = recogniser.open(grammar, { sampleRate, onEndpoint: () => (speaker.hasEnded = true) })
    const until = Math.min(samples.length, at + UTTERANCE_S * sampleRate)
    while (at < until && !speaker.hasEnded) {
      await stream.push(samples.subarray(at, at + block))
      await stream.drained()
      at += block
    }
    yield await stream.finish()
  }
}
