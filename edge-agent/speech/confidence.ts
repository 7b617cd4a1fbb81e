/** Turns the distance between the sentence that was found and the best free path into confidence. */
import type { BestPath } from './beam-search.ts'
import type { FreePath } from './free-path.ts'
import type { HeardWord } from './hypothesis.ts'
import type { SearchNetwork } from './search-network.ts'

/** Nats a frame by which a right word typically falls short of, or passes, the free path; and how sharply it parts. */
const WORD_MIDDLE = -3
const UTTERANCE_MIDDLE = -2
const SHARPNESS = 2.5
const FRAME_MS = 10
/** Open words fit nearly any sound: whoever said them is asked before anything is done with them. */
const OPEN_CEILING = 0.7

export interface Judged {
  readonly words: readonly HeardWord[]
  readonly confidence: number
  /** Nats a frame over the whole utterance. */
  readonly margin: number
  readonly worst: number
}

export function judge(path: BestPath, free: FreePath, net: SearchNetwork, frames: number): Judged {
  const words: HeardWord[] = []
  let total = 0
  let counted = 0
  let worst = Infinity
  for (const span of path.spans) {
    const length = Math.max(1, span.to - span.from)
    const difference = span.gained - free.gained(span.from, span.to)
    const entry = net.words[span.word]
    if (entry === undefined) {
      // Speech that the sentence explains as a pause counts against it; a true pause is equal on both sides.
      const speech = length - free.pauses(span.from, span.to)
      total += difference
      counted += speech
      continue
    }
    total += difference
    counted += length
    const margin = difference / length
    worst = Math.min(worst, margin)
    words.push({
      word: entry.text,
      startMs: span.from * FRAME_MS,
      endMs: span.to * FRAME_MS,
      confidence: rounded(logistic(SHARPNESS * (margin - WORD_MIDDLE))),
      open: entry.open,
    })
  }
  void frames
  const margin = words.length === 0 ? -Infinity : total / Math.max(1, counted)
  const whole = path.complete ? logistic(SHARPNESS * (margin - UTTERANCE_MIDDLE)) : 0
  // A sentence is as sure as its least sure word: speech from outside the grammar fits most words well, and one not at all.
  const fixed = words.filter(({ open }) => !open).map((word) => word.confidence)
  const weakest = Math.sqrt(Math.min(1, ...fixed))
  const ceiling = fixed.length === words.length ? 1 : OPEN_CEILING
  const confidence = rounded(Math.min(whole, weakest, ceiling))
  return { words, confidence, margin, worst }
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

function rounded(x: number): number {
  return Math.round(x * 1_000) / 1_000
}
