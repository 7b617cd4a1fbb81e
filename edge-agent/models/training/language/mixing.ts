/** Several trigram models as one that foretells what they do by their shares (linear interpolation, worked out gram by gram). */
import { BOUNDARY, type LanguageModel, type LanguageTables, UNKNOWN } from '../../../speech/language-model.ts'
import { backedOff, type Gram, type Pair, put } from './backed-off.ts'

export interface Part {
  readonly model: LanguageModel
  /** Of all parts 1 together. */
  readonly share: number
}

/** More than any number of words. */
const WIDE = 1 << 17

export function mixed(parts: readonly Part[]): LanguageTables {
  const begin = parts[0]?.model.words[BOUNDARY] ?? ''
  const words = [begin, ...[...new Set(parts.flatMap(({ model }) => model.words.slice(1)))].toSorted()]
  const numberOf = new Map(words.map((word, id) => [word, id]))
  // Of each part: its number of a word here, and the number here of a word of its own.
  const mapped = parts.map(({ model, share }) => ({
    model,
    share,
    own: words.map((word, id) => (id === BOUNDARY ? BOUNDARY : model.idOf(word))),
    here: model.words.map((word, id) => (id === BOUNDARY ? BOUNDARY : (numberOf.get(word) ?? 0))),
  }))
  const log = (before: number, last: number, word: number): number => {
    let sum = 0
    for (const { model, share, own } of mapped) {
      const of = (id: number): number => (id < 0 ? UNKNOWN : (own[id] ?? UNKNOWN))
      if (of(word) !== UNKNOWN) sum += share * Math.exp(model.score(of(before), of(last), of(word)))
    }
    return Math.log(sum)
  }
  const pairs = new Map<number, number>()
  const rows = new Map<number, Pair[]>()
  const after = new Map<number, Gram[]>()
  const pairOf = (last: number, word: number): number => {
    const key = last * WIDE + word
    const known = pairs.get(key)
    if (known !== undefined) return known
    const pair = pairs.size
    pairs.set(key, pair)
    put(rows, last, { word, log: log(UNKNOWN, last, word), pair })
    return pair
  }
  const seen = new Set<number>()
  for (const { model, here } of mapped)
    for (const { before, last, word } of model.grams()) {
      const [a, b, c] = [before < 0 ? UNKNOWN : (here[before] ?? 0), here[last] ?? 0, here[word] ?? 0]
      if (a === UNKNOWN) {
        pairOf(b, c)
        continue
      }
      const pair = pairOf(a, b)
      const key = pair * WIDE + c
      if (seen.has(key)) continue
      seen.add(key)
      put(after, pair, { word: c, log: log(a, b, c) })
    }
  const unigram = Float64Array.from(words, (_, id) => log(UNKNOWN, UNKNOWN, id))
  return backedOff({ words, unigram, rows, after })
}
