/** How far guessed sounds are from those that the lexicon lists. */
import type { ListedWord } from './words.ts'

export interface SoundErrors {
  readonly words: number
  /** Of the first guess, against the nearest way that is listed: phones wrong, missing or too many, a phone of the listed. */
  readonly phoneError: number
  /** Share of words of which the first guess is none of the ways that are listed. */
  readonly wordError: number
  /** Share of words of which no guess is. */
  readonly anyGuessError: number
  readonly guessesPerWord: number
}

export function errorsOf(
  words: readonly ListedWord[],
  guess: (word: string) => readonly string[],
): SoundErrors {
  let [wrong, phones, firstWrong, allWrong, guesses] = [0, 0, 0, 0, 0]
  for (const { word, says } of words) {
    const guessed = guess(word)
    guesses += guessed.length
    const first = guessed[0]?.split(' ') ?? []
    const nearest = says
      .map((way) => ({ length: way.split(' ').length, edits: editsBetween(first, way.split(' ')) }))
      .reduce((a, b) => (b.edits / b.length < a.edits / a.length ? b : a))
    wrong += nearest.edits
    phones += nearest.length
    if (nearest.edits > 0) firstWrong += 1
    if (!guessed.some((way) => says.includes(way))) allWrong += 1
  }
  const round = (value: number): number => Math.round(value * 10_000) / 10_000
  return {
    words: words.length,
    phoneError: round(wrong / phones),
    wordError: round(firstWrong / words.length),
    anyGuessError: round(allWrong / words.length),
    guessesPerWord: round(guesses / words.length),
  }
}

/** Levenshtein's distance. */
function editsBetween(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, left] of a.entries()) {
    const next = [i + 1]
    for (const [j, right] of b.entries())
      next.push(Math.min((row[j] ?? 0) + (left === right ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    row = next
  }
  return row[b.length] ?? 0
}
