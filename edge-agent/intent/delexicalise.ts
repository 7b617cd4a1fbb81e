/**
 * A sentence without what differs from site to site: a known asset is `<asset>`, a known part `<part>`, a number `<number>`.
 * The classifier sees only this, so that it learns how people ask and not what one site is called.
 */
import { isNumberWord } from '../grammar/spoken-numbers.ts'
import type { SpokenNames } from './spoken-names.ts'

/** Where both have a name of the same length it is the part: a part is named in more kinds of sentences. */
const LISTS = ['asset', 'part'] as const

export function delexicalised(words: readonly string[], names: SpokenNames): readonly string[] {
  const tokens: string[] = []
  for (let at = 0; at < words.length;) {
    const name = longestName(words, at, names)
    const numberEnd = endOfNumber(words, at)
    if (name !== null && name.to >= numberEnd) {
      tokens.push(`<${name.list}>`)
      at = name.to
    } else if (numberEnd > at) {
      tokens.push('<number>')
      at = numberEnd
    } else {
      tokens.push(words[at] ?? '')
      at += 1
    }
  }
  return tokens
}

function longestName(
  words: readonly string[],
  at: number,
  names: SpokenNames,
): { readonly list: string; readonly to: number } | null {
  let longest: { list: string; to: number } | null = null
  for (const list of LISTS) {
    const found = names.at(list, words, at)
    if (found !== null && found.to >= (longest?.to ?? 0)) longest = { list, to: found.to }
  }
  return longest
}

/** "the next one" counts nothing. */
const ALONE_NO_NUMBER: ReadonlySet<string> = new Set([
  'one',
  'oh',
  'point',
  'double',
  'half',
  'minus',
  'negative',
])

function endOfNumber(words: readonly string[], from: number): number {
  let at = from
  while (isNumberWord(words[at] ?? '')) at += 1
  return at === from + 1 && ALONE_NO_NUMBER.has(words[from] ?? '') ? from : at
}
