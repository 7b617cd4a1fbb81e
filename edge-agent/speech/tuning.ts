/** What the search weighs; set by measuring on recorded people, never per file. Costs in nats, times in frames of 10 ms. */
import type { Beams } from './beams.ts'
import type { PauseCosts } from './network-build.ts'

export interface Tuning {
  readonly beams: Beams
  /** Of grammars with an open vocabulary: narrower, since the language model tells its words apart. */
  readonly openBeams: Beams
  /** While the channel is hardly known: what is found by them is only shown, and searched again. */
  readonly sketchBeams: Beams
  /** Of the second pass over open words, null for none: its beams, the weight of the language model and the cost of a word there. */
  readonly second: { readonly beams: Beams; readonly language: number; readonly word: number } | null
  readonly costs: PauseCosts
  /**
   * Of grammars with an open vocabulary: the weight of the language model's logs against acoustic scores, the cost of each open
   * word, and the weight of the log likelihood of a grammar's own word among those that may stand there.
   */
  readonly open: { readonly language: number; readonly word: number; readonly choice: number }
  /** How many frames the mean known beforehand counts for. */
  readonly priorFrames: number
  /** After how many frames of speech the channel is known so well that all of it is decoded for good. */
  readonly settleAtFrames: number
  /** Audio longer than this is not decoded again. */
  readonly againFrames: number
  /** Mean log of power over noise above which a frame is speech. */
  readonly speechAboveNoise: number
  /** What a frame that does not stand above its noise counts for, at the least (see `frame-weights.ts`). */
  readonly leastFrameWeight: number
  /** Whether frames go through the denoiser, where a stream has all bands. */
  readonly denoised: boolean
}

export const TUNING: Tuning = {
  beams: { unit: 120, word: 80, maxUnits: 6_000 },
  openBeams: { unit: 100, word: 80, maxUnits: 4_000 },
  sketchBeams: { unit: 70, word: 55, maxUnits: 1_500 },
  second: null,
  costs: { silence: -5, filler: -18, word: -3 },
  open: { language: 6.5, word: -1, choice: 4 },
  priorFrames: 30,
  settleAtFrames: 120,
  againFrames: 1_000,
  speechAboveNoise: 1.2,
  leastFrameWeight: 0.3,
  denoised: true,
}

/**
 * Of open dictation. Where a grammar is known a frame in noise may say little; without one the language model would then speak for it,
 * and what it says was not said. The denoiser brings nothing
 * there: of people's orders in a kitchen at 9 dB as many words are wrong with it (71 %) as without (69 %).
 */
export const DICTATION_TUNING: Tuning = {
  ...TUNING,
  leastFrameWeight: 0.85,
  denoised: false,
  openBeams: { unit: 80, word: 60, maxUnits: 3_000 },
  second: { beams: { unit: 147, word: 65, maxUnits: 6_000 }, language: 8.5, word: -1 },
}
