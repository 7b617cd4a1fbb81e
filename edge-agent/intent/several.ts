/**
 * Several wishes in one utterance: "log six bar and go on". Words that join are looked at one by one, and an utterance is taken
 * apart only where every part is a wish by itself; a wish with an "and" in it stays one.
 */
import { AND_GOES_ON, isNumberWord } from '../grammar/spoken-numbers.ts'
import { OUT_OF_SCOPE, type Said, type Wish } from './wish.ts'
import type { Reading } from './wish-reader.ts'

/** More wishes than these in one breath are no wishes. */
export const MAX_WISHES = 4
/** Joining phrases, longest first. */
const JOINS = ['and after that', 'and then', 'and also', 'after that', 'and', 'then', 'also', 'plus'].map(
  (join) => join.split(' '),
)
const FULL_STOP = /[.;!?]/
/** A part that the grammar does not read must be as sure as this to stand by itself; after a mere comma it must be read. */
const PART_SURETY = 0.75
/** What a note ends before: a whole wish of so many words. */
const LEAST_WORDS_AFTER_NOTE = 2
/** So many places to part at are tried. */
const MAX_JOINS = 6
/** Answers to a question, and what takes all back: they stand alone, or come first with a joining word. */
const ANSWERS: ReadonlySet<string> = new Set(['turn.confirm', 'turn.deny', 'cancel'])

type Read = (said: Said) => Promise<Reading>

/** The readings of the parts, in order; one when the utterance is one wish. */
export async function wishesIn(said: Said, read: Read): Promise<readonly Reading[]> {
  const whole = await read(said)
  if (whole.isRead && whole.openWords === 0) return [whole]
  const parts = await partsOf(said, read, MAX_WISHES)
  if (parts === null || parts.length < 2) return [whole]
  if (whole.openWords > 0) return isNoteAndMore(parts) ? parts : [whole]
  // Two parts that wish the same with no more said are one wish in two halves.
  return parts.every(({ wish }) => wish.intent === parts[0]?.wish.intent && addsNothing(wish))
    ? [whole]
    : parts
}

/** The shortest first part that is a wish, and the rest likewise; null when some part is none. */
async function partsOf(said: Said, read: Read, most: number): Promise<readonly Reading[] | null> {
  for (const { from, to, isWeak } of most === 1 ? [] : joinsIn(said)) {
    const first = await read({ ...said, tokens: said.tokens.slice(0, from) })
    if (!standsAlone(first, isWeak) || (from === to && ANSWERS.has(first.wish.intent))) continue
    const others = await partsOf({ ...said, tokens: said.tokens.slice(to) }, read, most - 1)
    if (others === null || others.some(({ wish }) => ANSWERS.has(wish.intent))) continue
    if (!isWeak || others[0]?.isRead === true) return [first, ...others]
  }
  const whole = await read(said)
  return standsAlone(whole, false) ? [whole] : null
}

function standsAlone({ wish, isRead, surety }: Reading, mustBeRead: boolean): boolean {
  if (wish.intent === OUT_OF_SCOPE) return false
  return isRead || (!mustBeRead && surety >= PART_SURETY && wish.missing.length === 0)
}

/** A note swallows what follows it, unless that is, word for word, a wish. */
function isNoteAndMore(parts: readonly Reading[]): boolean {
  return parts.every(
    ({ isRead }, at) => isRead && (at === 0 || (parts[at]?.words ?? 0) >= LEAST_WORDS_AFTER_NOTE),
  )
}

function addsNothing({ slots }: Wish): boolean {
  return Object.keys(slots).length === 0
}

interface Join {
  readonly from: number
  readonly to: number
  /** A comma, which may stand anywhere. */
  readonly isWeak: boolean
}

/** Where a part may end and the next begin. */
function joinsIn({ text, tokens }: Said): readonly Join[] {
  const found: Join[] = []
  for (let at = 1; at < tokens.length; at += 1) {
    const join = JOINS.find((words) => words.every((word, index) => tokens[at + index]?.word === word))
    const between = text.slice(tokens[at - 1]?.end, tokens[at]?.start)
    if (isInNumber(tokens, at)) continue
    if (join !== undefined && at + join.length < tokens.length) {
      found.push({ from: at, to: at + join.length, isWeak: false })
      at += join.length - 1
    } else if (FULL_STOP.test(between)) found.push({ from: at, to: at, isWeak: false })
    else if (between.includes(',')) found.push({ from: at, to: at, isWeak: true })
  }
  return found.slice(0, MAX_JOINS)
}

/** "two hundred and ten", "six and a half": one number, of which the half would be as good a wish as the whole. */
function isInNumber(tokens: Said['tokens'], at: number): boolean {
  const [before = '', join, next = '', last] = [-1, 0, 1, 2].map((away) => tokens[at + away]?.word)
  if (join !== 'and' || !isNumberWord(before)) return false
  return (isNumberWord(next) && AND_GOES_ON.has(before)) || (next === 'a' && last === 'half')
}
