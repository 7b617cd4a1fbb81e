/**
 * A text as the classifier sees it: hashed counts of its words, word pairs with and without a word between, and runs of letters
 * within words, of length one. Names and numbers are tokens in `< >` (see delexicalise.ts), and have no letters.
 */
/** Of a model whose card names no other: a domain's own sentences have not so many features that more would tell them apart. */
export const USUAL_BUCKETS = 8_192

/** Indexes of the features that are not zero, from small to large, and their values. */
export interface SparseFeatures {
  readonly index: Int32Array
  readonly value: Float32Array
}

const PAIR_WEIGHT = 1
const APART_WEIGHT = 0.5
const LETTERS_WEIGHT = 0.4
const LETTER_RUNS = [3, 4] as const

/** `buckets` is what the model was made for: the rows of its first layer. */
export function featuresOf(words: readonly string[], buckets: number): SparseFeatures {
  const counts = new Map<number, number>()
  const add = (name: string, weight: number): void => {
    const bucket = fnv1a(name) % buckets
    counts.set(bucket, (counts.get(bucket) ?? 0) + weight)
  }
  const tokens = ['<s>', ...words, '</s>']
  for (const [at, token] of tokens.entries()) {
    const [next, second] = [tokens[at + 1], tokens[at + 2]]
    if (next !== undefined) add(`p ${token} ${next}`, PAIR_WEIGHT)
    if (second !== undefined) add(`a ${token} ${second}`, APART_WEIGHT)
    if (at === 0 || next === undefined) continue
    add(`w ${token}`, 1)
    if (token.startsWith('<')) continue
    const letters = `#${token}#`
    for (const run of LETTER_RUNS)
      for (let from = 0; from + run <= letters.length; from += 1)
        add(`c ${letters.slice(from, from + run)}`, LETTERS_WEIGHT)
  }
  const index = Int32Array.from(counts.keys()).sort()
  const value = Float32Array.from(index, (bucket) => counts.get(bucket) ?? 0)
  const norm = Math.sqrt(value.reduce((sum, weight) => sum + weight * weight, 0))
  return { index, value: norm === 0 ? value : value.map((weight) => weight / norm) }
}

const UTF8 = new TextEncoder()
const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193
const LAST_ASCII = 0x7f

/** FNV-1a, 32 bits, over UTF-8. */
function fnv1a(text: string): number {
  let hash = FNV_START
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    // Nearly all text is ASCII, whose bytes are its codes; an encoder a feature costs more than all the rest.
    if (code > LAST_ASCII) return hashOfBytes(UTF8.encode(text))
    hash = Math.imul(hash ^ code, FNV_PRIME)
  }
  return hash >>> 0
}

function hashOfBytes(bytes: Uint8Array): number {
  let hash = FNV_START
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash >>> 0
}
