/** The recogniser as a turn's ears: one stream an utterance, fed as fast as the recogniser follows. */
import type { Clock } from '../../shared/clock.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import type { SpeechStream } from '../speech/speech-stream.ts'
import { type Dictation, SecondHearing } from './second-hearing.ts'
import type { AudioSource, Ears, Heard, ListenOptions, RoutedModel } from './ports.ts'

export interface EarsOptions {
  readonly clock: Clock
  readonly traits: ModelTraits
  /** Folder of the imported model that tells when somebody speaks, looked up for each utterance; null for none. */
  readonly voiceModel: () => string | null
  /** What hears once more what the grammar does not settle; null where the grammar's own ears are to do. */
  readonly dictation?: Dictation | null
}

/** Ears that listen for `grammar`, which the recogniser holds. */
export function openEars(recogniser: Recogniser, grammar: string, options: EarsOptions): Ears {
  return new GrammarEars(recogniser, grammar, options)
}

class GrammarEars implements Ears {
  readonly model: RoutedModel
  readonly #recogniser: Recogniser
  readonly #grammar: string
  readonly #options: EarsOptions

  constructor(recogniser: Recogniser, grammar: string, options: EarsOptions) {
    const { name, digest, provider } = recogniser.facts
    this.model = { name, digest: parseSha256Hex(digest), provider, traits: options.traits }
    this.#recogniser = recogniser
    this.#grammar = grammar
    this.#options = options
  }

  async listen(audio: AudioSource, options: ListenOptions): Promise<Heard> {
    const { signal } = options
    signal.throwIfAborted()
    const { stream, again } = this.#open(audio, options)
    const stop = (): void => {
      again?.stop()
      stream.abort()
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const block of audio.blocks) {
        again?.push(block)
        await stream.push(block)
        if (options.onEndpoint !== undefined) await stream.drained()
      }
      return await this.#finish(stream, again)
    } catch (thrown) {
      stop()
      throw thrown
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #open(
    audio: AudioSource,
    options: ListenOptions,
  ): { readonly stream: SpeechStream; readonly again: SecondHearing | null } {
    const { voiceModel, dictation = null } = this.#options
    const imported = voiceModel()
    const heardBy = {
      ...(imported === null ? {} : { voiceModel: imported }),
      ...(options.voice === undefined ? {} : { voice: options.voice }),
      sampleRate: audio.sampleRateHz,
    }
    const again = dictation === null ? null : new SecondHearing(dictation, heardBy)
    const stream = this.#recogniser.open(this.#grammar, {
      ...heardBy,
      onPartial: (partial) => {
        again?.see(partial)
        options.onPartial(partial.text)
      },
      onEndpoint: () => options.onEndpoint?.(),
    })
    return { stream, again }
  }

  async #finish(stream: SpeechStream, again: SecondHearing | null): Promise<Heard> {
    const { clock } = this.#options
    const endedMs = clock.monotonicMs()
    const first = await stream.finish()
    const found = again === null ? first : await again.settled(first)
    const { kind, text, words, confidence, alternatives } = found
    return {
      kind,
      text,
      confidence,
      alternatives,
      audioMs: first.timings.audioMs,
      finishMs: clock.monotonicMs() - endedMs,
      runtimeMs: first.timings.runtimeUs / 1_000,
      words: words.map(({ word, startMs, endMs, confidence: sure }) => ({
        word,
        startMs,
        endMs,
        confidence: sure,
      })),
    }
  }
}
