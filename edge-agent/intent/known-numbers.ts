/** Numbers that the device knows, in words that sound like their digits: "for two seven" where there is a work order 427. Pure. */
import { sayDigits } from '../grammar/spoken-numbers.ts'

/** What is written for a digit by who hears it and does not expect it. */
const SOUNDS_LIKE: Readonly<Record<string, readonly string[]>> = {
  zero: ['oh', 'o'],
  one: ['won'],
  two: ['to', 'too'],
  four: ['for', 'fore'],
  eight: ['ate'],
}
/** Of shorter numbers each word may stand for itself: "for two" is a reason more often than 42. */
const LEAST_DIGITS = 3
/** So many of the words are digits as they stand. */
const LEAST_TRUE = 1

/** The tokens with the digits of known numbers where words sound like them; each token keeps its place. */
export function withKnownNumbers<T extends { readonly word: string }>(
  tokens: readonly T[],
  numbers: readonly string[],
): readonly T[] {
  const out = [...tokens]
  const known = numbers.filter((number) => /^\d+$/.test(number) && number.length >= LEAST_DIGITS)
  for (const digits of known.map(sayDigits))
    for (let from = 0; from + digits.length <= tokens.length; from += 1) {
      if (!isHeardAt(tokens, from, digits)) continue
      for (const [at, digit] of digits.entries()) {
        const token = out[from + at]
        if (token !== undefined) out[from + at] = { ...token, word: digit }
      }
    }
  return out
}

function isHeardAt(
  tokens: readonly { readonly word: string }[],
  from: number,
  digits: readonly string[],
): boolean {
  const isDigit = digits.map((digit, at) => tokens[from + at]?.word === digit)
  const sounds = digits.every(
    (digit, at) => isDigit[at] === true || SOUNDS_LIKE[digit]?.includes(tokens[from + at]?.word ?? ''),
  )
  return sounds && isDigit.filter(Boolean).length >= LEAST_TRUE
}
