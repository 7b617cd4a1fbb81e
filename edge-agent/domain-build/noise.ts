/** What speakers and recognisers do to a sentence; and words in an order that nobody would say. */
import { COMMON_WORDS } from './common-words.ts'
import type { Random } from './random.ts'
import { synonymsOf } from './synonyms.ts'

/** What people put around a wish. */
const BEFORE = [
  'could you',
  'can you please',
  'would you',
  'i would like to',
  'i want to',
  'i need to',
  'i need you to',
  'can we',
  'let us',
  'is it possible to',
  'i would like you to',
  'please could you',
  'i am calling to',
  'hi',
  'hello i want to',
]
const AFTER = [
  'please',
  'for me',
  'right now',
  'now please',
  'thank you',
  'if you can',
  'today',
  'when you can',
]
const FILLERS = ['um', 'uh', 'so', 'well', 'okay', 'just', 'now', 'then', 'maybe', 'like', 'actually', 'hey']

/** What speakers and recognisers do to a sentence: another frame, only its own words, one lost, doubled, moved or added. */
export function noisy(words: readonly string[], random: Random): readonly string[] {
  const at = random.below(words.length)
  switch (random.below(8)) {
    case 0:
      return words.length > 2 ? words.toSpliced(at, 1) : words
    case 1:
      return words.toSpliced(at, 0, random.pick(FILLERS) ?? 'um')
    case 2:
      return words.toSpliced(at, 0, words[at] ?? '')
    case 3:
      return words.length > 2 && at + 1 < words.length
        ? words.toSpliced(at, 2, words[at + 1] ?? '', words[at] ?? '')
        : words
    case 4:
      return [...(random.pick(BEFORE) ?? '').split(' '), ...words]
    case 5:
      return [...words, ...(random.pick(AFTER) ?? '').split(' ')]
    case 6:
      return ownWords(words)
    default:
      return words
  }
}

/** Some words said otherwise. */
export function otherWords(words: readonly string[], random: Random): readonly string[] {
  return words.flatMap((word) => {
    const others = synonymsOf(word)
    return others.length > 0 && random.next() < 0.5 ? (random.pick(others) ?? [word]) : [word]
  })
}

/** The sentence's own words among common ones: how people wrap a wish, nobody can foresee. */
export function carried(words: readonly string[], random: Random): readonly string[] {
  const common = [...COMMON_WORDS]
  const some = (most: number): readonly string[] =>
    Array.from({ length: random.below(most + 1) }, () => random.pick(common) ?? '')
  return [...some(4), ...ownWords(words).flatMap((word) => [word, ...some(1)]), ...some(3)]
}

/** "large latte" of "can i have a large latte". */
function ownWords(words: readonly string[]): readonly string[] {
  const own = words.filter((word) => !COMMON_WORDS.has(word))
  return own.length === 0 ? words : own
}

/** Words of a vocabulary as nobody would say them: they want nothing. */
export function salad(
  vocabulary: readonly string[],
  count: number,
  random: Random,
): readonly (readonly string[])[] {
  return Array.from({ length: count }, () =>
    Array.from({ length: 4 + random.below(6) }, () => random.pick(vocabulary) ?? ''),
  )
}
