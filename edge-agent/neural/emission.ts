/** What a greedy search has emitted of one stream, and how it is read as words. */
import type { Tokens } from './tokens.ts'

export interface NeuralWord {
  readonly word: string
  readonly startMs: number
  readonly endMs: number
  /** 0 to 1: the model's own, not calibrated. */
  readonly confidence: number
}

export interface Emission {
  readonly id: number
  /** The output frame, from the stream's beginning. */
  readonly frame: number
  /** Natural logarithm of its probability. */
  readonly logProbability: number
}

/** The index of the largest of `count` scores from `at`; the first of equals, as the reference implementation takes. */
export function largest(scores: Float32Array, at: number, count: number): number {
  let best = 0
  let most = scores[at] as number
  for (let i = 1; i < count; i++) {
    const score = scores[at + i] as number
    if (score > most) {
      most = score
      best = i
    }
  }
  return best
}

/** Scores may be logarithms of probabilities already, or not normalised: both come out right. */
export function logProbability(scores: Float32Array, at: number, count: number, id: number): number {
  const top = scores[at + id] as number
  let sum = 0
  for (let i = 0; i < count; i++) sum += Math.exp((scores[at + i] as number) - top)
  return -Math.log(sum)
}

/** Words with times; a word is as sure as its symbols on the (geometric) average. */
export function wordsHeard(
  emissions: readonly Emission[],
  tokens: Tokens,
  frameMs: number,
): readonly NeuralWord[] {
  return tokens.words(emissions.map(({ id }) => id)).map(({ text, from, to }) => {
    const own = emissions.slice(from, to)
    const mean = own.reduce((sum, { logProbability: log }) => sum + log, 0) / own.length
    return {
      word: text,
      startMs: (own[0]?.frame ?? 0) * frameMs,
      endMs: ((own.at(-1)?.frame ?? 0) + 1) * frameMs,
      confidence: Math.exp(mean),
    }
  })
}
