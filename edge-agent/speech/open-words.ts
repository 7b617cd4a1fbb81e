/** What a word of the open vocabulary costs where it stands: the language model after the two words before it. */
import { BOUNDARY, type LanguageModel } from './language-model.ts'
import type { SearchNetwork } from './search-network.ts'
import type { Tuning } from './tuning.ts'
import type { WordHistory } from './word-history.ts'

/** Weighted log of a word without what came before: what the word tree looks ahead with. */
export function openWeight(language: LanguageModel, id: number, open: Tuning['open']): number {
  return open.language * language.unigram(id) + open.word
}

/** Two words that another may follow, the newer one last, as the language model numbers them. */
export interface Standing {
  readonly last: number
  /** Of the two together. */
  readonly pair: number
}

export class OpenWords {
  readonly #language: LanguageModel
  readonly #ids: Int32Array
  readonly #open: Tuning['open']

  constructor(language: LanguageModel, net: SearchNetwork, open: Tuning['open']) {
    this.#language = language
    this.#ids = net.wordLanguage
    this.#open = open
  }

  /** Where a word stands that comes after `record`. */
  after(history: WordHistory, record: number): Standing {
    const last = history.lastWord(record)
    const before = last < 0 ? -1 : history.lastWord(history.before(last))
    const lastId = last < 0 ? BOUNDARY : (this.#ids[history.word(last)] as number)
    const beforeId = before < 0 ? BOUNDARY : (this.#ids[history.word(before)] as number)
    return { last: lastId, pair: this.#language.pair(beforeId, lastId) }
  }

  /** Nats. */
  score({ pair, last }: Standing, word: number): number {
    const log = this.#language.after(pair, last, this.#ids[word] as number)
    return this.#open.language * log + this.#open.word
  }

  /** Nats that nothing more is said. */
  end({ pair, last }: Standing): number {
    return this.#open.language * this.#language.after(pair, last, BOUNDARY)
  }
}
