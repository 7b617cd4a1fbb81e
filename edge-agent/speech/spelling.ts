/** How words that no lexicon lists may sound, by their spelling: a name that is roughly heard beats a refusal. */
import type { Lexicon, Pronunciation } from './lexicon.ts'

/** What has no vowel is an abbreviation up to so many letters: "plc". */
const MAX_SPELLED_OUT = 6

/** Likeliest first; none for what has no letters. Words with a hyphen are read in parts. */
export function spell(word: string, lexicon: Lexicon): Pronunciation[] {
  const parts = word.split(/[-_./\s]+/).filter((part) => part !== '')
  if (parts.length > 1) {
    const known = parts.map((part) => lexicon.lookup(part)[0] ?? spell(part, lexicon)[0])
    return known.every((part) => part !== undefined) ? [known.flat()] : []
  }
  const letters = word
    .toLowerCase()
    .normalize('NFD')
    .replace(/[^a-z]/g, '')
  if (letters.length <= MAX_SPELLED_OUT && !/[aeiouy]/.test(letters)) return spelledOut(letters, lexicon)
  return lexicon.guess(letters)
}

function spelledOut(letters: string, lexicon: Lexicon): Pronunciation[] {
  const names = Array.from(letters, (letter) => lexicon.lookup(letter)[0])
  return names.length > 0 && names.every((name) => name !== undefined) ? [names.flat()] : []
}
