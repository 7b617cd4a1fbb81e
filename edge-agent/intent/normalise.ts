/** A text as words, the way that the grammar and the classifier read it: lower case, no punctuation, digits apart from letters. */
import { StarlingError } from '../../shared/errors.ts'

/** A long dictated note; more is not one wish. */
export const MAX_TEXT_CHARS = 4_000
export const MAX_WORDS = 400

export class TextRefused extends StarlingError {
  override readonly code = 'text_refused'
}

/** Empty for a text without a word. Throws {@link TextRefused} for one that is too long. */
export function wordsOf(text: string): readonly string[] {
  if (text.length > MAX_TEXT_CHARS) throw tooLong(`${text.length} characters`)
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[’‘`]/g, "'")
      .match(/\d+(?:\.\d+)?|[\p{L}]+(?:'[\p{L}]+)*/gu) ?? []
  if (words.length > MAX_WORDS) throw tooLong(`${words.length} words`)
  return words
}

function tooLong(found: string): TextRefused {
  return new TextRefused(`a text of ${found} was not read`, {
    remedy: `Send one wish at a time: at most ${MAX_WORDS} words.`,
  })
}
