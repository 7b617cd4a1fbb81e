/** The kinds of slots: what may be said for each, and what value the words stand for. */
import type { Json } from '../../shared/json.ts'
import type { NumberRange } from './domain.ts'
import { addMoment } from './moment-net.ts'
import type { NetBuilder } from './net.ts'
import { addRange, isSmall, ONE_WORDS } from './number-range.ts'
import { readMoment } from './spoken-moments.ts'
import {
  DIGIT_WORDS,
  NOUGHT,
  OH,
  readDigits,
  readNumber,
  sayDigits,
  TEEN_WORDS,
  TENS_WORDS,
} from './spoken-numbers.ts'

/** One thing that people may name: `value` is what the slot gets. */
export interface ListEntry {
  readonly value: string
  readonly says: readonly (readonly string[])[]
  /** The same as tokens of typed text, where these are others: `p 101`. */
  readonly typed: readonly (readonly string[])[]
}

export type SlotType =
  /** A string of digits; `known` ones are likelier than others, `limits` say how many there are. */
  | { readonly kind: 'digits'; readonly known: readonly string[]; readonly limits: NumberRange | null }
  /** A number with decimals. */
  | { readonly kind: 'number'; readonly limits: NumberRange | null }
  /** A whole number to 999, or "a". */
  | { readonly kind: 'count'; readonly limits: NumberRange | null }
  | { readonly kind: 'list'; readonly entries: readonly ListEntry[]; readonly open: boolean }
  /** Any words. */
  | { readonly kind: 'text' }
  /** A day, a time of day, or both. */
  | { readonly kind: 'datetime' }

/** Log weight of digits that the device does not know as a number of something. */
const UNKNOWN_DIGITS = -45
/** Of a name that is in no list: only typed text gets there. */
const UNKNOWN_NAME = -30
/** Of a word that stands for two digits, or for more. */
const FREE_DIGIT = -8
const PAIRED_DIGITS = -12
/** Of ways to say a value that are rarer than its cardinal. */
const SIGN = -1
const NO_NOUGHT = -2
const PAIRED_DECIMALS = -2
const PAIRED_NUMBER = -14
const SINGLE_DIGIT = -6

/** Adds what may be said for a slot from `from` to a new state, which is returned. */
export function addSlot(net: NetBuilder, from: number, slot: string, type: SlotType): number {
  const begun = net.state()
  const limits = 'limits' in type ? type.limits : null
  net.arc(from, begun, { kind: 'begin', slot, type: type.kind, limits })
  const ended = net.state()
  const close = (state: number, value: string | null = null): void =>
    net.arc(state, ended, { kind: 'end', slot, value })
  switch (type.kind) {
    case 'digits': {
      for (const number of type.known) close(net.words(begun, sayDigits(number)))
      for (const number of type.known)
        if (number.length === 3 || number.length === 4) addPaired(net, begun, number, close)
      addDigits(net, begun, close)
      break
    }
    case 'number':
      if (isSmall(limits)) addRange(net, begun, { limits, decimals: true }, close)
      else addNumber(net, begun, close)
      break
    case 'count':
      if (isSmall(limits)) addRange(net, begun, { limits, decimals: false }, close)
      else addCount(net, begun, close)
      break
    case 'list':
      for (const { value, says, typed } of type.entries) {
        for (const words of says) close(net.words(begun, words), value)
        for (const tokens of typed) close(net.typed(begun, tokens), value)
      }
      if (type.open) addOpen(net, begun, { spoken: false, logWeight: UNKNOWN_NAME }, close)
      break
    case 'datetime':
      addMoment(net, begun, close)
      break
    case 'text':
      addOpen(net, begun, { spoken: true, logWeight: 0 }, close)
  }
  return ended
}

/** The value that the words of a slot stand for; null when they stand for none, or for one outside its limits. */
export function slotValue(
  { type, limits }: { readonly type: string; readonly limits: NumberRange | null },
  words: readonly string[],
  listed: string | null,
): Json {
  const value = readValue(type, words, listed)
  return limits === null || isWithin(value, limits) ? value : null
}

/** Of digits it is their count that lies within. */
export function isWithin(value: Json, { from, to }: NumberRange): boolean {
  const size = typeof value === 'string' ? value.length : value
  return typeof size === 'number' && size >= from && size <= to
}

function readValue(type: string, words: readonly string[], listed: string | null): Json {
  if (type === 'digits') return readDigits(words)
  if (type === 'number') return readNumber(words)
  if (type === 'count') return words.length === 1 && ONE.has(words[0] ?? '') ? 1 : readNumber(words)
  // The words: what they come to is known by a clock alone (moment-clock.ts).
  if (type === 'datetime') return readMoment(words) === null ? null : words.join(' ')
  return listed ?? words.join(' ')
}

const ONE: ReadonlySet<string> = new Set(ONE_WORDS)

type Close = (state: number, value?: string | null) => void

/** Any number words, digit by digit or as read in pairs; the reader says what they come to, if anything. */
function addDigits(net: NetBuilder, begun: number, close: Close): void {
  const start = net.state()
  const said = net.state()
  net.arc(begun, start, { kind: 'empty' }, UNKNOWN_DIGITS)
  for (const word of [...DIGIT_WORDS, OH]) net.arc(start, said, { kind: 'word', word }, FREE_DIGIT)
  for (const word of [...TEEN_WORDS, ...TENS_WORDS, 'hundred', 'double'])
    net.arc(start, said, { kind: 'word', word }, PAIRED_DIGITS)
  net.arc(said, start, { kind: 'empty' })
  close(said)
  const typed = net.state()
  net.arc(begun, typed, { kind: 'typed', text: null })
  net.arc(typed, typed, { kind: 'typed', text: null })
  close(typed)
}

/** `427` as "four twenty seven", `4712` as "forty seven twelve". */
function addPaired(net: NetBuilder, begun: number, number: string, close: Close): void {
  const head = number.length === 3 ? number.slice(0, 1) : number.slice(0, 2)
  const tail = number.slice(-2)
  if (head.startsWith('0') || tail.startsWith('0')) return
  close(net.words(begun, [...pairWords(head), ...pairWords(tail)]))
}

function pairWords(pair: string): readonly string[] {
  const value = Number(pair)
  if (value < 10) return sayDigits(pair)
  if (value < 20) return [TEEN_WORDS[value - 10] ?? '']
  const tens = TENS_WORDS[Math.floor(value / 10) - 2] ?? ''
  return value % 10 === 0 ? [tens] : [tens, DIGIT_WORDS[value % 10] ?? '']
}

function addNumber(net: NetBuilder, begun: number, close: Close): void {
  const signed = net.state()
  net.arc(begun, signed, { kind: 'empty' })
  for (const word of ['minus', 'negative']) net.arc(begun, signed, { kind: 'word', word }, SIGN)
  const whole = addCardinal(net, signed)
  addPairedNumber(net, signed, whole)
  close(whole)
  close(net.words(whole, ['and', 'a', 'half']))
  const half = net.words(begun, ['half'])
  close(half)
  close(net.words(half, ['a']))
  const point = net.state()
  net.arc(whole, point, { kind: 'word', word: 'point' })
  // "point five": the nought is left out.
  net.arc(signed, point, { kind: 'word', word: 'point' }, NO_NOUGHT)
  net.arc(net.words(signed, [NOUGHT]), whole, { kind: 'empty' })
  addDecimals(net, point, close)
  const typed = net.state()
  net.arc(signed, typed, { kind: 'typed', text: null })
  close(typed)
}

function addDecimals(net: NetBuilder, point: number, close: Close): void {
  let at = point
  for (let length = 1; length <= 3; length += 1) {
    const next = net.state()
    for (const word of [...DIGIT_WORDS, OH]) net.arc(at, next, { kind: 'word', word })
    close(next)
    at = next
  }
  // "four point twenty five"
  const tens = net.state()
  for (const word of TENS_WORDS) net.arc(point, tens, { kind: 'word', word }, PAIRED_DECIMALS)
  close(tens)
  const unit = net.state()
  for (const word of DIGIT_WORDS.slice(1)) net.arc(tens, unit, { kind: 'word', word })
  for (const word of TEEN_WORDS) net.arc(point, unit, { kind: 'word', word }, PAIRED_DECIMALS)
  close(unit)
}

/** `230` as "two thirty" or "two three zero", `1450` as "fourteen fifty": to `end`. */
function addPairedNumber(net: NetBuilder, from: number, end: number): void {
  const head = net.state()
  for (const word of [...DIGIT_WORDS.slice(1), ...TEEN_WORDS])
    net.arc(from, head, { kind: 'word', word }, PAIRED_NUMBER)
  const tens = net.state()
  for (const word of TENS_WORDS) net.arc(head, tens, { kind: 'word', word })
  net.arc(tens, end, { kind: 'empty' })
  for (const word of DIGIT_WORDS.slice(1)) net.arc(tens, end, { kind: 'word', word })
  for (const word of TEEN_WORDS) net.arc(head, end, { kind: 'word', word })
  const single = net.state()
  for (const word of DIGIT_WORDS.slice(1)) net.arc(from, single, { kind: 'word', word }, PAIRED_NUMBER)
  let at = single
  for (let length = 2; length <= 4; length += 1) {
    const next = net.state()
    for (const word of [...DIGIT_WORDS, OH]) net.arc(at, next, { kind: 'word', word }, SINGLE_DIGIT)
    if (length > 2) net.arc(next, end, { kind: 'empty' })
    at = next
  }
}

function addCount(net: NetBuilder, begun: number, close: Close): void {
  for (const word of ONE) close(net.words(begun, [word]))
  close(addHundreds(net, begun))
  const typed = net.state()
  net.arc(begun, typed, { kind: 'typed', text: null })
  close(typed)
}

/** 0 to 999,999; "four twenty" and the like are not cardinals. Returns the state after. */
function addCardinal(net: NetBuilder, from: number): number {
  const end = net.state()
  const first = addHundreds(net, from)
  net.arc(first, end, { kind: 'empty' })
  const said = net.words(first, ['thousand'])
  net.arc(said, end, { kind: 'empty' }, -0.5)
  const rest = net.state()
  net.arc(said, rest, { kind: 'empty' }, -0.5)
  net.arc(said, rest, { kind: 'word', word: 'and' }, -1)
  net.arc(addHundreds(net, rest), end, { kind: 'empty' })
  return end
}

function addHundreds(net: NetBuilder, from: number): number {
  const end = net.state()
  net.arc(addBelowHundred(net, from), end, { kind: 'empty' })
  const counted = net.state()
  for (const word of [...DIGIT_WORDS.slice(1), 'a']) net.arc(from, counted, { kind: 'word', word }, -0.3)
  const said = net.words(counted, ['hundred'])
  net.arc(said, end, { kind: 'empty' }, -0.3)
  const rest = net.state()
  net.arc(said, rest, { kind: 'empty' }, -0.3)
  net.arc(said, rest, { kind: 'word', word: 'and' }, -0.3)
  net.arc(addBelowHundred(net, rest), end, { kind: 'empty' })
  return end
}

function addBelowHundred(net: NetBuilder, from: number): number {
  const end = net.state()
  for (const word of [...DIGIT_WORDS, ...TEEN_WORDS]) net.arc(from, end, { kind: 'word', word })
  const tens = net.state()
  for (const word of TENS_WORDS) net.arc(from, tens, { kind: 'word', word })
  net.arc(tens, end, { kind: 'empty' })
  for (const word of DIGIT_WORDS.slice(1)) net.arc(tens, end, { kind: 'word', word })
  return end
}

function addOpen(
  net: NetBuilder,
  begun: number,
  open: { readonly spoken: boolean; readonly logWeight: number },
  close: Close,
): void {
  const said = net.state()
  const label = { kind: 'open' as const, spoken: open.spoken }
  net.arc(begun, said, label, open.logWeight)
  net.arc(said, said, label)
  close(said)
}
