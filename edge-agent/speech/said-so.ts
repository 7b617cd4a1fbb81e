/**
 * Whether words can have been said as they were found: a song, a crowd, a machine or another language gives a search sounds enough to
 * lay words over, and then leaves most of its voice unexplained, or as much of it between the words as no speaker would, or draws a
 * short word out over seconds.
 */
import type { HeardWord } from './hypothesis.ts'
import type { VoicedFrames } from './voiced-frames.ts'

const FRAME_MS = 10
/** Of the frames with a voice in them the words must cover this share: 0.62 was the least of people's commands at 6 dB, 0.5 of digits. */
const LEAST_COVERED = 0.45
/**
 * Of the voice of a sentence at most this share lies between its words, as loud as they are. Measured: at most 0.16 in 500 commands and
 * digits by people, at 6 dB too; sentences of another language that nearly fit have 0.26 to 0.36 as a rule.
 */
const MOST_BETWEEN = 0.22
/**
 * The longest that people draw a word out: this for each letter, and this much more. The most that was measured, in 300 digits and in
 * commands at 6 dB that were understood, is 83 ms a letter; a machine's hum is a vowel of seconds.
 */
const LETTER_MS = 150
const DRAWL_MS = 400

export function isSaidSo(words: readonly HeardWord[], voiced: VoicedFrames): boolean {
  const spans = words.map(({ startMs, endMs }) => ({ from: startMs / FRAME_MS, to: endMs / FRAME_MS }))
  return (
    !words.some(isDrawnOut) &&
    voiced.shareWithin(spans) >= LEAST_COVERED &&
    voiced.loudShareBetween(spans) <= MOST_BETWEEN
  )
}

function isDrawnOut({ word, startMs, endMs }: HeardWord): boolean {
  return endMs - startMs > DRAWL_MS + LETTER_MS * word.length
}
