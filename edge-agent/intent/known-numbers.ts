/** Numbers that the device knows, in words that sound like their digits: "for two seven" where there is a work order 427. Pure. */
import { DIGIT_WORDS } from '../grammar/spoken-numbers.ts'

/** What is written for a digit by who hears it and does not expect it. */
const SOUNDS_LIKE: Readonly<Record<string, string>> = {
  oh: 'zero',
  o: 'zero',
  won: 'one',
  to: 'two',
  too: 'two',
  for: 'four',
  fore: 'four',
  ate: 'eight',
}
/** Of shorter numbers each word may stand for itself: "for two" is a reason more often than 42. */
const LEAST_DIGITS = 3

/** The tokens with the digits of known numbers where words sound like them; each token keeps its place. */
export function withKnownNumbers<T extends { readonly word: string }>(
  tokens: readonly T[],
  numbers: readonly string[],
): readonly T[] {
  const digits = tokens.map(({ word }) => digitOf(word))
  const out = [...tokens]
  for (let from = 0; from < tokens.length; from += 1) {
    const to = endOfKnown(digits, from, numbers)
    // One digit at least was heard as such.
    if (!tokens.slice(from, to).some(({ word }) => DIGIT_WORDS.includes(word))) continue
    for (let at = from; at < to; at += 1)
      out[at] = { ...(tokens[at] as T), word: DIGIT_WORDS[digits[at] ?? 0] ?? '' }
    from = to - 1
  }
  return out
}

/** The digit that a word is or sounds like, -1 for none. */
function digitOf(word: string): number {
  return DIGIT_WORDS.indexOf(Object.hasOwn(SOUNDS_LIKE, word) ? (SOUNDS_LIKE[word] ?? '') : word)
}

/** Where the longest known number ends that begins at `from`; `from` when none does. */
function endOfKnown(digits: readonly number[], from: number, numbers: readonly string[]): number {
  let [said, end] = ['', from]
  for (let at = from; (digits[at] ?? -1) >= 0; at += 1) {
    said += String(digits[at])
    if (said.length >= LEAST_DIGITS && numbers.includes(said)) end = at + 1
  }
  return end
}
