/**
 * How likely a word is after two others: a trigram model with back-off, read from a packed file into typed arrays. Figures are
 * natural logs in eighths.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { ModelRefused } from './errors.ts'

/** First bytes of the file. */
const LANGUAGE_FORMAT = 'starling-trigrams-1'
const STEPS_A_NAT = 8
/** Log of what all words that the model has not seen share, spread over a lexicon of 100,000. */
const UNSEEN = -14
/** Stands for the beginning of a sentence, and for its end. */
export const BOUNDARY = 0
/** A word that the model does not know. */
export const UNKNOWN = -1

export interface LanguageTables {
  /** The first is the boundary. */
  readonly words: readonly string[]
  readonly unigramLog: readonly number[]
  readonly unigramBack: readonly number[]
  /** Bigrams of word w: [firstBigram[w], firstBigram[w+1]), in order of their second words. */
  readonly firstBigram: ArrayLike<number>
  readonly bigramWord: readonly number[]
  readonly bigramLog: readonly number[]
  readonly bigramBack: readonly number[]
  readonly firstTrigram: ArrayLike<number>
  readonly trigramWord: readonly number[]
  readonly trigramLog: readonly number[]
}

export class LanguageModel {
  readonly words: readonly string[]
  readonly #ids: ReadonlyMap<string, number>
  readonly #unigramLog: Uint8Array
  readonly #unigramBack: Uint8Array
  readonly #firstBigram: Uint32Array
  readonly #bigramWord: Uint16Array
  readonly #bigramLog: Uint8Array
  readonly #bigramBack: Uint8Array
  readonly #firstTrigram: Uint32Array
  readonly #trigramWord: Uint16Array
  readonly #trigramLog: Uint8Array

  /** Throws {@link ModelRefused} when the file is not such a model. */
  constructor(packed: Uint8Array) {
    const bytes = unpacked(packed)
    const text = new TextDecoder()
    const headerEnd = bytes.indexOf(10)
    const [format, words = '0', bigrams = '0', trigrams = '0', wordBytes = '0'] = text
      .decode(bytes.subarray(0, headerEnd))
      .split(' ')
    if (format !== LANGUAGE_FORMAT) throw refused('it does not begin as one')
    let at = headerEnd + 1
    const take = (size: number): ArrayBuffer => {
      if (at + size > bytes.length) throw refused('it ends early')
      at += size
      // A copy: what zlib gives may lie anywhere in a larger buffer.
      return new Uint8Array(bytes.subarray(at - size, at)).buffer
    }
    this.words = text.decode(take(Number(wordBytes))).split('\n')
    if (this.words.length !== Number(words)) throw refused('it holds another number of words')
    this.#ids = new Map(this.words.map((word, id) => [word, id]))
    const [w, b, t] = [Number(words), Number(bigrams), Number(trigrams)]
    this.#unigramLog = new Uint8Array(take(w))
    this.#unigramBack = new Uint8Array(take(w))
    this.#firstBigram = new Uint32Array(take(4 * (w + 1)))
    this.#bigramWord = new Uint16Array(take(2 * b))
    this.#bigramLog = new Uint8Array(take(b))
    this.#bigramBack = new Uint8Array(take(b))
    this.#firstTrigram = new Uint32Array(take(4 * (b + 1)))
    this.#trigramWord = new Uint16Array(take(2 * t))
    this.#trigramLog = new Uint8Array(take(t))
  }

  /** The number of a word, {@link UNKNOWN} when it was never seen. */
  idOf(word: string): number {
    return this.#ids.get(word) ?? UNKNOWN
  }

  /** Natural log of the probability of a word without what came before. */
  unigram(word: number): number {
    return word < 0 ? UNSEEN : -(this.#unigramLog[word] as number) / STEPS_A_NAT
  }

  /** The number of `before last` as what comes before a word, the newer one last; -1 when the model does not know the two together. */
  pair(before: number, last: number): number {
    return before < 0 || last < 0 ? -1 : this.#bigram(before, last)
  }

  /** Natural log of the probability of `word` after `before last`, the newer one last. */
  score(before: number, last: number, word: number): number {
    return this.after(this.pair(before, last), last, word)
  }

  /** The same, where the number of the two words is known. */
  after(history: number, last: number, word: number): number {
    if (last < 0) return this.unigram(word)
    if (word >= 0 && history >= 0) {
      const at = find(
        this.#trigramWord,
        word,
        this.#firstTrigram[history] as number,
        this.#firstTrigram[history + 1] as number,
      )
      if (at >= 0) return -(this.#trigramLog[at] as number) / STEPS_A_NAT
    }
    const back = history < 0 ? 0 : signed(this.#bigramBack[history] as number)
    const pair = word < 0 ? -1 : this.#bigram(last, word)
    if (pair >= 0) return back - (this.#bigramLog[pair] as number) / STEPS_A_NAT
    return back + signed(this.#unigramBack[last] as number) + this.unigram(word)
  }

  /** Every gram that it lists: a word after another (then `before` is {@link UNKNOWN}) or after two, the newer one last. */
  *grams(): Generator<{ readonly before: number; readonly last: number; readonly word: number }> {
    for (let first = 0; first < this.words.length; first++)
      for (let b = this.#firstBigram[first] as number; b < (this.#firstBigram[first + 1] as number); b++) {
        const second = this.#bigramWord[b] as number
        yield { before: UNKNOWN, last: first, word: second }
        for (let t = this.#firstTrigram[b] as number; t < (this.#firstTrigram[b + 1] as number); t++)
          yield { before: first, last: second, word: this.#trigramWord[t] as number }
      }
  }

  #bigram(last: number, word: number): number {
    return find(
      this.#bigramWord,
      word,
      this.#firstBigram[last] as number,
      this.#firstBigram[last + 1] as number,
    )
  }
}

/** Where `word` stands between `low` and `high` of a sorted list, -1 when it does not. */
function find(list: Uint16Array, word: number, low: number, high: number): number {
  let from = low
  let to = high
  while (from < to) {
    const middle = (from + to) >> 1
    if ((list[middle] as number) < word) from = middle + 1
    else to = middle
  }
  return from < high && list[from] === word ? from : -1
}

/** Back-off weights may be a little above 1: they are kept with an offset. */
const BACK_OFFSET = 64

function signed(step: number): number {
  return (BACK_OFFSET - step) / STEPS_A_NAT
}

/** The packed file of some tables. */
export function packLanguage(tables: LanguageTables): Uint8Array {
  const words = Buffer.from(tables.words.join('\n'))
  const header = `${LANGUAGE_FORMAT} ${tables.words.length} ${tables.bigramWord.length} ${tables.trigramWord.length} ${words.length}\n`
  const logs = (list: readonly number[]): Uint8Array =>
    Uint8Array.from(list, (log) => Math.max(0, Math.min(255, Math.round(-log * STEPS_A_NAT))))
  const backs = (list: readonly number[]): Uint8Array =>
    Uint8Array.from(list, (log) => Math.max(0, Math.min(255, BACK_OFFSET - Math.round(log * STEPS_A_NAT))))
  const bytes = (list: Uint32Array | Uint16Array): Uint8Array =>
    new Uint8Array(list.buffer, list.byteOffset, list.byteLength)
  const all = Buffer.concat([
    Buffer.from(header),
    words,
    logs(tables.unigramLog),
    backs(tables.unigramBack),
    bytes(Uint32Array.from(tables.firstBigram)),
    bytes(Uint16Array.from(tables.bigramWord)),
    logs(tables.bigramLog),
    backs(tables.bigramBack),
    bytes(Uint32Array.from(tables.firstTrigram)),
    bytes(Uint16Array.from(tables.trigramWord)),
    logs(tables.trigramLog),
  ])
  return brotliCompressSync(all, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } })
}

function unpacked(packed: Uint8Array): Uint8Array {
  try {
    return brotliDecompressSync(packed)
  } catch (cause) {
    throw refused('it cannot be unpacked', cause)
  }
}

function refused(why: string, cause?: unknown): ModelRefused {
  return new ModelRefused(`the language model is damaged: ${why}`, {
    remedy: 'Install the speech model again.',
    ...(cause === undefined ? {} : { cause }),
  })
}
