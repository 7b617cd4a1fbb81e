/** Numbers as people say them, both ways: words of a number, and the number of some words. Pure. */

const SMALL = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
] as const
const TENS = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'] as const

export const DIGIT_WORDS: readonly string[] = SMALL.slice(0, 10)
export const TEEN_WORDS: readonly string[] = SMALL.slice(10)
export const TENS_WORDS: readonly string[] = TENS.slice(2)
/** After these "and" goes on with the number. */
export const AND_GOES_ON: ReadonlySet<string> = new Set(['hundred', 'thousand'])
/** Also said for zero, in strings of digits and after the point. */
export const OH = 'oh'
/** Also said for zero, by itself and before the point. */
export const NOUGHT = 'nought'

const SMALL_VALUES: ReadonlyMap<string, number> = new Map([
  ...SMALL.map((word, value) => [word, value] as const),
  [NOUGHT, 0] as const,
])
const TENS_VALUES: ReadonlyMap<string, number> = new Map(
  TENS.flatMap((word, tens) => (word === '' ? [] : [[word, tens * 10] as const])),
)

/** A whole number from 0 to 999,999 in words. Throws RangeError outside. */
export function sayCardinal(value: number): readonly string[] {
  if (!Number.isInteger(value) || value < 0 || value > 999_999)
    throw new RangeError(`${value} is not said here`)
  if (value < 20) return [SMALL[value] ?? '']
  if (value < 100)
    return [TENS[Math.floor(value / 10)] ?? '', ...(value % 10 === 0 ? [] : sayCardinal(value % 10))]
  const [size, word] = value < 1_000 ? [100, 'hundred'] : [1_000, 'thousand']
  const rest = value % size
  return [...sayCardinal(Math.floor(value / size)), word, ...(rest === 0 ? [] : sayCardinal(rest))]
}

/** Digit by digit. */
export function sayDigits(digits: string): readonly string[] {
  return Array.from(digits, (digit) => SMALL[Number(digit)] ?? '')
}

/** A number with an optional sign and decimals: `-4.25` is "minus four point two five". */
export function sayNumber(value: number): readonly string[] {
  const [whole = '0', decimals] = String(Math.abs(value)).split('.')
  return [
    ...(value < 0 ? ['minus'] : []),
    ...sayCardinal(Number(whole)),
    ...(decimals === undefined ? [] : ['point', ...sayDigits(decimals)]),
  ]
}

/**
 * The number of the words; null when they are none. Strings of digits and of pairs count as numbers: "one two zero" is 120,
 * "fourteen fifty" 1,450.
 */
export function readNumber(words: readonly string[]): number | null {
  const [first] = words
  if (first === 'minus' || first === 'negative') {
    const value = readNumber(words.slice(1))
    return value === null ? null : -value
  }
  const half = readHalf(words)
  if (half !== null) return half
  const point = words.findIndex((word) => word === 'point' || word === 'decimal')
  if (point < 0) return readWhole(words)
  const whole = point === 0 ? 0 : readWhole(words.slice(0, point))
  const decimals = readDigits(words.slice(point + 1))
  return whole === null || decimals === null || decimals === '' ? null : Number(`${whole}.${decimals}`)
}

/** "half", "half a", "eleven and a half". */
function readHalf(words: readonly string[]): number | null {
  if (words[0] === 'half') return words.length === 1 || (words.length === 2 && words[1] === 'a') ? 0.5 : null
  if (words.length < 4 || words.slice(-3).join(' ') !== 'and a half') return null
  const whole = readWhole(words.slice(0, -3))
  return whole === null || !Number.isInteger(whole) ? null : whole + 0.5
}

function readWhole(words: readonly string[]): number | null {
  const [only] = words
  if (words.length === 1 && only !== undefined && /^\d+(?:\.\d+)?$/.test(only)) return Number(only)
  const cardinal = readCardinal(words)
  if (cardinal !== null) return cardinal
  const digits = readDigits(words)
  return digits === null || digits === '' ? null : Number(digits)
}

/** A cardinal as said; null when the words are not one. */
export function readCardinal(words: readonly string[]): number | null {
  if (words.length === 0) return null
  const thousand = words.indexOf('thousand')
  if (thousand >= 0) return joined(words, thousand, 1_000)
  const hundred = words.indexOf('hundred')
  if (hundred >= 0) return joined(words, hundred, 100)
  return readSmall(words[0] === 'and' ? words.slice(1) : words)
}

function joined(words: readonly string[], at: number, size: number): number | null {
  const before = words.slice(0, at)
  const count = before.length === 1 && before[0] === 'a' ? 1 : readCardinal(before)
  const after = words.slice(at + 1)
  const rest = after.length === 0 ? 0 : readCardinal(after)
  if (count === null || rest === null || count === 0 || rest >= size) return null
  return count * size + rest
}

function readSmall(words: readonly string[]): number | null {
  const [first = '', second, third] = words
  if (third !== undefined) return null
  const tens = TENS_VALUES.get(first)
  if (tens === undefined) return second === undefined ? (SMALL_VALUES.get(first) ?? null) : null
  if (second === undefined) return tens
  const unit = SMALL_VALUES.get(second)
  return unit === undefined || unit === 0 || unit > 9 ? null : tens + unit
}

/**
 * A string of digits as said for numbers of things: "four two seven", "forty seven twelve", "double five oh", "four hundred
 * twenty seven". Null when a word is none of these.
 */
export function readDigits(words: readonly string[]): string | null {
  if (words.includes('hundred') || words.includes('thousand')) {
    const value = readCardinal(words)
    return value === null ? null : String(value)
  }
  let digits = ''
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const next = words[at + 1]
    const repeated = word === 'double' ? 2 : word === 'triple' ? 3 : 0
    if (/^\d+$/.test(word)) digits += word
    else if (repeated > 0) {
      const digit = digitOf(next ?? '')
      if (digit === null) return null
      digits += digit.repeat(repeated)
      at += 1
    } else if (digitOf(word) !== null) digits += digitOf(word)
    else if (SMALL_VALUES.has(word)) digits += String(SMALL_VALUES.get(word))
    else {
      const tens = TENS_VALUES.get(word)
      if (tens === undefined) return null
      const unit = digitOf(next ?? '')
      if (unit !== null && unit !== '0' && next !== OH) {
        digits += String(tens + Number(unit))
        at += 1
      } else digits += String(tens)
    }
  }
  return digits
}

function digitOf(word: string): string | null {
  if (word === OH || word === 'o') return '0'
  const value = SMALL_VALUES.get(word)
  return value === undefined || value > 9 ? null : String(value)
}

const NUMBER_WORDS: ReadonlySet<string> = new Set([
  ...SMALL,
  ...TENS_WORDS,
  OH,
  NOUGHT,
  'hundred',
  'thousand',
  'point',
  'minus',
  'negative',
  'double',
  'triple',
  'half',
])

/** True for a word that numbers are made of, said or typed; "and" and "a" are not, though they stand within numbers. */
export function isNumberWord(word: string): boolean {
  return NUMBER_WORDS.has(word) || /^\d/.test(word)
}
