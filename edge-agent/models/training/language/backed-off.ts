/** Trigrams as the tables that are packed: rows in order, and back-off weights by which probabilities add up to one. */
import type { LanguageTables } from '../../../speech/language-model.ts'

export interface Gram {
  readonly word: number
  /** Natural log of its probability. */
  readonly log: number
}

export interface Pair extends Gram {
  /** Of the two words together: what comes after them is listed by it. */
  readonly pair: number
}

/** `rows` are the grams after one word, `after` those after a pair. */
export function backedOff(o: {
  readonly words: readonly string[]
  readonly unigram: Float64Array
  readonly rows: ReadonlyMap<number, readonly Pair[]>
  readonly after: ReadonlyMap<number, readonly Gram[]>
}): LanguageTables {
  const size = o.words.length
  const [firstBigram, firstTrigram] = [new Uint32Array(size + 1), [0]]
  const [bigramWord, bigramLog, bigramBack]: [number[], number[], number[]] = [[], [], []]
  const [trigramWord, trigramLog]: [number[], number[]] = [[], []]
  const backs = new Float64Array(size)
  const sorted = Array.from({ length: size }, (_, word) => (o.rows.get(word) ?? []).toSorted((a, b) => a.word - b.word))
  const known = sorted.map((row) => new Map(row.map(({ word, log }) => [word, log])))
  for (let word = 0; word < size; word++) backs[word] = backOff(sorted[word] ?? [], (next) => o.unigram[next] ?? 0)
  for (let last = 0; last < size; last++) {
    for (const { word, log, pair } of sorted[last] ?? []) {
      const grams = (o.after.get(pair) ?? []).toSorted((a, b) => a.word - b.word)
      const shorter = (next: number): number => known[word]?.get(next) ?? (backs[word] ?? 0) + (o.unigram[next] ?? 0)
      bigramWord.push(word)
      bigramLog.push(log)
      bigramBack.push(backOff(grams, shorter))
      for (const gram of grams) {
        trigramWord.push(gram.word)
        trigramLog.push(gram.log)
      }
      firstTrigram.push(trigramWord.length)
    }
    firstBigram[last + 1] = bigramWord.length
  }
  return {
    words: o.words,
    unigramLog: [...o.unigram],
    unigramBack: [...backs],
    firstBigram,
    bigramWord,
    bigramLog,
    bigramBack,
    firstTrigram,
    trigramWord,
    trigramLog,
  }
}

/** The log of what the grams leave to all other words, over what a shorter history gives those. */
function backOff(grams: readonly Gram[], shorter: (word: number) => number): number {
  let [own, covered] = [0, 0]
  for (const { word, log } of grams) {
    own += Math.exp(log)
    covered += Math.exp(shorter(word))
  }
  return Math.log(Math.max(1e-6, 1 - own) / Math.max(1e-6, 1 - covered))
}

/** Adds a value to a row. */
export function put<T>(rows: Map<number, T[]>, row: number, value: T): void {
  const held = rows.get(row)
  if (held === undefined) rows.set(row, [value])
  else held.push(value)
}
