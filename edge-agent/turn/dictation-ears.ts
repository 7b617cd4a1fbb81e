/** An imported model as ears: whatever is said, without a grammar. */
import type { Clock } from '../../shared/clock.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import type { ImportedCard } from '../neural/model-card.ts'
import type { NeuralRecogniser } from '../neural/neural-recogniser.ts'
import type { Ears, Heard } from './ports.ts'

export function openDictationEars(recogniser: NeuralRecogniser, card: ImportedCard, clock: Clock): Ears {
  const { name, digest, provider } = recogniser.facts
  const { class: modelClass, licence, residency, source } = card
  return {
    model: {
      name,
      digest: parseSha256Hex(digest),
      provider,
      traits: { class: modelClass, licence, residency, source },
    },
    async listen(audio, options): Promise<Heard> {
      const { signal } = options
      signal.throwIfAborted()
      const stream = recogniser.open({
        sampleRate: audio.sampleRateHz,
        onPartial: (text) => options.onPartial(text),
      })
      const stop = (): void => stream.abort()
      signal.addEventListener('abort', stop, { once: true })
      try {
        for await (const block of audio.blocks) await stream.push(block)
        const endedMs = clock.monotonicMs()
        const { kind, text, confidence, audioMs, runtimeUs } = await stream.finish()
        return {
          kind,
          text,
          confidence,
          alternatives: [],
          audioMs,
          finishMs: clock.monotonicMs() - endedMs,
          runtimeMs: runtimeUs / 1_000,
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
