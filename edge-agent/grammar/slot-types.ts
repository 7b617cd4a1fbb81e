/** The kinds of slots: what may be said for each, and what value the words stand for. */
import type { Json } from '../../shared/json.ts'
import type { NetBuilder } from './net.ts'
import {
  DIGIT_WORDS,
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
}

export type SlotType =
  /** A string of digits, 1 to 9; `known` ones are likelier than others. */
  | { readonly kind: 'digits'; readonly known: readonly string[] }
  /** A number with decimals. */
  | { readonly kind: 'number' }
  /** A whole number to 999, or "a". */
  | { readonly kind: 'count' }
  | { readonly kind: 'list'; readonly entries: readonly ListEntry[]; readonly open: boolean }
  /** Any words. */
  | { readonly kind: 'text' }

/** Log weight of digits that the device does not know as a number of something. */
const UNKNOWN_DIGITS = -20
/** Of a name that is in no list: only typed text gets there. */
const UNKNOWN_NAME = -30
/** Of a word that stands for two digits, or for more. */
const FREE_DIGIT = -4
const PAIRED_DIGITS = -8

/** Adds what may be said for a slot from `from` to a new state, which is returned. */
export function addSlot(net: NetBuilder, from: number, slot: string, type: SlotType): number {
  const begun = net.state()
  net.arc(from, begun, { kind: 'begin', slot, type: type.kind })
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
      addNumber(net, begun, close)
      break
    case 'count':
      addCount(net, begun, close)
      break
    case 'list':
      for (const { value, says } of type.entries)
        for (const words of says) close(net.words(begun, words), value)
      if (type.open) addOpen(net, begun, { spoken: false, logWeight: UNKNOWN_NAME }, close)
      break
    case 'text':
      addOpen(net, begun, { spoken: true, logWeight: 0 }, close)
  }
  return ended
}

/** The value that the words of a slot stand for; null when they stand for none. */
export function slotValue(type: string, words: readonly string[], listed: string | null): Json {
  if (type === 'digits') return readDigits(words)
  if (type === 'number') return readNumber(words)
  if (type === 'count') return words.length === 1 && ONE.has(words[0] ?? '') ? 1 : readNumber(words)
  return listed ?? words.join(' ')
}

const ONE: ReadonlySet<string> = new Set(['a', 'an', 'another'])

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
  net.arc(begun, typed, { kind: 'typed' })
  net.arc(typed, typed, { kind: 'typed' })
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
  net.arc(begun, signed, { kind: 'word', word: 'minus' }, -1)
  const whole = addCardinal(net, signed)
  close(whole)
  const point = net.state()
  net.arc(whole, point, { kind: 'word', word: 'point' })
  let at = point
  for (let length = 1; length <= 3; length += 1) {
    const next = net.state()
    for (const word of [...DIGIT_WORDS, OH]) net.arc(at, next, { kind: 'word', word })
    close(next)
    at = next
  }
  const typed = net.state()
  net.arc(signed, typed, { kind: 'typed' })
  close(typed)
}

function addCount(net: NetBuilder, begun: number, close: Close): void {
  for (const word of ONE) close(net.words(begun, [word]))
  close(addHundreds(net, begun))
  const typed = net.state()
  net.arc(begun, typed, { kind: 'typed' })
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
