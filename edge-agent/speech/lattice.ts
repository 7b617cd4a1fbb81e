/**
 * What else the audio could have been: posteriors by forward and backward sums over the word lattice, and the n best
 * sentences by a best-first walk from its end, guided by the exact score of getting there.
 */
import type { HeardSpan, WordHistory } from './word-history.ts'

/** Acoustic scores of neighbouring frames say much the same: without this every posterior would be 0 or 1. */
export const SENTENCE_SCALE = 1 / 12
/** Steps of the walk for n-best: variants that differ in their pauses alone are many. */
const MAX_STEPS = 4_000
/** Arrivals at one state with one run of words, and as many pauses before it, after it that are followed: they differ in times alone. */
const MAX_SAME = 4

export interface Sentence {
  readonly words: readonly number[]
  /** Of its best path (nats). */
  readonly score: number
}

/** Every record that ends at `frame` where a sentence may end. */
export function endingRecords(
  history: WordHistory,
  frame: number,
  isFinal: (way: number) => boolean,
): number[] {
  const found: number[] = []
  for (let at = history.count - 1; at >= 0 && history.frame(at) === frame; at--)
    if (isFinal(history.way(at))) found.push(at)
  return found
}

/** The posterior of each span: what share of all sentences has the same word in the middle of it. */
export function posteriors(
  history: WordHistory,
  ends: readonly number[],
  spans: readonly HeardSpan[],
): number[] {
  const onPath = reached(history, ends)
  const forward = new Float64Array(history.nodeCount).fill(-Infinity)
  const backward = new Float64Array(history.nodeCount).fill(-Infinity)
  for (const record of onPath) {
    const start = history.node(history.before(record))
    const into = history.node(record)
    const from = start < 0 ? 0 : (forward[start] as number)
    forward[into] = logAdd(forward[into] as number, from + history.gained(record) * SENTENCE_SCALE)
  }
  let total = -Infinity
  for (const node of new Set(ends.map((record) => history.node(record)))) {
    backward[node] = 0
    total = logAdd(total, forward[node] as number)
  }
  const shares = spans.map(() => 0)
  for (let i = onPath.length - 1; i >= 0; i--) {
    const record = onPath[i] as number
    const before = history.before(record)
    const start = history.node(before)
    const own = history.gained(record) * SENTENCE_SCALE + (backward[history.node(record)] as number)
    if (start >= 0) backward[start] = logAdd(backward[start] as number, own)
    const share = Math.exp((start < 0 ? 0 : (forward[start] as number)) + own - total)
    addTo(shares, spans, {
      word: history.word(record),
      from: history.frame(before),
      to: history.frame(record),
      share,
    })
  }
  return shares.map((share) => Math.min(1, share))
}

function addTo(
  shares: number[],
  spans: readonly HeardSpan[],
  arc: { word: number; from: number; to: number; share: number },
): void {
  spans.forEach((span, i) => {
    const middle = (span.from + span.decided) / 2
    if (span.word === arc.word && arc.from <= middle && middle < arc.to)
      shares[i] = (shares[i] as number) + arc.share
  })
}

/** Records from which one of the ends is reached, in order of time. */
function reached(history: WordHistory, ends: readonly number[]): number[] {
  const isReached = new Uint8Array(history.nodeCount)
  for (const record of ends) isReached[history.node(record)] = 1
  const records: number[] = []
  const last = Math.max(-1, ...ends)
  const isEnd = new Set(ends)
  const lastFrame = history.frame(last)
  for (let at = last; at >= 0; at--) {
    if (isReached[history.node(at)] === 0 || (history.frame(at) === lastFrame && !isEnd.has(at))) continue
    records.push(at)
    const start = history.node(history.before(at))
    if (start >= 0) isReached[start] = 1
  }
  return records.reverse()
}

interface Tail {
  /** The node that the words follow. */
  readonly node: number
  readonly words: readonly number[]
  readonly key: string
  /** Before the first of the words. */
  readonly pauses: number
  /** Score from the node to the end. */
  readonly after: number
  readonly total: number
}

/** The best `count` sentences, best first, each different in its words. */
export function bestSentences(history: WordHistory, ends: readonly number[], count: number): Sentence[] {
  const into = new Map<number, number[]>()
  const best = new Map<number, number>()
  for (const record of reached(history, ends)) {
    const node = history.node(record)
    const list = into.get(node)
    if (list === undefined) into.set(node, [record])
    else list.push(record)
    // Of the lattice, which joins contexts: a path through it may score above the one that the search kept.
    const start = history.node(history.before(record))
    const through = (start < 0 ? 0 : (best.get(start) ?? -Infinity)) + history.gained(record)
    best.set(node, Math.max(best.get(node) ?? -Infinity, through))
  }
  const open = new Heap()
  for (const node of new Set(ends.map((record) => history.node(record))))
    open.push({ node, words: [], key: '', pauses: 0, after: 0, total: best.get(node) ?? -Infinity })
  const seen = new Map<string, number>()
  const found = new Map<string, Sentence>()
  for (let step = 0; step < MAX_STEPS && found.size < count; step++) {
    const tail = open.pop()
    if (tail === undefined) break
    if (tail.node < 0) {
      if (!found.has(tail.key)) found.set(tail.key, { words: tail.words, score: tail.total })
      continue
    }
    const place = `${history.nodeState(tail.node)}:${tail.pauses}:${tail.key}`
    const times = (seen.get(place) ?? 0) + 1
    seen.set(place, times)
    if (times > MAX_SAME) continue
    for (const record of into.get(tail.node) ?? []) {
      const word = history.word(record)
      const start = history.node(history.before(record))
      const after = tail.after + history.gained(record)
      open.push({
        node: start,
        words: word < 0 ? tail.words : [word, ...tail.words],
        key: word < 0 ? tail.key : `${word} ${tail.key}`,
        pauses: word < 0 ? tail.pauses + 1 : 0,
        after,
        total: after + (start < 0 ? 0 : (best.get(start) ?? -Infinity)),
      })
    }
  }
  return [...found.values()]
}

class Heap {
  readonly #items: Tail[] = []

  push(item: Tail): void {
    this.#items.push(item)
    let at = this.#items.length - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (this.#total(up) >= this.#total(at)) break
      this.#exchange(at, up)
      at = up
    }
  }

  pop(): Tail | undefined {
    const top = this.#items[0]
    const last = this.#items.pop()
    if (last === undefined || this.#items.length === 0) return top
    this.#items[0] = last
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const larger = this.#total(left + 1) > this.#total(left) ? left + 1 : left
      if (this.#total(larger) <= this.#total(at)) break
      this.#exchange(at, larger)
      at = larger
    }
    return top
  }

  #total(at: number): number {
    return this.#items[at]?.total ?? -Infinity
  }

  #exchange(a: number, b: number): void {
    const [first, second] = [this.#items[a], this.#items[b]]
    if (first === undefined || second === undefined) return
    this.#items[a] = second
    this.#items[b] = first
  }
}

function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b
  if (b === -Infinity) return a
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b))
}
