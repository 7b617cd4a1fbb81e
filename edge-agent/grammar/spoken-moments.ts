/** Days and times as people say them: "tomorrow at half past nine", "the fifth of March". Pure; nothing here knows what today is. */
import { DIGIT_WORDS, readCardinal, TEEN_WORDS, TENS_WORDS } from './spoken-numbers.ts'

export type Day =
  /** From today. */
  | { readonly kind: 'offset'; readonly days: number }
  /** 0 is Sunday; `next` is the one after the coming one, where that is meant ("next Monday" said on a Friday). */
  | { readonly kind: 'weekday'; readonly weekday: number; readonly which: 'coming' | 'next' | 'last' }
  /** 1 to 12; null for this month or the one after. */
  | { readonly kind: 'date'; readonly month: number | null; readonly day: number }

export type TimeOfDay =
  | { readonly kind: 'clock'; readonly hour: number; readonly minute: number; readonly isExact: boolean }
  /** From now. */
  | { readonly kind: 'offset'; readonly minutes: number }

export interface Moment {
  readonly day: Day | null
  readonly time: TimeOfDay | null
}

export const WEEKDAYS: readonly string[] = 'sunday monday tuesday wednesday thursday friday saturday'.split(
  ' ',
)
export const MONTHS: readonly string[] =
  'january february march april may june july august september october november december'.split(' ')
const FIRST_ORDINALS: readonly string[] =
  `first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth
  seventeenth eighteenth nineteenth`.split(/\s+/)
/** The days of a month, from the first: each as words. */
export const ORDINALS: readonly (readonly string[])[] = [
  ...FIRST_ORDINALS.map((word) => [word]),
  ['twentieth'],
  ...FIRST_ORDINALS.slice(0, 9).map((word) => ['twenty', word]),
  ['thirtieth'],
  ['thirty', 'first'],
]
/** Days from today, by name. */
export const NAMED_DAYS: readonly (readonly [readonly string[], number])[] = [
  [['today'], 0],
  [['tomorrow'], 1],
  [['yesterday'], -1],
  [['the', 'day', 'after', 'tomorrow'], 2],
  [['the', 'day', 'before', 'yesterday'], -2],
]
/** Before whom the hour is meant, and after. */
export const PARTS_OF_DAY: readonly (readonly [readonly string[], 'am' | 'pm'])[] = [
  [['in', 'the', 'morning'], 'am'],
  [['a', 'm'], 'am'],
  [['am'], 'am'],
  [['in', 'the', 'afternoon'], 'pm'],
  [['in', 'the', 'evening'], 'pm'],
  [['at', 'night'], 'pm'],
  [['tonight'], 'pm'],
  [['p', 'm'], 'pm'],
  [['pm'], 'pm'],
]
export const NAMED_TIMES: readonly (readonly [string, number])[] = [
  ['noon', 12],
  ['midday', 12],
  ['midnight', 0],
]
/** Without a part of the day, an hour before this one is of the afternoon: work is done by day. */
const FIRST_MORNING_HOUR = 7

/** Null when the words are no moment, or more than one. */
export function readMoment(words: readonly string[]): Moment | null {
  let at = 0
  let [day, time]: [Day | null, TimeOfDay | null] = [null, null]
  while (at < words.length) {
    const dayRead: Read<Day> = day === null ? readDay(words, at) : null
    if (dayRead !== null) [day, at] = [dayRead.value, dayRead.to]
    else {
      const timeRead: Read<TimeOfDay> = time === null ? readTime(words, at) : null
      if (timeRead === null) return null
      ;[time, at] = [timeRead.value, timeRead.to]
    }
  }
  return day === null && time === null ? null : { day, time }
}

/** "on the thirty first of December at twenty five minutes to twelve in the morning" */
const MAX_MOMENT_WORDS = 15

/** Where the longest moment ends that begins with the word at `from`; `from` itself where none does. */
export function endOfMoment(words: readonly string[], from: number): number {
  for (let to = Math.min(words.length, from + MAX_MOMENT_WORDS); to > from; to -= 1)
    if (readMoment(words.slice(from, to)) !== null) return to
  return from
}

type Read<T> = { readonly value: T; readonly to: number } | null

function readDay(words: readonly string[], from: number): Read<Day> {
  const begun = ['on', 'by', 'for', 'until'].includes(words[from] ?? '') ? from + 1 : from
  const named = longest(NAMED_DAYS, ([said]) => (begins(words, begun, said) ? said.length : 0))
  if (named !== null) return { value: { kind: 'offset', days: named[1] }, to: begun + named[0].length }
  const which = { next: 'next', this: 'coming', last: 'last' }[words[begun] ?? ''] as
    | 'next'
    | 'coming'
    | 'last'
    | undefined
  const weekday = WEEKDAYS.indexOf(words[which === undefined ? begun : begun + 1] ?? '')
  if (weekday >= 0)
    return {
      value: { kind: 'weekday', weekday, which: which ?? 'coming' },
      to: begun + (which === undefined ? 1 : 2),
    }
  return readAhead(words, from) ?? readDate(words, begun)
}

/** "in three days", "in a week". */
function readAhead(words: readonly string[], from: number): Read<Day> {
  if (words[from] !== 'in') return null
  const unit = words.findIndex((word, at) => at > from && /^(?:days?|weeks?)$/.test(word))
  const count = unit < 0 ? null : countOf(words.slice(from + 1, unit))
  if (count === null || !Number.isInteger(count)) return null
  const days = (words[unit] ?? '').startsWith('week') ? 7 * count : count
  return { value: { kind: 'offset', days }, to: unit + 1 }
}

/** "the fifth of March", "March the fifth", "5 March", "the fifth". */
function readDate(words: readonly string[], from: number): Read<Day> {
  const month = MONTHS.indexOf(words[from] ?? '')
  if (month >= 0) {
    const day = readDayOfMonth(words, words[from + 1] === 'the' ? from + 2 : from + 1)
    return day === null ? null : { value: { kind: 'date', month: month + 1, day: day.value }, to: day.to }
  }
  const hasArticle = words[from] === 'the'
  const day = readDayOfMonth(words, hasArticle ? from + 1 : from)
  if (day === null) return null
  const after = words[day.to] === 'of' ? day.to + 1 : day.to
  const named = MONTHS.indexOf(words[after] ?? '')
  if (named >= 0) return { value: { kind: 'date', month: named + 1, day: day.value }, to: after + 1 }
  return hasArticle && after === day.to
    ? { value: { kind: 'date', month: null, day: day.value }, to: day.to }
    : null
}

function readDayOfMonth(words: readonly string[], from: number): Read<number> {
  const typed = /^\d{1,2}$/.test(words[from] ?? '') ? Number(words[from]) : 0
  if (typed >= 1 && typed <= 31)
    return { value: typed, to: from + (/^(?:st|nd|rd|th)$/.test(words[from + 1] ?? '') ? 2 : 1) }
  const found = longest([...ORDINALS.entries()], ([, said]) => (begins(words, from, said) ? said.length : 0))
  return found === null ? null : { value: found[0] + 1, to: from + found[1].length }
}

function readTime(words: readonly string[], from: number): Read<TimeOfDay> {
  const ahead = readTimeAhead(words, from)
  if (ahead !== null) return ahead
  const hasAt = ['at', 'by', 'around', 'until'].includes(words[from] ?? '')
  const begun = hasAt ? from + 1 : from
  const named = NAMED_TIMES.find(([word]) => words[begun] === word)
  if (named !== undefined)
    return { value: { kind: 'clock', hour: named[1], minute: 0, isExact: true }, to: begun + 1 }
  const clock = readPast(words, begun) ?? readHourFirst(words, begun)
  if (clock === null) return null
  const part = longest(PARTS_OF_DAY, ([said]) => (begins(words, clock.to, said) ? said.length : 0))
  if (!hasAt && part === null && clock.value.isBare) return null
  const { hour, minute } = clock.value
  if (part !== null && (hour === 0 || hour > 12)) return null
  const value: TimeOfDay = {
    kind: 'clock',
    hour: hourOf(hour, part?.[1] ?? null),
    minute,
    isExact: part !== null || hour > 12,
  }
  return { value, to: clock.to + (part?.[0].length ?? 0) }
}

function hourOf(hour: number, part: 'am' | 'pm' | null): number {
  if (part === 'am') return hour % 12
  if (part === 'pm') return hour === 12 ? 12 : (hour % 12) + 12
  return hour > 0 && hour < FIRST_MORNING_HOUR ? hour + 12 : hour
}

/** "in twenty minutes", "in two hours", "in half an hour". */
function readTimeAhead(words: readonly string[], from: number): Read<TimeOfDay> {
  if (words[from] !== 'in') return null
  if (begins(words, from + 1, ['half', 'an', 'hour']))
    return { value: { kind: 'offset', minutes: 30 }, to: from + 4 }
  const unit = words.findIndex((word, at) => at > from && /^(?:minutes?|hours?)$/.test(word))
  const count = unit < 0 ? null : countOf(words.slice(from + 1, unit))
  if (count === null) return null
  const minutes = (words[unit] ?? '').startsWith('hour') ? 60 * count : count
  return { value: { kind: 'offset', minutes }, to: unit + 1 }
}

type Clock = { readonly hour: number; readonly minute: number; readonly isBare: boolean }

/** "half past nine", "quarter to ten", "twenty past three". */
function readPast(words: readonly string[], from: number): Read<Clock> {
  const side = words.findIndex(
    (word, at) => at > from && at <= from + 3 && /^(?:past|to|after|before)$/.test(word),
  )
  if (side < 0) return null
  const before = words.slice(from, side).filter((word) => !/^(?:a|minutes?)$/.test(word))
  const amount =
    before.join(' ') === 'half'
      ? 30
      : before.join(' ') === 'quarter'
        ? 15
        : (readCardinal(before.map(spoken)) ?? 0)
  const hour = readHour(words, side + 1)
  if (hour === null || amount < 1 || amount > 30) return null
  if (/^(?:past|after)$/.test(words[side] ?? ''))
    return { value: { hour: hour.value, minute: amount, isBare: false }, to: hour.to }
  return {
    value: { hour: hour.value === 1 ? 12 : hour.value - 1, minute: 60 - amount, isBare: false },
    to: hour.to,
  }
}

/** "three thirty", "nine o'clock", "15 30", "three". */
function readHourFirst(words: readonly string[], from: number): Read<Clock> {
  const hour = readHour(words, from)
  if (hour === null) return null
  if (words[hour.to] === "o'clock")
    return { value: { hour: hour.value, minute: 0, isBare: false }, to: hour.to + 1 }
  const minute = readMinute(words, hour.to)
  return minute === null
    ? { value: { hour: hour.value, minute: 0, isBare: true }, to: hour.to }
    : { value: { hour: hour.value, minute: minute.value, isBare: false }, to: minute.to }
}

function readHour(words: readonly string[], from: number): Read<number> {
  for (const length of [2, 1]) {
    const value = cardinalAt(words, from, length)
    if (value !== null && value <= 23) return { value, to: from + length }
  }
  return null
}

/** "oh five", "fifteen", "thirty", "forty five"; two digits as they are typed. */
function readMinute(words: readonly string[], from: number): Read<number> {
  if (words[from] === 'oh') {
    const digit = DIGIT_WORDS.indexOf(words[from + 1] ?? '')
    return digit > 0 ? { value: digit, to: from + 2 } : null
  }
  for (const length of [2, 1]) {
    const value = cardinalAt(words, from, length)
    const isTyped = /^\d/.test(words[from] ?? '')
    if (value !== null && value < 60 && (value >= 10 || (isTyped && words[from]?.length === 2)))
      return { value, to: from + length }
  }
  return null
}

function cardinalAt(words: readonly string[], from: number, length: number): number | null {
  const said = words.slice(from, from + length)
  if (said.length < length) return null
  if (length === 1 && /^\d{1,2}$/.test(said[0] ?? '')) return Number(said[0])
  const isNumber = said.every((word) => [...DIGIT_WORDS, ...TEEN_WORDS, ...TENS_WORDS].includes(word))
  return isNumber ? readCardinal(said) : null
}

function countOf(words: readonly string[]): number | null {
  if (words.length === 1 && /^(?:a|an|one)$/.test(words[0] ?? '')) return 1
  return words.length === 0 ? null : readCardinal(words.map(spoken))
}

/** Digits as typed stand for their number. */
function spoken(word: string): string {
  return /^\d{1,2}$/.test(word) && Number(word) < 20
    ? ([...DIGIT_WORDS, ...TEEN_WORDS][Number(word)] ?? word)
    : word
}

function begins(words: readonly string[], from: number, said: readonly string[]): boolean {
  return said.every((word, at) => words[from + at] === word)
}

function longest<T>(items: readonly T[], lengthOf: (item: T) => number): T | null {
  let best: { readonly item: T; readonly length: number } | null = null
  for (const item of items) {
    const length = lengthOf(item)
    if (length > (best?.length ?? 0)) best = { item, length }
  }
  return best?.item ?? null
}
