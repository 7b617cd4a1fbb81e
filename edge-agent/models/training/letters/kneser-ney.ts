/**
 * An n-gram model with modified Kneser-Ney smoothing, interpolated (Chen and Goodman, 1999), thinned by how little each n-gram
 * changes what the model says (weighted difference, Seymore and Rosenfeld, 1996), as a trie with back-off weights.
 */
import type { GraphoneTrie } from '../../../speech/graphone-model.ts'

/** Ids as characters: a key is a history and what follows it, the oldest first. */
type Key = string
type Counts = Map<Key, number>

export interface NgramPlan {
  readonly order: number
  /** An n-gram goes whose absence changes the log likelihood of the text by less than this. */
  readonly leastGain: number
}

interface Gram {
  readonly p: number
  /** Of histories: what is left for the shorter history. */
  back: number
}

/** `sequences` of ids; each begins and ends with the boundary 0. */
export function ngramTrie(
  sequences: readonly (readonly number[])[],
  plan: NgramPlan,
): { readonly trie: GraphoneTrie; readonly levels: readonly number[] } {
  const raw = countsOf(sequences, plan.order)
  const grams = smoothed(raw)
  for (let order = plan.order; order > 1; order -= 1) thin(grams, raw, { order, leastGain: plan.leastGain })
  return trieOf(grams)
}

function countsOf(sequences: readonly (readonly number[])[], order: number): readonly Counts[] {
  const counts: Counts[] = Array.from({ length: order + 1 }, () => new Map())
  for (const ids of sequences) {
    const text = String.fromCharCode(...ids)
    for (let end = 1; end <= text.length; end += 1)
      // The boundary alone is no event where a word begins.
      for (let size = 1; size <= Math.min(order, end); size += 1) {
        if (end === 1) continue
        const key = text.slice(end - size, end)
        counts[size]?.set(key, (counts[size]?.get(key) ?? 0) + 1)
      }
  }
  return counts
}

/** How many different ids stand before each n-gram; what begins a word has nothing before it and keeps its count. */
function continuations(raw: readonly Counts[], size: number): Counts {
  const found: Counts = new Map()
  for (const key of raw[size + 1]?.keys() ?? []) found.set(key.slice(1), (found.get(key.slice(1)) ?? 0) + 1)
  for (const [key, count] of raw[size] ?? []) if (!found.has(key)) found.set(key, count)
  return found
}

/** Probabilities of all n-grams, shorter ones first. */
function smoothed(raw: readonly Counts[]): readonly Map<Key, Gram>[] {
  const grams: Map<Key, Gram>[] = [new Map([['', { p: 1, back: 1 }]])]
  for (let size = 1; size < raw.length; size += 1) {
    const counts = size === raw.length - 1 ? (raw[size] ?? new Map<Key, number>()) : continuations(raw, size)
    const discount = discountsOf(counts)
    const rows = new Map<Key, { sum: number; free: number }>()
    for (const [key, count] of counts) {
      const row = rows.get(key.slice(0, -1)) ?? { sum: 0, free: 0 }
      rows.set(key.slice(0, -1), { sum: row.sum + count, free: row.free + discount(count) })
    }
    const shorter = grams[size - 1] ?? new Map<Key, Gram>()
    const made = new Map<Key, Gram>()
    const even = 1 / counts.size
    for (const [key, count] of counts) {
      const row = rows.get(key.slice(0, -1)) ?? { sum: 1, free: 0 }
      const lower = size === 1 ? even : (shorter.get(key.slice(1))?.p ?? 0)
      made.set(key, { p: (count - discount(count)) / row.sum + (row.free / row.sum) * lower, back: 1 })
    }
    for (const [history, { sum, free }] of rows) {
      const gram = shorter.get(history)
      if (gram !== undefined) gram.back = free / sum
    }
    grams.push(made)
  }
  return grams
}

/** Three discounts, from how many n-grams were seen once, twice, three and four times. */
function discountsOf(counts: Counts): (count: number) => number {
  const seen = [0, 0, 0, 0, 0]
  for (const count of counts.values()) if (count < 5) seen[count] = (seen[count] ?? 0) + 1
  const [, one = 0, two = 0, three = 0, four = 0] = seen
  const y = one / Math.max(1, one + 2 * two)
  const of = (size: number, here: number, next: number): number =>
    Math.max(0.1, Math.min(size - 0.1, size - ((size + 1) * y * next) / Math.max(1, here)))
  const discounts = [0, of(1, one, two), of(2, two, three), of(3, three, four)]
  return (count) => discounts[Math.min(3, count)] ?? 0
}

/** Drops n-grams of one order that no longer one needs, and settles what their histories leave for shorter ones. */
function thin(
  grams: readonly Map<Key, Gram>[],
  raw: readonly Counts[],
  { order, leastGain }: { readonly order: number; readonly leastGain: number },
): void {
  const here = grams[order] ?? new Map<Key, Gram>()
  const needed = new Set([...(grams[order + 1]?.keys() ?? [])].flatMap((key) => [key.slice(0, -1), key.slice(1)]))
  const histories = grams[order - 1] ?? new Map<Key, Gram>()
  for (const [key, { p }] of here) {
    if (needed.has(key)) continue
    const without = (histories.get(key.slice(0, -1))?.back ?? 1) * likelihood(grams, key.slice(1))
    const gain = (raw[order]?.get(key) ?? 0) * (Math.log(p) - Math.log(without))
    if (Math.abs(gain) < leastGain) here.delete(key)
  }
  const kept = new Map<Key, { own: number; shorter: number }>()
  for (const [key, { p }] of here) {
    const row = kept.get(key.slice(0, -1)) ?? { own: 0, shorter: 0 }
    kept.set(key.slice(0, -1), { own: row.own + p, shorter: row.shorter + likelihood(grams, key.slice(1)) })
  }
  for (const [history, gram] of histories) {
    const row = kept.get(history)
    gram.back = row === undefined ? 1 : Math.max(1e-6, 1 - row.own) / Math.max(1e-6, 1 - row.shorter)
  }
}

function likelihood(grams: readonly Map<Key, Gram>[], key: Key): number {
  const found = grams[key.length]?.get(key)
  if (found !== undefined) return found.p
  if (key.length <= 1) return 1e-9
  return (grams[key.length - 1]?.get(key.slice(0, -1))?.back ?? 1) * likelihood(grams, key.slice(1))
}

function trieOf(grams: readonly Map<Key, Gram>[]): {
  readonly trie: GraphoneTrie
  readonly levels: readonly number[]
} {
  const trie = { graphone: [] as number[], log: [0], back: [] as number[], children: [] as number[] }
  const levels: number[] = []
  let above: readonly Key[] = ['']
  for (let size = 1; size <= grams.length; size += 1) {
    const rows = new Map<Key, Key[]>()
    for (const key of grams[size]?.keys() ?? []) {
      const row = rows.get(key.slice(0, -1)) ?? []
      rows.set(key.slice(0, -1), row)
      row.push(key)
    }
    const level: Key[] = []
    for (const history of above) {
      const row = (rows.get(history) ?? []).toSorted((a, b) => (a < b ? -1 : 1))
      trie.children.push(row.length)
      trie.back.push(Math.log(grams[size - 1]?.get(history)?.back ?? 1))
      level.push(...row)
    }
    for (const key of level) {
      trie.graphone.push(key.charCodeAt(size - 1))
      trie.log.push(Math.log(grams[size]?.get(key)?.p ?? 1))
    }
    if (level.length > 0) levels.push(level.length)
    above = level
  }
  return { trie, levels }
}
