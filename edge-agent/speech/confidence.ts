/** Gathers what speaks for and against a sentence that was found, and turns it into confidence. */
import type { BestPath } from './beam-search.ts'
import { calibrated } from './calibration.ts'
import type { FreePath } from './free-path.ts'
import type { HeardWord } from './hypothesis.ts'
import { type NetworkWord, type SearchNetwork, wordAt } from './search-network.ts'
import { CALIBRATIONS, DICTATED_WORD } from './shipped-calibrations.ts'
import type { SoundChanges } from './sound-changes.ts'
import { paceOf, slowness } from './word-durations.ts'
import type { VoicedFrames } from './voiced-frames.ts'
import type { HeardSpan } from './word-history.ts'

const FRAME_MS = 10
/** Open words fit nearly any sound: whoever said them is asked before anything is done with them. */
const OPEN_CEILING = 0.7
/** Gaps to the next best sentence beyond this say nothing more (nats). */
const WIDEST_GAP = 60
/** Of what has no speech at all (nats a frame). */
const NO_MARGIN = -20
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
  readonly changes: SoundChanges
  /** The words were found by the second pass of dictation. */
  readonly isDictation: boolean
  /** The frame of the stream at which the search began: spans count from there. */
  readonly startFrame: number
}

/**
 * Word evidence: margin to the free path a frame, log of its frames, log odds of its posterior, margin of the utterance, how far
 * from its usual length it lasts, how far from theirs the utterance's words do and how unevenly, log of the utterance's frames.
 * Utterance evidence: margin, margin of the worst fixed word, log odds of the least sure one, gap to the next sentence, share of
 * its time that the sentence calls a pause and the free path speech, log of the number of words, 1 where words of the language
 * model competed, which makes a grammar's own words cost their choice, the share of the words' frames that are voiced, where in its
 * voiced runs the sound is loudest, log of its frames, its words' pace, how far that is from the usual one, how uneven it is, how
 * much less of the words is voiced than their phones would be, how much the sound changes in them from frame to frame, and how
 * unevenly loud it is there.
 */
export function judge(
  found: Found,
  { free, net, voiced, changes, startFrame, isDictation }: Judging,
): Judged {
  const { path } = found
  const spans = path.spans.map((span, at): Weighed => {
    const entry = wordAt(net, span.word)
    const length = Math.max(1, span.to - span.from)
    const difference = span.gained - free.gained(span.from, span.to)
    return { span, entry, length, difference, odds: logOdds(found.posteriors[at] ?? 0) }
  })
  const isAllOpen = spans.every(({ entry }) => entry === undefined || entry.open)
  const { margin, worst, leastOdds, missed, counted } = fitOf(spans, free, isAllOpen)
  const said = spans.flatMap(({ span, entry, length, ...rest }) =>
    entry === undefined ? [] : [{ ...rest, span, entry, frames: length, usual: entry.usual }],
  )
  const pace = paceOf(said)
  const shared = [margin, Math.abs(pace.mean), pace.unevenness, Math.log(counted)]
  const words = said.map(({ span, entry, frames, usual, difference, odds }): HeardWord => {
    const slow = Math.abs(slowness({ frames, usual }))
    const evidence = [difference / frames, Math.log(frames), odds, slow, ...shared]
    return {
      word: entry.text,
      startMs: span.from * FRAME_MS,
      endMs: span.to * FRAME_MS,
      confidence: calibrated(
        isDictation ? DICTATED_WORD : CALIBRATIONS[entry.open ? 'openWord' : 'word'],
        evidence,
      ),
      open: entry.open,
      evidence,
    }
  })
  const within = said.map(({ span }) => ({ from: startFrame + span.from, to: startFrame + span.to }))
  const evidence = [
    margin,
    worst,
    leastOdds,
    Math.min(found.gap, WIDEST_GAP),
    missed,
    Math.log(Math.max(1, words.length)),
    net.hasSlots ? 1 : 0,
    voiced.shareOf(within),
    voiced.loudestAt(within),
    Math.log(counted),
    pace.mean,
    Math.abs(pace.mean),
    pace.unevenness,
    sonorantShare(said) - voiced.shareOf(within),
    changes.movement(within),
    changes.levelSpread(within),
  ]
  if (!path.complete) return { words, confidence: 0, evidence: [] }
  const open = words.filter((word) => word.open)
  if (isAllOpen) return { words, confidence: mean(open), evidence }
  const whole = calibrated(CALIBRATIONS.utterance, evidence)
  const ceiling = open.length === 0 || !net.hasSlots ? 1 : Math.min(OPEN_CEILING, mean(open))
  return { words, confidence: Math.min(whole, ceiling), evidence }
}

/** The share of the words' frames that a voice would ring through, by the words' own phones. */
function sonorantShare(words: readonly { readonly frames: number; readonly entry: NetworkWord }[]): number {
  const frames = words.reduce((sum, word) => sum + word.frames, 0)
  return words.reduce((sum, word) => sum + word.frames * word.entry.sonorant, 0) / Math.max(1, frames)
}

interface Weighed {
  readonly span: HeardSpan
  /** Undefined for a pause. */
  readonly entry: NetworkWord | undefined
  /** Frames. */
  readonly length: number
  /** To the free path (nats). */
  readonly difference: number
  readonly odds: number
}

/** How a sentence fits the sound: margins a frame, of all and of the worst fixed word; frames; share of them that it missed. */
function fitOf(spans: readonly Weighed[], free: FreePath, isAllOpen: boolean) {
  let total = 0
  let counted = 0
  let missed = 0
  let worst = Infinity
  let leastOdds = MOST_ODDS
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
  const margin = counted === 0 ? NO_MARGIN : total / counted
  return {
    margin,
    worst: Number.isFinite(worst) ? worst : margin,
    leastOdds,
    missed: missed / Math.max(1, counted),
    counted: Math.max(1, counted),
  }
}

function mean(words: readonly HeardWord[]): number {
  const sum = words.reduce((total, { confidence }) => total + confidence, 0)
  return Math.round((1_000 * sum) / Math.max(1, words.length)) / 1_000
}

function logOdds(p: number): number {
  const odds = Math.log(p / (1 - p))
  return Math.max(-MOST_ODDS, Math.min(MOST_ODDS, Number.isNaN(odds) ? 0 : odds))
}
