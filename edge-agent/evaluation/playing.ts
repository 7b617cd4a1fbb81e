/**
 * Plays recordings to a recogniser as a microphone would, block by block, but without waiting for the clock: a moment's
 * time is the audio heard by then, plus what the machine needed for the block in hand.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { RecogniserBusy } from '../speech/errors.ts'
import type { Hypothesis } from '../speech/hypothesis.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import type { SpeechStream, StreamOptions } from '../speech/speech-stream.ts'
import type { Sound } from './recording.ts'

/** A microphone's usual block. */
const BLOCK_S = 0.1
/** Half a minute in all: a recogniser that is behind for longer is no measure of anything. */
const RETRY_MS = 100
const MAX_TRIES = 300

export interface Played {
  readonly hypothesis: Hypothesis
  /** From the start of the audio to the first partial with a word in it; null when none came before the final. */
  readonly firstPartialMs: number | null
  /** From the end of the audio to the final. */
  readonly finalMs: number
  readonly audioMs: number
}

export async function play(recogniser: Recogniser, grammar: string, sound: Sound): Promise<Played> {
  const { sampleRate, samples } = sound
  let heardMs = 0
  let blockAtMs = 0
  let firstPartialMs: number | null = null
  const stream = await openWhenCalm(recogniser, grammar, {
    sampleRate,
    onPartial: ({ words }) => {
      if (words.length > 0) firstPartialMs ??= heardMs + performance.now() - blockAtMs
    },
  })
  try {
    const size = Math.round(sampleRate * BLOCK_S)
    for (let from = 0; from < samples.length; from += size) {
      const block = samples.subarray(from, from + size)
      heardMs += (1_000 * block.length) / sampleRate
      blockAtMs = performance.now()
      await stream.push(block)
      await stream.drained()
    }
    const endedMs = performance.now()
    const hypothesis = await stream.finish()
    return { hypothesis, firstPartialMs, finalMs: performance.now() - endedMs, audioMs: heardMs }
  } catch (thrown) {
    stream.abort()
    throw thrown
  }
}

/** A recording can wait, where a speaker cannot: while the recogniser is behind it takes on nothing new. */
async function openWhenCalm(
  recogniser: Recogniser,
  grammar: string,
  options: StreamOptions,
): Promise<SpeechStream> {
  for (let tries = 1; ; tries++)
    try {
      return recogniser.open(grammar, options)
    } catch (thrown) {
      if (!(thrown instanceof RecogniserBusy) || tries === MAX_TRIES) throw thrown
      await delay(RETRY_MS)
    }
}

/** Runs `use` on every item, `streams` at once, and gives the results in the items' order. The first failure ends it. */
export async function inStreams<T, R>(
  items: readonly T[],
  o: { readonly streams: number; readonly signal: AbortSignal },
  use: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failed = false
  const work = async (): Promise<void> => {
    while (!failed && next < items.length) {
      o.signal.throwIfAborted()
      const index = next++
      try {
        results[index] = await use(items[index] as T, index)
      } catch (thrown) {
        failed = true
        throw thrown
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(o.streams, items.length) }, work))
  return results
}
