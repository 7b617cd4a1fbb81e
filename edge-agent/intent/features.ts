/**
 * A text as the classifier sees it: hashed counts of its words, word pairs with and without a word between, and runs of letters
 * within words, of length one. Names and numbers are tokens in `< >` (see delexicalise.ts), and have no letters.
 */
export const BUCKETS = 8_192

/** Indexes of the features that are not zero, from small to large, and their values. */
export interface SparseFeatures {
  readonly index: Int32Array
  readonly value: Float32Array
}

const PAIR_WEIGHT = 1
const APART_WEIGHT = 0.5
const LETTERS_WEIGHT = 0.4
const LETTER_RUNS = [3, 4] as const

export function featuresOf(words: readonly string[]): SparseFeatures {
  const counts = new Map<number, number>()
  const tokens = ['<s>', ...words, '</s>']
  for (const [at, token] of tokens.entries()) {
    const [next, second] = [tokens[at + 1], tokens[at + 2]]
    if (next !== undefined) add(counts, `p ${token} ${next}`, PAIR_WEIGHT)
    if (second !== undefined) add(counts, `a ${token} ${second}`, APART_WEIGHT)
    if (at === 0 || next === undefined) continue
    add(counts, `w ${token}`, 1)
    if (token.startsWith('<')) continue
    const letters = `#${token}#`
    for (const run of LETTER_RUNS)
      for (let from = 0; from + run <= letters.length; from += 1)
        add(counts, `c ${letters.slice(from, from + run)}`, LETTERS_WEIGHT)
  }
  const index = Int32Array.from(counts.keys()).sort()
  const value = Float32Array.from(index, (bucket) => counts.get(bucket) ?? 0)
  const norm = Math.sqrt(value.reduce((sum, weight) => sum + weight * weight, 0))
  return { index, value: norm === 0 ? value : value.map((weight) => weight / norm) }
}

function add(counts: Map<number, number>, name: string, weight: number): void {
  const bucket = fnv1a(name) % BUCKETS
  counts.set(bucket, (counts.get(bucket) ?? 0) + weight)
}

const UTF8 = new TextEncoder()

/** FNV-1a, 32 bits, over UTF-8. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of UTF8.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
