/** What a word of the open vocabulary costs where it stands: the language model after the two words before it. */
import { BOUNDARY, UNKNOWN, type LanguageModel } from './language-model.ts'
import type { SearchNetwork } from './search-network.ts'
import type { Tuning } from './tuning.ts'
import type { WordHistory } from './word-history.ts'

/** Weighted log of a word without what came before: what the word tree looks ahead with. */
export function openWeight(language: LanguageModel, id: number, open: Tuning['open']): number {
  return open.language * language.unigram(id) + open.word
}

export class OpenWords {
  readonly #language: LanguageModel
  readonly #ids: Int32Array
  readonly #open: Tuning['open']
  #before = UNKNOWN
  #last = UNKNOWN
  /** The two as the language model numbers them. */
  #pair = UNKNOWN

  constructor(language: LanguageModel, net: SearchNetwork, open: Tuning['open']) {
    this.#language = language
    this.#ids = net.wordLanguage
    this.#open = open
  }

  /** The words that are scored next come after those of `record`. */
  after(history: WordHistory, record: number): void {
    const last = history.lastWord(record)
    const before = last < 0 ? -1 : history.lastWord(history.before(last))
    const lastId = last < 0 ? BOUNDARY : (this.#ids[history.word(last)] as number)
    const beforeId = before < 0 ? BOUNDARY : (this.#ids[history.word(before)] as number)
    if (lastId === this.#last && beforeId === this.#before) return
    this.#last = lastId
    this.#before = beforeId
    this.#pair = this.#language.pair(beforeId, lastId)
  }

  /** No word is better than this (nats). */
  get most(): number {
    return Math.max(0, this.#open.word)
  }

  /** Nats. */
  score(word: number): number {
    const log = this.#language.after(this.#pair, this.#last, this.#ids[word] as number)
    return this.#open.language * log + this.#open.word
  }
}
