/**
 * A text as the classifier sees it: hashed counts of its words, word pairs and letter triples, of length one. Names and numbers
 * are tokens in `< >` (see delexicalise.ts). `train.py` does the same; golden vectors hold them together.
 */
export const BUCKETS = 4_096

const PAIR_WEIGHT = 1
const LETTERS_WEIGHT = 0.4

export function featuresOf(words: readonly string[]): Float32Array {
  const features = new Float32Array(BUCKETS)
  const tokens = ['<s>', ...words, '</s>']
  for (const token of tokens.slice(1, -1)) {
    add(features, `w ${token}`, 1)
    if (token.startsWith('<')) continue
    const letters = `#${token}#`
    for (let at = 0; at + 3 <= letters.length; at += 1)
      add(features, `c ${letters.slice(at, at + 3)}`, LETTERS_WEIGHT)
  }
  for (let at = 0; at + 1 < tokens.length; at += 1)
    add(features, `p ${tokens[at]} ${tokens[at + 1]}`, PAIR_WEIGHT)
  const norm = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0))
  return norm === 0 ? features : features.map((value) => value / norm)
}

function add(features: Float32Array, name: string, weight: number): void {
  const bucket = fnv1a(name) % BUCKETS
  features[bucket] = (features[bucket] ?? 0) + weight
}

/** FNV-1a, 32 bits, over UTF-8. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
