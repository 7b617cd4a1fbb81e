/** The recogniser as a turn's ears: one stream an utterance, fed as fast as the recogniser follows. */
import type { Clock } from '../../shared/clock.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import type { Ears, Heard } from './ports.ts'

/** Ears that listen for `grammar`, which the recogniser holds. */
export function openEars(
  recogniser: Recogniser,
  grammar: string,
  {
    clock,
    traits,
    voiceModel,
  }: {
    readonly clock: Clock
    readonly traits: ModelTraits
    /** Folder of the imported model that tells when somebody speaks, looked up for each utterance; null for none. */
    readonly voiceModel: () => string | null
  },
): Ears {
  const { name, digest, provider } = recogniser.facts
  return {
    model: { name, digest: parseSha256Hex(digest), provider, traits },
    async listen(audio, options): Promise<Heard> {
      const { signal } = options
      signal.throwIfAborted()
      const imported = voiceModel()
      const stream = recogniser.open(grammar, {
        ...(imported === null ? {} : { voiceModel: imported }),
        ...(options.voice === undefined ? {} : { voice: options.voice }),
        sampleRate: audio.sampleRateHz,
        onPartial: ({ text }) => options.onPartial(text),
        onEndpoint: () => options.onEndpoint?.(),
      })
      const stop = (): void => stream.abort()
      signal.addEventListener('abort', stop, { once: true })
      try {
        for await (const block of audio.blocks) {
          await stream.push(block)
          if (options.onEndpoint !== undefined) await stream.drained()
        }
        const endedMs = clock.monotonicMs()
        const { kind, text, confidence, alternatives, words, timings } = await stream.finish()
        return {
          kind,
          text,
          confidence,
          alternatives,
          audioMs: timings.audioMs,
          finishMs: clock.monotonicMs() - endedMs,
          runtimeMs: timings.runtimeUs / 1_000,
          words: words.map((heard) => ({
            word: heard.word,
            startMs: heard.startMs,
            endMs: heard.endMs,
            confidence: heard.confidence,
          })),
        }
      } catch (thrown) {
        stream.abort()
        throw thrown
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}
