/**
 * How long words last, against how long the acoustic model has heard their phones last in people. A sentence that was not said is
 * stretched and squeezed until it fits: its words keep no common pace.
 */
import type { Pronunciation } from './lexicon.ts'

/** Frames that a word usually lasts, over its pronunciations, by the mean frames of each phone; 0 for a word without one. */
export function usualFrames(pronunciations: readonly Pronunciation[], phoneFrames: Float32Array): number {
  let sum = 0
  for (const phones of pronunciations) for (const phone of phones) sum += phoneFrames[phone] ?? 0
  return sum / Math.max(1, pronunciations.length)
}

/** Phones that ring with the voice as long as they last: vowels, nasals, liquids and glides, by their ARPABET names. */
const SONORANTS = new Set('AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW L M N NG R W Y'.split(' '))

/** The mean frames of each phone that is one of the sonorants, 0 of the others. */
export function sonorantFrames(names: readonly string[], phoneFrames: Float32Array): Float32Array {
  return phoneFrames.map((frames, phone) => (SONORANTS.has(names[phone] ?? '') ? frames : 0))
}

export interface Duration {
  readonly frames: number
  /** By {@link usualFrames}, at least 1. */
  readonly usual: number
}

/** Log of how many times longer than usual: 0 as usual, above it slower. */
export function slowness({ frames, usual }: Duration): number {
  return Math.log(Math.max(1, frames) / Math.max(1, usual))
}

export interface Pace {
  /** Mean slowness, by the words' usual lengths. */
  readonly mean: number
  /** Standard deviation of the slowness, weighted alike. */
  readonly unevenness: number
}

export function paceOf(words: readonly Duration[]): Pace {
  let weight = 0
  let sum = 0
  let squares = 0
  for (const word of words) {
    const slow = slowness(word)
    weight += word.usual
    sum += word.usual * slow
    squares += word.usual * slow * slow
  }
  if (weight === 0) return { mean: 0, unevenness: 0 }
  const mean = sum / weight
  return { mean, unevenness: Math.sqrt(Math.max(0, squares / weight - mean * mean)) }
}
