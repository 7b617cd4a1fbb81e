/**
 * What was said, as people write it: numbers, decimals, units, dates, times, amounts and part numbers. Pure; the other way
 * round is `spoken.ts`. Words that are none of these stay as they are.
 */
import { readNumber } from '../grammar/spoken-numbers.ts'
import { CURRENCIES, MONTHS, ORDINALS, UNITS } from './tables.ts'

/** Longest run of words that one number may take: "minus nine hundred ninety nine thousand ... point one two three". */
const MAX_NUMBER_WORDS = 14

interface Piece {
  readonly text: string
  /** Words taken. */
  readonly length: number
}

type Rule = (words: readonly string[], at: number) => Piece | undefined

/** The written form of lower-case spoken words. */
export function written(said: string): string {
  const words = said.split(/\s+/).filter((word) => word !== '')
  const out: string[] = []
  for (let at = 0; at < words.length;) {
    const piece = RULES.map((rule) => rule(words, at)).find((found) => found !== undefined)
    out.push(piece?.text ?? words[at] ?? '')
    at += piece?.length ?? 1
  }
  return out.join(' ')
}

interface Numeral {
  readonly value: number
  readonly text: string
  readonly length: number
}

const NUMBER_WORD =
  /^(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|oh)$/

/** The longest number that begins here, as digits. "one two" is no number but two: only a cardinal, with or without decimals. */
function numeral(words: readonly string[], at: number): Numeral | undefined {
  const isSigned = words[at] === 'minus' || words[at] === 'negative'
  const first = at + (isSigned ? 1 : 0)
  if (!NUMBER_WORD.test(words[first] ?? '')) return undefined
  let best: Numeral | undefined
  let whole = 0
  for (let end = first + 1; end <= Math.min(words.length, at + MAX_NUMBER_WORDS); end++) {
    const last = words[end - 1] ?? ''
    const run = words.slice(first, end)
    const point = run.findIndex((word) => word === 'point' || word === 'decimal')
    if (!NUMBER_WORD.test(last) && last !== 'and' && last !== 'point' && last !== 'decimal') break
    if (point < 0) {
      const value = cardinal(run)
      if (value === undefined) continue
      whole = end
      best = numeralOf(value, String(value), { isSigned, length: end - at })
    } else if (first + point === whole && point < run.length - 1) {
      const value = readNumber(run)
      const digits = run.slice(point + 1).map((word) => digitOf(word))
      if (value === null || digits.some((digit) => digit === undefined)) break
      const text = `${String(cardinal(run.slice(0, point)) ?? 0)}.${digits.join('')}`
      best = numeralOf(value, text, { isSigned, length: end - at })
    }
  }
  return best
}

function numeralOf(value: number, text: string, o: { isSigned: boolean; length: number }): Numeral {
  return { value: o.isSigned ? -value : value, text: o.isSigned ? `-${text}` : text, length: o.length }
}

/** Not a string of digits: "four two" is read digit by digit elsewhere. */
function cardinal(words: readonly string[]): number | undefined {
  if (words.includes('oh') || words[words.length - 1] === 'and') return undefined
  if (words.length > 1 && words.every((word) => digitOf(word) !== undefined)) return undefined
  const value = readNumber(words)
  return value === null || isPaired(words) ? undefined : value
}

/** "four twenty", "forty seven twelve": a number of something, never a quantity. */
function isPaired(words: readonly string[]): boolean {
  if (words.includes('hundred') || words.includes('thousand')) return false
  const [first = '', second] = words
  return words.length > 2 || (second !== undefined && !(TENS.test(first) && UNIT_DIGIT.test(second)))
}

const TENS = /^(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)$/
const UNIT_DIGIT = /^(?:one|two|three|four|five|six|seven|eight|nine)$/
const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

function digitOf(word: string): string | undefined {
  const digit = word === 'oh' ? 0 : DIGITS.indexOf(word)
  return digit < 0 ? undefined : String(digit)
}

/** "three dollars fifty", "twelve euros and five cents". */
const amount: Rule = (words, at) => {
  const whole = numeral(words, at)
  if (whole === undefined || !Number.isInteger(whole.value)) return undefined
  const currency = CURRENCIES.find(({ says }) => says.includes(words[at + whole.length] ?? ''))
  if (currency === undefined) return undefined
  const after = at + whole.length + 1
  const joined = words[after] === 'and' ? after + 1 : after
  const minor = numeral(words, joined)
  const isMinor = minor !== undefined && Number.isInteger(minor.value) && minor.value > 0 && minor.value < 100
  const isNamed = isMinor && currency.minor.includes(words[joined + minor.length] ?? '')
  if (!isMinor || (!isNamed && (joined !== after || minor.value < 10)))
    return { text: `${currency.sign}${whole.text}`, length: whole.length + 1 }
  return {
    text: `${currency.sign}${whole.text}.${String(minor.value).padStart(2, '0')}`,
    length: joined + minor.length + (isNamed ? 1 : 0) - at,
  }
}

/** "the third of march [twenty twenty six]", "march the third", "march third". */
const date: Rule = (words, at) => {
  const [a = '', b = '', c = '', d = ''] = words.slice(at, at + 4)
  const dayFirst = a === 'the' ? ordinalAt(words, at + 1) : ordinalAt(words, at)
  if (dayFirst !== undefined) {
    const of = at + (a === 'the' ? 1 : 0) + dayFirst.length
    const month = words[of] === 'of' ? of + 1 : of
    if (MONTHS.includes(words[month] ?? ''))
      return withYear(words, month + 1, { at, day: dayFirst.value, month: words[month] ?? '' })
  }
  if (!MONTHS.includes(a)) return undefined
  const day = b === 'the' ? ordinalAt(words, at + 2) : ordinalAt(words, at + 1)
  if (day === undefined || (a === 'may' && b !== 'the' && c === '' && d === '' && at > 0)) return undefined
  return withYear(words, at + 1 + (b === 'the' ? 1 : 0) + day.length, { at, day: day.value, month: a })
}

function ordinalAt(words: readonly string[], at: number): { value: number; length: number } | undefined {
  const [a = '', b = ''] = [words[at], words[at + 1]]
  const tens = a === 'twenty' ? 20 : a === 'thirty' ? 30 : 0
  const unit = ORDINALS.indexOf(b)
  if (tens > 0 && unit > 0 && unit < 10 && tens + unit <= 31) return { value: tens + unit, length: 2 }
  const value = a === '' ? -1 : ORDINALS.indexOf(a)
  return value > 0 && value <= 31 ? { value, length: 1 } : undefined
}

function withYear(
  words: readonly string[],
  at: number,
  on: { readonly at: number; readonly day: number; readonly month: string },
): Piece {
  const month = `${on.month.slice(0, 1).toUpperCase()}${on.month.slice(1)}`
  const year = yearAt(words, at)
  const text = `${on.day} ${month}${year === undefined ? '' : ` ${year.value}`}`
  return { text, length: at + (year?.length ?? 0) - on.at }
}

/** "twenty twenty six", "nineteen ninety", "two thousand [and] five". */
function yearAt(words: readonly string[], at: number): { value: number; length: number } | undefined {
  const century = readNumber(words.slice(at, at + 1))
  if (words[at] === 'two' && words[at + 1] === 'thousand') {
    const whole = numeral(words, at)
    return whole !== undefined && whole.value < 2_100
      ? { value: whole.value, length: whole.length }
      : undefined
  }
  if (century !== 19 && century !== 20) return undefined
  for (const length of [2, 1]) {
    const rest = words.slice(at + 1, at + 1 + length)
    if (rest.length < length) continue
    const value =
      rest[0] === 'oh' && length === 2 ? Number(digitOf(rest[1] ?? '') ?? Number.NaN) : cardinal(rest)
    if (value !== undefined && value < 100 && (value > 9 || rest[0] === 'oh'))
      return { value: 100 * century + value, length: length + 1 }
  }
  return undefined
}

/** "half past" is left to people; "ten thirty a m", "seven p m". */
const time: Rule = (words, at) => {
  const hour = numeral(words, at)
  if (hour === undefined || hour.length > 1 || hour.value < 1 || hour.value > 12) return undefined
  const minute = words[at + 1] === 'oh' ? ohMinute(words, at + 1) : numeral(words, at + 1)
  const isMinute =
    minute !== undefined && minute.value > 0 && minute.value < 60 && Number.isInteger(minute.value)
  const end = at + 1 + (isMinute ? minute.length : 0)
  const half = words[end] === 'a' || words[end] === 'p' ? words[end] : undefined
  if (half === undefined || words[end + 1] !== 'm') return undefined
  const minutes = isMinute ? String(minute.value).padStart(2, '0') : '00'
  return { text: `${hour.text}:${minutes} ${half}m`, length: end + 2 - at }
}

function ohMinute(words: readonly string[], at: number): { value: number; length: number } | undefined {
  const digit = digitOf(words[at + 1] ?? '')
  return digit === undefined ? undefined : { value: Number(digit), length: 2 }
}

/** A number with its unit: "four point two bar". */
const measured: Rule = (words, at) => {
  const found = numeral(words, at)
  if (found === undefined) return undefined
  for (const { symbol, says, tight } of UNITS)
    for (const phrase of says) {
      const end = at + found.length + phrase.length
      if (phrase.every((word, i) => words[at + found.length + i] === word))
        return { text: `${found.text}${tight ? '' : ' '}${symbol}`, length: end - at }
    }
  return undefined
}

/** Letters and digits one by one, with "dash": "p one oh two dash b" is P102-B. At least a letter and a digit. */
const partNumber: Rule = (words, at) => {
  let text = ''
  let end = at
  for (; end < words.length; end++) {
    const word = words[end] ?? ''
    const sign = word === 'dash' || word === 'slash' ? (word === 'dash' ? '-' : '/') : undefined
    const piece = digitOf(word) ?? (/^[a-z]$/.test(word) ? word.toUpperCase() : sign)
    if (piece === undefined || (sign !== undefined && text === '')) break
    text += piece
  }
  while (/[-/]$/.test(text)) {
    text = text.slice(0, -1)
    end--
  }
  const isNumber = /[A-Z]/.test(text) && /\d/.test(text) && /^[A-Z]/.test(text) && !/^[AI]\d$/.test(text)
  return isNumber ? { text, length: end - at } : undefined
}

/** Three digits or more one by one are a number of something. */
const digitString: Rule = (words, at) => {
  let text = ''
  let end = at
  for (; end < words.length; end++) {
    const digit = digitOf(words[end] ?? '')
    if (digit === undefined) break
    text += digit
  }
  return text.length >= 2 && words[end] !== 'hundred' && words[end] !== 'thousand' && words[end] !== 'point'
    ? { text, length: end - at }
    : undefined
}

/** Small numbers by themselves stay words, as editors have it; the others are written in digits. */
const plain: Rule = (words, at) => {
  const found = numeral(words, at)
  const isSmall = found !== undefined && !found.text.includes('.') && Math.abs(found.value) < 10
  if (found === undefined || isSmall) return undefined
  return found
}

const RULES: readonly Rule[] = [date, time, amount, measured, partNumber, digitString, plain]
