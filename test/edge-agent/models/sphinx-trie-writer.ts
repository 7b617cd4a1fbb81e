/** A small trigram model in Sphinx's binary trie format, so that reading it needs nobody's package. */

interface SmallModel {
  /** In order. */
  readonly words: readonly string[]
  readonly unigrams: readonly { readonly log: number; readonly back: number }[]
  /** In order of their second words and then their first. */
  readonly bigrams: readonly {
    readonly words: readonly [number, number]
    readonly log: number
    readonly back: number
  }[]
  /** In order of the bigram of their last two words and then their first. */
  readonly trigrams: readonly { readonly words: readonly [number, number, number]; readonly log: number }[]
}

/** Natural logs. */
export const SMALL_MODEL: SmallModel = {
  words: ['</s>', '<s>', 'dry', 'is', 'pump', 'the'],
  unigrams: [
    { log: -1.8, back: 0 },
    { log: -20, back: -0.9 },
    { log: -2.2, back: -0.4 },
    { log: -2, back: -0.6 },
    { log: -1.6, back: -0.7 },
    { log: -1.3, back: -0.8 },
  ],
  bigrams: [
    { words: [2, 0], log: -0.4, back: 0 },
    { words: [3, 2], log: -0.7, back: -0.1 },
    { words: [4, 3], log: -0.6, back: -0.5 },
    { words: [5, 4], log: -0.8, back: -0.3 },
    { words: [1, 5], log: -0.5, back: -0.2 },
  ],
  trigrams: [
    { words: [4, 3, 2], log: -0.2 },
    { words: [5, 4, 3], log: -0.3 },
    { words: [1, 5, 4], log: -0.4 },
  ],
}

const TABLE = 1 << 16
const CODE_BITS = 16
const ORDER = 3
const SLACK_BYTES = 8
const BASE = Math.log(1.0001)

export function sphinxTrie(model: SmallModel): Uint8Array {
  const { words, unigrams, bigrams, trigrams } = model
  const firstAfter = (list: readonly { readonly under: number }[], group: number): number =>
    list.filter(({ under }) => under < group).length
  const pairs = bigrams.map(({ words: [, second] }) => ({ under: second }))
  const triples = trigrams.map(({ words: [, b, c] }) => ({
    under: bigrams.findIndex(({ words: [first, second] }) => first === b && second === c),
  }))
  const numbers = (values: readonly number[], of: 'float' | 'uint'): Buffer => {
    const out = Buffer.alloc(4 * values.length)
    values.forEach((value, at) =>
      of === 'float' ? out.writeFloatLE(value, 4 * at) : out.writeUInt32LE(value, 4 * at),
    )
    return out
  }
  const table = (logs: readonly number[]): Buffer =>
    numbers(
      Array.from({ length: TABLE }, (_, code) => (logs[code] ?? 0) / BASE),
      'float',
    )
  const unigramRows = [...unigrams, { log: 0, back: 0 }].map(({ log, back }, word) =>
    Buffer.concat([numbers([log / BASE, back / BASE], 'float'), numbers([firstAfter(pairs, word)], 'uint')]),
  )
  const wordBits = bitsFor(words.length)
  const pairRows = [...bigrams, { words: [0, 0] as const }].map(({ words: [first] }, at) => [
    [first, wordBits] as const,
    [at, CODE_BITS] as const,
    [at, CODE_BITS] as const,
    [firstAfter(triples, at), bitsFor(trigrams.length)] as const,
  ])
  const tripleRows = [...trigrams, { words: [0, 0, 0] as const }].map(({ words: [first] }, at) => [
    [first, wordBits] as const,
    [at, CODE_BITS] as const,
  ])
  const text = Buffer.from(`${words.join('\0')}\0`)
  return Buffer.concat([
    Buffer.from('Trie Language Model'),
    Buffer.from([ORDER]),
    numbers([words.length, bigrams.length, trigrams.length, 0], 'uint'),
    table(bigrams.map(({ log }) => log)),
    table(bigrams.map(({ back }) => back)),
    table(trigrams.map(({ log }) => log)),
    ...unigramRows,
    packed(pairRows.flat()),
    packed(tripleRows.flat()),
    numbers([text.length], 'uint'),
    text,
  ])
}

/** Values of so many bits each, the lowest first, with room behind them. */
function packed(values: readonly (readonly [value: number, bits: number])[]): Buffer {
  const bits = values.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, at) => (value >>> at) & 1),
  )
  const out = Buffer.alloc(Math.floor((bits.length + 7) / 8) + SLACK_BYTES)
  bits.forEach((bit, at) => (out[at >> 3] = (out[at >> 3] ?? 0) | (bit << (at & 7))))
  return out
}

function bitsFor(most: number): number {
  return most === 0 ? 0 : 32 - Math.clz32(most)
}
