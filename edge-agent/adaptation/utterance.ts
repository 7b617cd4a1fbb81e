/** A recording whose words are known, as adaptation sees it: the features that the recogniser scores, and the network of its one sentence. */
import type { Channels } from '../speech/channels.ts'
import { FEATURES, type FrameRows } from '../speech/features.ts'
import { SAMPLE_RATE_HZ } from '../speech/front-end.ts'
import type { LanguageModel } from '../speech/language-model.ts'
import type { Lexicon } from '../speech/lexicon.ts'
import { Listening } from '../speech/listening.ts'
import type { PhoneModel } from '../speech/phone-model.ts'
import { Resampler } from '../speech/resampler.ts'
import { searchNetwork } from '../speech/network-build.ts'
import type { SearchNetwork } from '../speech/search-network.ts'
import { spell } from '../speech/spelling.ts'
import { TUNING } from '../speech/tuning.ts'

export interface Utterance {
  readonly net: SearchNetwork
  /** 39 a frame, as they went to the acoustic model. */
  readonly features: Float32Array
  readonly frames: number
}

export interface Sounds {
  readonly model: PhoneModel
  readonly lexicon: Lexicon
  readonly channels: Channels
  readonly language: LanguageModel
}

/** Null for a text that has no words, or a recording without a frame. */
export async function utteranceOf(
  sounds: Sounds,
  words: readonly string[],
  sound: { readonly sampleRate: number; readonly samples: Float32Array },
): Promise<Utterance | null> {
  if (words.length === 0) return null
  const net = sentenceNetwork(sounds, words)
  const decoded = new DecodedFrames()
  // The recogniser's own ears, with nobody behind them: whatever they do to sound, adaptation does too.
  const listening = new Listening({
    net,
    model: sounds.model,
    language: sounds.language,
    tuning: TUNING,
    channel: sounds.channels.open(sound.sampleRate, TUNING),
    score: async (features, frames, of) => {
      decoded.note(features, of)
      return { senones: new Float32Array(frames * sounds.model.senoneCount), runtimeUs: 0 }
    },
    events: { onPartial: () => undefined, onEndpoint: () => undefined },
  })
  const resampler = new Resampler(sound.sampleRate, SAMPLE_RATE_HZ)
  await listening.push(resampler.push(sound.samples))
  await listening.push(resampler.finish())
  await listening.finish()
  const features = decoded.all()
  const frames = features.length / FEATURES
  return frames === 0 ? null : { net, frames, features }
}

function sentenceNetwork({ model, lexicon, language }: Sounds, words: readonly string[]): SearchNetwork {
  const arcs = words.map((word, at) => [{ word, to: at + 1, logWeight: 0, open: false }])
  const graph = { start: 0, arcs: [...arcs, []], finals: new Set([words.length]) }
  const pronounce = (word: string) => {
    const listed = lexicon.lookup(word)
    return listed.length > 0 ? listed : spell(word, lexicon)
  }
  return searchNetwork(graph, {
    model,
    pronounce,
    costs: TUNING.costs,
    tree: null,
    treeWords: [],
    hasSlots: false,
    languageId: (word) => language.idOf(word),
  })
}

/** The features of each frame as it was decoded last: what is decoded again, by a channel that is better known, takes their place. */
class DecodedFrames {
  readonly #of: Float32Array[] = []

  note(features: Float32Array, { from, every, rows }: FrameRows): void {
    for (let row = 0; row < rows; row++)
      this.#of[from + row * every] = features.slice(row * FEATURES, (row + 1) * FEATURES)
  }

  /** From the first that was decoded on; nothing before the voice is. */
  all(): Float32Array {
    const rows = Object.values(this.#of)
    const all = new Float32Array(rows.length * FEATURES)
    rows.forEach((row, at) => all.set(row, at * FEATURES))
    return all
  }
}
