/** A recording whose words are known, as adaptation sees it: the features that the recogniser scores, and the network of its one sentence. */
import type { Channels } from '../speech/channels.ts'
import { FEATURES } from '../speech/features.ts'
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
  const blocks: Float32Array[] = []
  // The recogniser's own ears, with nobody behind them: whatever they do to sound, adaptation does too.
  const listening = new Listening({
    net,
    model: sounds.model,
    language: sounds.language,
    tuning: TUNING,
    channel: sounds.channels.open(sound.sampleRate, TUNING),
    score: async (features, frames) => {
      blocks.push(features.slice())
      return { senones: new Float32Array(frames * sounds.model.senoneCount), runtimeUs: 0 }
    },
    events: { onPartial: () => undefined, onEndpoint: () => undefined },
  })
  const resampler = new Resampler(sound.sampleRate, SAMPLE_RATE_HZ)
  await listening.push(resampler.push(sound.samples))
  await listening.push(resampler.finish())
  const { timings } = await listening.finish()
  // What was scored again as the channel became known begins at the start: the last frames are the ones that count.
  const frames = Math.round(timings.audioMs / 10)
  const all = joined(blocks)
  if (frames === 0 || all.length < frames * FEATURES) return null
  return { net, frames, features: all.subarray(all.length - frames * FEATURES) }
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

function joined(blocks: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0))
  let at = 0
  for (const block of blocks) {
    all.set(block, at)
    at += block.length
  }
  return all
}
