/**
 * Reads a trigram model in CMU Sphinx's binary trie format (`en-us.lm.bin` of Debian's pocketsphinx-en-us): unigrams as structs,
 * bigrams and trigrams in packed bits below them with the words in reverse order, probabilities by 16-bit tables.
 */

const MAGIC = 'Trie Language Model'
const ORDER = 3
const TABLE = 1 << 16
const UNIGRAM_BYTES = 12
/** Room behind each packed array, for reads that reach over its end. */
const SLACK_BYTES = 8
const CODE_BITS = 16

/** Natural logs. Bigrams are in order of their second words, trigrams below the bigram of their second and third words. */
export interface Trigrams {
  readonly words: readonly string[]
  readonly unigramLog: Float64Array
  readonly unigramBack: Float64Array
  readonly bigrams: {
    readonly first: Int32Array
    readonly second: Int32Array
    readonly log: Float64Array
    readonly back: Float64Array
  }
  readonly trigrams: {
    readonly first: Int32Array
    /** The bigram of its last two words. */
    readonly ending: Int32Array
    readonly log: Float64Array
  }
}

/** Throws RangeError when the bytes are no such model. */
export function readSphinxTrie(bytes: Uint8Array): Trigrams {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = new TextDecoder('latin1')
  if (text.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC || bytes[MAGIC.length] !== ORDER)
    throw new RangeError(`not a ${MAGIC} of order ${ORDER}`)
  let at = MAGIC.length + 1
  const [unigrams, bigrams, trigrams] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) as [number, number, number]
  // The counts, and a number that says nothing.
  at += 4 * ORDER + 4
  const table = (): Float32Array => {
    const values = Float32Array.from({ length: TABLE }, (_, code) => view.getFloat32(at + 4 * code, true))
    at += 4 * TABLE
    return values
  }
  const [bigramLogs, bigramBacks, trigramLogs] = [table(), table(), table()]
  const unigramAt = at
  at += UNIGRAM_BYTES * (unigrams + 1)
  const pairs = new Packed(bytes, at, { words: unigrams, count: bigrams, codes: 2, pointers: bitsFor(trigrams) })
  const triples = new Packed(bytes, pairs.end, { words: unigrams, count: trigrams, codes: 1, pointers: 0 })
  const words = text.decode(bytes.subarray(triples.end + 4)).split('\0').slice(0, unigrams)
  const below = (word: number): number => view.getUint32(unigramAt + UNIGRAM_BYTES * word + 8, true)
  const [second, ending] = [new Int32Array(bigrams), new Int32Array(trigrams)]
  for (let word = 0; word < unigrams; word++) second.fill(word, below(word), below(word + 1))
  for (let pair = 0; pair < bigrams; pair++) ending.fill(pair, pairs.pointer(pair), pairs.pointer(pair + 1))
  const unigram = (offset: number): Float64Array =>
    Float64Array.from({ length: unigrams }, (_, word) => natural(view.getFloat32(unigramAt + UNIGRAM_BYTES * word + offset, true)))
  return {
    words,
    unigramLog: unigram(0),
    unigramBack: unigram(4),
    bigrams: {
      first: Int32Array.from({ length: bigrams }, (_, pair) => pairs.word(pair)),
      second,
      log: Float64Array.from({ length: bigrams }, (_, pair) => natural(bigramLogs[pairs.code(pair, 1)] ?? 0)),
      back: Float64Array.from({ length: bigrams }, (_, pair) => natural(bigramBacks[pairs.code(pair, 0)] ?? 0)),
    },
    trigrams: {
      first: Int32Array.from({ length: trigrams }, (_, triple) => triples.word(triple)),
      ending,
      log: Float64Array.from({ length: trigrams }, (_, triple) => natural(trigramLogs[triples.code(triple, 0)] ?? 0)),
    },
  }
}

/** Of one order: a word, codes and a pointer to what is below, bit after bit. */
class Packed {
  readonly end: number
  readonly #view: DataView
  readonly #at: number
  readonly #wordBits: number
  readonly #codeBits: number
  readonly #pointerBits: number
  readonly #totalBits: number

  constructor(
    bytes: Uint8Array,
    at: number,
    o: { readonly words: number; readonly count: number; readonly codes: number; readonly pointers: number },
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = at
    this.#wordBits = bitsFor(o.words)
    this.#codeBits = CODE_BITS * o.codes
    this.#pointerBits = o.pointers
    this.#totalBits = this.#wordBits + this.#codeBits + o.pointers
    this.end = at + Math.floor(((1 + o.count) * this.#totalBits + 7) / 8) + SLACK_BYTES
    if (this.end > bytes.length) throw new RangeError('the model ends early')
  }

  word(entry: number): number {
    return this.#bits(entry * this.#totalBits, this.#wordBits)
  }

  code(entry: number, number: number): number {
    return this.#bits(entry * this.#totalBits + this.#wordBits + CODE_BITS * number, CODE_BITS)
  }

  pointer(entry: number): number {
    return this.#bits(entry * this.#totalBits + this.#wordBits + this.#codeBits, this.#pointerBits)
  }

  /** At most 25 of them. */
  #bits(from: number, count: number): number {
    return (this.#view.getUint32(this.#at + Math.floor(from / 8), true) >>> (from % 8)) & ((1 << count) - 1)
  }
}

function bitsFor(most: number): number {
  return most === 0 ? 0 : 32 - Math.clz32(most)
}

/** Sphinx counts in logs to the base 1.0001. */
function natural(log: number): number {
  return log * Math.log(1.0001)
}
