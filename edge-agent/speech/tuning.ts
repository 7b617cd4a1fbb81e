/** What the search weighs; set by measuring on recorded people, never per file. Costs in nats, times in frames of 10 ms. */
import type { Beams } from './beam-search.ts'
import type { PauseCosts } from './search-network.ts'

export interface Tuning {
  readonly beams: Beams
  readonly costs: PauseCosts
  /** Log weight of each word of an open vocabulary, besides the word cost. */
  readonly openWord: number
  /** How many frames the mean known beforehand counts for. */
  readonly priorFrames: number
  /** After how many frames of speech the channel is known so much better that all of it is decoded again. */
  readonly settleAtFrames: readonly number[]
  /** Audio longer than this is not decoded again. */
  readonly againFrames: number
  /** Mean log of power over noise above which a frame is speech. */
  readonly speechAboveNoise: number
}

export const TUNING: Tuning = {
  beams: { unit: 120, word: 80, maxUnits: 6_000 },
  costs: { silence: -5, filler: -18, word: -3 },
  openWord: -24,
  priorFrames: 30,
  settleAtFrames: [30, 60, 120],
  againFrames: 1_000,
  speechAboveNoise: 1.2,
}
