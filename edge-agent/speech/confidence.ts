/** Gathers what speaks for and against a sentence that was found, and turns it into confidence. */
import type { BestPath } from './beam-search.ts'
import { calibrated, OPEN_WORD_CALIBRATION, UTTERANCE_CALIBRATION, WORD_CALIBRATION } from './calibration.ts'
import type { FreePath } from './free-path.ts'
import type { HeardWord } from './hypothesis.ts'
import { type SearchNetwork, wordAt } from './search-network.ts'
import type { VoicedFrames } from './voiced-frames.ts'

const FRAME_MS = 10
/** Open words fit nearly any sound: whoever said them is asked before anything is done with them. */
const OPEN_CEILING = 0.7
/** Gaps to the next best sentence beyond this say nothing more (nats). */
const WIDEST_GAP = 60
/** Log odds are kept within this. */
const MOST_ODDS = 8

export interface Judged {
  readonly words: readonly HeardWord[]
  readonly confidence: number
  readonly evidence: readonly number[]
}

export interface Found {
  readonly path: BestPath
  /** Posterior of each span of the path. */
  readonly posteriors: readonly number[]
  /** Nats between the best sentence and the next that differs in words; infinite when there is none. */
  readonly gap: number
}

export interface Judging {
  readonly free: FreePath
  readonly net: SearchNetwork
  readonly voiced: VoicedFrames
  /** The frame of the stream at which the search began: spans count from there. */
  readonly startFrame: number
}

/**
 * Word evidence: margin to the free path a frame, its worst stretch, log of its frames, log odds of its posterior, margin of the
 * utterance. Utterance evidence: margin, margin of the worst fixed word, log odds of the least sure one, gap to the next
 * sentence, share of its time that the sentence calls a pause and the free path speech, log of the number of words, 1 where words
 * of the language model competed, which makes a grammar's own words cost their choice, the share of the words' frames that are voiced, and
 * where in its voiced runs the sound is loudest.
 */
export function judge(found: Found, { free, net, voiced, startFrame }: Judging): Judged {
  const { path } = found
  const spans = path.spans.map((span, at) => {
    const entry = wordAt(net, span.word)
    const length = Math.max(1, span.to - span.from)
    const difference = span.gained - free.gained(span.from, span.to)
    return { span, entry, length, difference, odds: logOdds(found.posteriors[at] ?? 0) }
  })
  let total = 0
  let counted = 0
  let missed = 0
  let worst = Infinity
  let leastOdds = MOST_ODDS
  const isAllOpen = spans.every(({ entry }) => entry === undefined || entry.open)
  for (const { span, entry, length, difference, odds } of spans) {
    // Open words fit nearly anything: what they were said with decides.
    if (entry?.open === true && !isAllOpen) continue
    total += difference
    if (entry === undefined) {
      // Speech that the sentence explains as a pause counts against it; a true pause is equal on both sides.
      const speech = length - free.pauses(span.from, span.to)
      counted += speech
      missed += speech
      continue
    }
    counted += length
    if (entry.open) continue
    worst = Math.min(worst, difference / length)
    leastOdds = Math.min(leastOdds, odds)
  }
  const margin = counted === 0 ? -20 : total / counted
  const words = spans.flatMap(({ span, entry, length, difference, odds }): HeardWord[] => {
    if (entry === undefined) return []
    const wordEvidence = [difference / length, Math.log(length), odds, margin]
    return [
      {
        word: entry.text,
        startMs: span.from * FRAME_MS,
        endMs: span.to * FRAME_MS,
        confidence: calibrated(entry.open ? OPEN_WORD_CALIBRATION : WORD_CALIBRATION, wordEvidence),
        open: entry.open,
        evidence: wordEvidence,
      },
    ]
  })
  const said = path.spans.flatMap(({ word, from, to }) =>
    wordAt(net, word) === undefined ? [] : [{ from: startFrame + from, to: startFrame + to }],
  )
  const evidence = [
    margin,
    Number.isFinite(worst) ? worst : margin,
    leastOdds,
    Math.min(found.gap, WIDEST_GAP),
    missed / Math.max(1, counted),
    Math.log(Math.max(1, words.length)),
    net.hasSlots ? 1 : 0,
    voiced.shareOf(said),
    voiced.loudestAt(said),
  ]
  if (!path.complete) return { words, confidence: 0, evidence: [] }
  const open = words.filter((word) => word.open)
  if (isAllOpen) return { words, confidence: mean(open), evidence }
  const whole = calibrated(UTTERANCE_CALIBRATION, evidence)
  const ceiling = open.length === 0 || !net.hasSlots ? 1 : Math.min(OPEN_CEILING, mean(open))
  return { words, confidence: Math.min(whole, ceiling), evidence }
}

function mean(words: readonly HeardWord[]): number {
  const sum = words.reduce((total, { confidence }) => total + confidence, 0)
  return Math.round((1_000 * sum) / Math.max(1, words.length)) / 1_000
}

function logOdds(p: number): number {
  const odds = Math.log(p / (1 - p))
  return Math.max(-MOST_ODDS, Math.min(MOST_ODDS, Number.isNaN(odds) ? 0 : odds))
}
