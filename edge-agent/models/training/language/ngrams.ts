/**
 * A trigram model with back-off by interpolated absolute discounting, small enough to ship: rare grams are dropped, figures
 * are kept in eighths of a nat.
 */
import { packLanguage, type LanguageTables } from '../../../speech/language-model.ts'

const DISCOUNT = 0.75
/** Word 0 begins and ends a sentence. */
const BOUNDARY = 0

export interface Weighted {
  readonly words: readonly string[]
  readonly weight: number
}

export interface NgramOptions {
  /** Words seen less often are left out: they count as unknown. */
  readonly leastWord: number
  readonly leastBigram: number
  readonly leastTrigram: number
}

type Counts = Map<number, number>

export class NgramCounts {
  readonly #vocabulary = new Map<string, number>()
  readonly #words: string[] = ['<s>']
  readonly #unigrams = new Map<number, number>()
  readonly #bigrams = new Map<number, Counts>()
  readonly #trigrams = new Map<number, Counts>()

  /** `sentences` are gone through twice: words first. An empty word is one that nobody can say. */
  constructor(sentences: readonly Weighted[], leastWord: number) {
    const seen = new Map<string, number>()
    for (const { words, weight } of sentences)
      for (const word of words) seen.set(word, (seen.get(word) ?? 0) + weight)
    for (const [word, count] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (count >= leastWord && word !== '') {
        this.#vocabulary.set(word, this.#words.length)
        this.#words.push(word)
      }
    if (this.#words.length > 65_535) throw new RangeError(`${this.#words.length} words are too many for 16 bits`)
    for (const sentence of sentences) this.#count(sentence)
  }

  #count({ words, weight }: Weighted): void {
    let [before, last]: [number, number] = [BOUNDARY, BOUNDARY]
    let known = 1
    for (const word of [...words, null]) {
      const id = word === null ? BOUNDARY : this.#vocabulary.get(word)
      if (id === undefined) {
        known = 0
        continue
      }
      this.#unigrams.set(id, (this.#unigrams.get(id) ?? 0) + weight)
      if (known >= 1) add(this.#bigrams, last, id, weight)
      if (known >= 2) add(this.#trigrams, last + before * 65_536, id, weight)
      before = last
      last = id
      known++
    }
  }

  tables({ leastBigram, leastTrigram }: NgramOptions): LanguageTables {
    const size = this.#words.length
    const unigram = this.#unigramLogs()
    const firstBigram = new Uint32Array(size + 1)
    const bigramWord: number[] = []
    const bigramLog: number[] = []
    const bigramBack: number[] = []
    const firstTrigram: number[] = [0]
    const trigramWord: number[] = []
    const trigramLog: number[] = []
    const unigramBack: number[] = []
    for (let last = 0; last < size; last++) {
      const row = discounted(this.#bigrams.get(last), leastBigram, (word) => unigram[word] ?? -20)
      unigramBack.push(row.back)
      for (const [word, log] of row.logs) {
        bigramWord.push(word)
        bigramLog.push(log)
        const after = this.#bigramRow(word, unigram)
        const deeper = discounted(this.#trigrams.get(word + last * 65_536), leastTrigram, (next) =>
          after.get(next) ?? -20,
        )
        bigramBack.push(deeper.back)
        for (const [next, trigram] of deeper.logs) {
          trigramWord.push(next)
          trigramLog.push(trigram)
        }
        firstTrigram.push(trigramWord.length)
      }
      firstBigram[last + 1] = bigramWord.length
    }
    return {
      words: this.#words,
      unigramLog: unigram,
      unigramBack,
      firstBigram,
      bigramWord,
      bigramLog,
      bigramBack,
      firstTrigram,
      trigramWord,
      trigramLog,
    }
  }

  #unigramLogs(): number[] {
    const total = [...this.#unigrams.values()].reduce((sum, count) => sum + count, 0)
    return this.#words.map((_, id) => Math.log(Math.max(0.5, this.#unigrams.get(id) ?? 0) / total))
  }

  #bigramRow(last: number, unigram: readonly number[]): ReadonlyMap<number, number> {
    const counts = this.#bigrams.get(last) ?? new Map<number, number>()
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    const back = total === 0 ? 1 : (DISCOUNT * counts.size) / total
    return new Map(
      [...counts].map(([word, count]) => [
        word,
        Math.log(Math.max(0, count - DISCOUNT) / total + back * Math.exp(unigram[word] ?? -20)),
      ]),
    )
  }
}

/** The grams of one history that are kept, in order of words, and the log of what is left for the shorter history. */
function discounted(
  counts: Counts | undefined,
  least: number,
  shorter: (word: number) => number,
): { logs: [number, number][]; back: number } {
  if (counts === undefined) return { logs: [], back: 0 }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const free = (DISCOUNT * counts.size) / total
  const logs: [number, number][] = []
  let kept = 0
  let covered = 0
  for (const [word, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (count < least) continue
    const p = Math.max(0, count - DISCOUNT) / total + free * Math.exp(shorter(word))
    logs.push([word, Math.log(p)])
    kept += p
    covered += Math.exp(shorter(word))
  }
  return { logs, back: Math.log(Math.max(1e-6, 1 - kept) / Math.max(1e-6, 1 - covered)) }
}

function add(counts: Map<number, Counts>, history: number, word: number, weight: number): void {
  const row = counts.get(history) ?? new Map<number, number>()
  counts.set(history, row)
  row.set(word, (row.get(word) ?? 0) + weight)
}

/** The model as the file that ships. */
export function languageFile(sentences: readonly Weighted[], options: NgramOptions): Uint8Array {
  return packLanguage(new NgramCounts(sentences, options.leastWord).tables(options))
}

