/**
 * A general trigram model cut down to what ships: the likeliest words that can be said, and of their grams those whose loss would
 * change what is foretold the most (Stolcke 1998, each gram judged by itself).
 */
import type { LanguageTables } from '../../../speech/language-model.ts'
import { backedOff, type Gram, type Pair, put } from './backed-off.ts'
import type { Trigrams } from './sphinx-trie.ts'

const BOUNDARY = 0
const BEGIN = '<s>'
const END = '</s>'
/** Of a gram's key: more than any number of words. */
const WIDE = 1 << 17

export interface Kept {
  readonly words: number
  readonly bigrams: number
  readonly trigrams: number
}

/** `canSay` says which words have a pronunciation. */
export function pruned(all: Trigrams, kept: Kept, canSay: (word: string) => boolean): LanguageTables {
  const { ids, words, unigram, unigramBack } = vocabulary(all, kept.words, canSay)
  const { bigrams, trigrams } = all
  const first = bigrams.first.map((word) => ids.asHistory[word] ?? -1)
  const second = bigrams.second.map((word) => ids.asWord[word] ?? -1)
  const pairOf = new Map<number, number>()
  for (let pair = 0; pair < first.length; pair++)
    if ((first[pair] ?? -1) >= 0 && (second[pair] ?? -1) >= 0) pairOf.set(key(first[pair], second[pair]), pair)
  const log = (list: Float64Array, at: number): number => list[at] ?? 0
  const pairWorth = gains(first.length, (pair) => {
    const [a = -1, b = -1] = [first[pair], second[pair]]
    if (a < 0 || b < 0) return 0
    return loss(log(unigram, a), log(bigrams.log, pair), log(unigramBack, a) + log(unigram, b))
  })
  const tripleWorth = gains(trigrams.first.length, (triple) => {
    const ending = trigrams.ending[triple] ?? 0
    const [a = -1, b = -1, c = -1] = [ids.asHistory[trigrams.first[triple] ?? -1], first[ending], second[ending]]
    // A sentence begins with one boundary, which comes before its second word only.
    const before = a < 0 || b <= 0 || c < 0 ? undefined : pairOf.get(key(a, b))
    if (before === undefined) return 0
    const likely = log(unigram, a) + log(bigrams.log, before)
    return loss(likely, log(trigrams.log, triple), log(bigrams.back, before) + log(bigrams.log, ending))
  })
  const after = new Map<number, Gram[]>()
  for (const triple of largest(tripleWorth, kept.trigrams)) {
    const ending = trigrams.ending[triple] ?? 0
    const before = pairOf.get(key(ids.asHistory[trigrams.first[triple] ?? -1], first[ending])) ?? 0
    put(after, before, { word: second[ending] ?? 0, log: log(trigrams.log, triple) })
  }
  const rows = new Map<number, Pair[]>()
  const chosen = new Set([...largest(pairWorth, kept.bigrams), ...after.keys()])
  for (const pair of chosen) put(rows, first[pair] ?? 0, { word: second[pair] ?? 0, log: log(bigrams.log, pair), pair })
  return backedOff({ words, unigram, rows, after })
}

/** Ids by the general model's own, -1 for words that are left out; a sentence's two ends are one id here. */
function vocabulary(all: Trigrams, most: number, canSay: (word: string) => boolean) {
  const sayable = all.words.flatMap((word, own) => (word !== BEGIN && word !== END && canSay(word) ? [own] : []))
  const best = sayable.toSorted((a, b) => (all.unigramLog[b] ?? 0) - (all.unigramLog[a] ?? 0)).slice(0, most)
  const chosen = best.toSorted((a, b) => a - b)
  const asWord = new Int32Array(all.words.length).fill(-1)
  chosen.forEach((own, at) => (asWord[own] = at + 1))
  const asHistory = Int32Array.from(asWord)
  const [begin, end] = [all.words.indexOf(BEGIN), all.words.indexOf(END)]
  asHistory[begin] = BOUNDARY
  asWord[end] = BOUNDARY
  const logs = [all.unigramLog[end] ?? 0, ...chosen.map((own) => all.unigramLog[own] ?? 0)]
  const total = logs.reduce((sum, value) => sum + Math.exp(value), 0)
  return {
    ids: { asWord, asHistory },
    words: [BEGIN, ...chosen.map((own) => all.words[own] ?? '')],
    unigram: Float64Array.from(logs, (value) => value - Math.log(total)),
    unigramBack: Float64Array.from([all.unigramBack[begin] ?? 0, ...chosen.map((own) => all.unigramBack[own] ?? 0)]),
  }
}

/** What is lost of the likelihood of all text when a gram is foretold by the shorter history alone. */
function loss(history: number, own: number, shorter: number): number {
  return Math.exp(history + own) * Math.abs(own - shorter)
}

function gains(count: number, of: (at: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => of(at))
}

/** The places of the largest values above 0, in order of place. */
function largest(values: Float64Array, count: number): number[] {
  const places = Array.from(values.keys()).filter((at) => (values[at] ?? 0) > 0)
  const best = places.toSorted((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, count)
  return best.toSorted((a, b) => a - b)
}

function key(first = -1, second = -1): number {
  return first * WIDE + second
}
