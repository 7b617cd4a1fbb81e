/**
 * What a speaker takes back in the same breath: "log six bar, sorry, seven bar". The words after a marker replace those of their
 * kind before it, or the whole. Nothing is repaired that cannot be read afterwards.
 */
import { DIGIT_WORDS, isNumberWord, OH } from '../grammar/spoken-numbers.ts'
import type { Token } from './normalise.ts'
import { endOfMoment } from '../grammar/spoken-moments.ts'
import type { Known } from './spot-slots.ts'
import { OUT_OF_SCOPE, type Said } from './wish.ts'
import type { Reading, WishReader } from './wish-reader.ts'

/** Longest first. */
const MARKERS = [
  'no wait sorry',
  'no i am sorry',
  'no i mean',
  'no i meant',
  'sorry i mean',
  'sorry i meant',
  'i mean to say',
  'no actually',
  'or rather',
  'scratch that',
  'strike that',
  'correction',
  'no sorry',
  'sorry no',
  'no wait',
  'wait no',
  'no make that',
  'no i said',
  'i said',
  'no no',
  'make that',
  'make it',
  'i mean',
  'i meant',
  'rather',
  'actually',
  'sorry',
  'wait',
  'no',
].map((marker) => marker.split(' '))
/** What may lead in to the right word: "no, it is seven". */
const LEADING: ReadonlySet<string> = new Set(
  'it is was that the to at for on i make said say number'.split(' '),
)
/** So often in one utterance. */
const MAX_REPAIRS = 3
/** How sure the classifier must be of what was repaired. */
const REPAIRED_SURETY = 0.6

/** Null when nothing is taken back, or nothing sensible is left. `said` has no contractions. */
export async function repaired(reader: WishReader, said: Said, depth = MAX_REPAIRS): Promise<Said | null> {
  const marker = depth === 0 ? null : lastMarker(said.tokens)
  if (marker === null) return null
  const before = said.tokens.slice(0, marker.from)
  const after = withoutLead(said.tokens.slice(marker.to))
  if (after.length === 0) return null
  const anew = { ...said, tokens: said.tokens.slice(marker.to) }
  if (isWhole(reader.readExactly(anew))) return anew
  let best: Said | null = null
  for (const tokens of splices(before, after, reader.known)) {
    const spliced = { ...said, tokens }
    const further = (await repaired(reader, spliced, depth - 1)) ?? spliced
    if (isWhole(reader.readExactly(further))) return further
    best ??= (await isSure(reader, further)) ? further : null
  }
  return best
}

/** A wish by itself, and not a mere yes or no. */
function isWhole(reading: Reading | null): boolean {
  return reading !== null && reading.openWords === 0 && !reading.wish.intent.startsWith('turn.')
}

async function isSure(reader: WishReader, said: Said): Promise<boolean> {
  const { wish, surety } = await reader.read(said)
  return wish.intent !== OUT_OF_SCOPE && surety >= REPAIRED_SURETY && wish.missing.length === 0
}

interface Stretch {
  readonly from: number
  readonly to: number
}

function lastMarker(tokens: readonly Token[]): Stretch | null {
  for (let from = tokens.length - 1; from > 0; from -= 1) {
    const marker = markerAt(tokens, from)
    if (marker === null) continue
    // "no wait sorry" is found by its last word first.
    let first = from
    while (first > 1 && (markerAt(tokens, first - 1)?.to ?? 0) >= marker.to) first -= 1
    return { from: first, to: marker.to }
  }
  return null
}

export function markerAt(tokens: readonly Token[], from: number): Stretch | null {
  const found = MARKERS.find((words) => words.every((word, index) => tokens[from + index]?.word === word))
  return found === undefined ? null : { from, to: from + found.length }
}

export function withoutLead(tokens: readonly Token[]): readonly Token[] {
  let from = 0
  while (from < tokens.length - 1 && LEADING.has(tokens[from]?.word ?? '')) from += 1
  return tokens.slice(from)
}

/** Ways to put `after` in the place of what it corrects, likeliest first. */
function splices(
  before: readonly Token[],
  after: readonly Token[],
  known: Known,
): readonly (readonly Token[])[] {
  return placesOf(before, after, known).flatMap(({ from, to }) => {
    const [head, tail] = [before.slice(0, from), before.slice(to)]
    const ways = [
      [...head, ...after, ...tail],
      [...head, ...after],
    ]
    // "four five six, no, five seven": only the last digits were wrong.
    const kept = to - after.length
    return kept > from && [...after, ...before.slice(kept - 1, to)].every(({ word }) => isDigitWord(word))
      ? [[...before.slice(0, kept), ...after, ...tail], ...ways]
      : ways
  })
}

/** Stretches of `before` of the kind that `after` begins with, the last first. */
function placesOf(
  before: readonly Token[],
  after: readonly Token[],
  { domain, names }: Known,
): readonly Stretch[] {
  const places: Stretch[] = []
  const words = before.map(({ word }) => word)
  const right = after.map(({ word }) => word)
  const lists = names.listsAt(right, 0)
  const isMoment =
    Object.values(domain.slots).some(({ type }) => type === 'datetime') && endOfMoment(right, 0) > 0
  for (let at = 0; at < before.length; at += 1) {
    const end = endOfNumber(before, at)
    if (end > at && endOfNumber(after, 0) > 0) places.push({ from: at, to: end })
    const momentEnd = isMoment ? endOfMoment(words, at) : at
    if (momentEnd > at) places.push({ from: at, to: momentEnd })
    for (const list of lists) {
      const name = names.at(list, words, at)
      if (name !== null) places.push({ from: at, to: name.to })
    }
    if (words[at] === after[0]?.word) places.push({ from: at, to: before.length })
    if (end > at) at = end - 1
  }
  return places.toReversed()
}

function isDigitWord(word: string): boolean {
  return DIGIT_WORDS.includes(word) || word === OH || word === 'point'
}

function endOfNumber(tokens: readonly Token[], from: number): number {
  let to = from
  while (isNumberWord(tokens[to]?.word ?? '')) to += 1
  return to
}
