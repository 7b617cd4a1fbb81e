/** Which phones a word is made of; several variants a word. */
import { brotliDecompressSync } from 'node:zlib'
import { LetterSounds } from './letter-sounds.ts'

export type Pronunciation = readonly number[]

/** Extra words: each pronunciation a string of phones ("P AH1 M P" or "P AH M P"). */
export type ExtraPronunciations = Readonly<Record<string, readonly string[]>>

/** As they lie in a model's folder. */
export interface LexiconFiles {
  /** Text of `word PH PH` lines, sorted by word in code-unit order or not, packed with brotli. */
  readonly lexicon: Uint8Array
  /** The letter-to-sound model. */
  readonly letters: Uint8Array
}

export class Lexicon {
  readonly #text: string
  readonly #phoneOf: ReadonlyMap<string, number>
  readonly #offsets: Int32Array
  readonly #letters: Uint8Array
  /** Read when the first word is met that is not listed: most grammars have none. */
  #sounds: LetterSounds | null = null

  constructor({ lexicon, letters }: LexiconFiles, phoneNames: readonly string[]) {
    this.#letters = letters
    this.#text = brotliDecompressSync(lexicon).toString('latin1')
    this.#phoneOf = new Map(phoneNames.map((name, index) => [name, index]))
    const lines = [0]
    for (
      let at = this.#text.indexOf('\n');
      at >= 0 && at + 1 < this.#text.length;
      at = this.#text.indexOf('\n', at + 1)
    )
      lines.push(at + 1)
    this.#offsets = Int32Array.from(lines.sort((a, b) => (this.#key(a) < this.#key(b) ? -1 : 1)))
  }

  get size(): number {
    return this.#offsets.length
  }

  /** The variants of a lower-case word, none when it is unknown. */
  lookup(word: string): Pronunciation[] {
    let low = 0
    let high = this.#offsets.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#key(this.#offsets[middle] ?? 0) < word) low = middle + 1
      else high = middle
    }
    const found: Pronunciation[] = []
    for (let i = low; i < this.#offsets.length; i++) {
      const offset = this.#offsets[i] ?? 0
      if (this.#key(offset) !== word) break
      const end = this.#text.indexOf('\n', offset)
      found.push(this.parse(this.#text.slice(offset + word.length + 1, end)) ?? [])
    }
    return found
  }

  /** How letters that are no listed word may be said, likeliest first. Throws ModelRefused for a damaged model. */
  guess(letters: string): Pronunciation[] {
    this.#sounds ??= new LetterSounds(this.#letters)
    return this.#sounds.guess(letters).flatMap(({ phones }) => {
      const parsed = this.parse(phones)
      return parsed === undefined ? [] : [parsed]
    })
  }

  /** Every word, in order. */
  *words(): Generator<string> {
    let last = ''
    for (const offset of this.#offsets) {
      const word = this.#key(offset)
      if (word !== last) yield word
      last = word
    }
  }

  /** Phone indices of "P AH1 M P" (stress digits are dropped); undefined when a phone is unknown. */
  parse(phones: string): Pronunciation | undefined {
    const out: number[] = []
    for (const name of phones.trim().split(/\s+/)) {
      // As the lexicon itself writes nearly all of them.
      const phone = this.#phoneOf.get(name) ?? this.#phoneOf.get(name.toUpperCase().replace(/\d$/, ''))
      if (phone === undefined) return undefined
      out.push(phone)
    }
    return out
  }

  #key(offset: number): string {
    return this.#text.slice(offset, this.#text.indexOf(' ', offset))
  }
}
