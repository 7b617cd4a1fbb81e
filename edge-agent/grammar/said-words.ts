/** What people write in a domain, as the words that are said: lower case, no punctuation, numbers in words. */
import { wordsOf } from '../intent/normalise.ts'
import { sayDigits, sayNumber } from './spoken-numbers.ts'

/** Larger numbers are said digit by digit. */
const LARGEST_CARDINAL = 999_999

export function saidWords(text: string): readonly string[] {
  return wordsOf(text.replaceAll('%', ' percent ')).flatMap((word) => {
    if (!/^\d/.test(word)) return [word]
    const isNumber = Number(word) <= LARGEST_CARDINAL && !/^0\d/.test(word)
    return isNumber ? sayNumber(Number(word)) : sayDigits(word.replace('.', ''))
  })
}
