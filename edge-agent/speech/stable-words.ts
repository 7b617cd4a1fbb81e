/** The words that every path still alive begins with: whatever is heard next, they stay. */
import type { WordHistory } from './word-history.ts'

/** `live` are the records that the paths of a search stand on. Gives indices into the network's words. */
export function stableWords(history: WordHistory, live: Iterable<number>): number[] {
  const records = new Set(live)
  if (records.size === 0 || records.has(-1)) return []
  const common = ancestor(history, records)
  const tails = [...records].map((record) => wordsBetween(history, common, record))
  const [first = []] = tails
  let length = first.length
  for (const tail of tails) {
    let same = 0
    while (same < length && tail[same] === first[same]) same++
    length = same
  }
  return [...wordsBetween(history, -1, common), ...first.slice(0, length)]
}

/** The youngest record that all come from, -1 when they share none. Whoever comes before has the smaller number. */
function ancestor(history: WordHistory, records: ReadonlySet<number>): number {
  const open = [...records].sort((a, b) => a - b)
  const known = new Set(open)
  while (open.length > 1) {
    const youngest = open.pop() ?? -1
    known.delete(youngest)
    const before = history.before(youngest)
    if (known.has(before)) continue
    known.add(before)
    let at = open.length
    while (at > 0 && (open[at - 1] ?? -1) > before) at--
    open.splice(at, 0, before)
  }
  return open[0] ?? -1
}

function wordsBetween(history: WordHistory, after: number, end: number): number[] {
  const words: number[] = []
  for (let at = end; at !== after && at >= 0; at = history.before(at)) {
    const word = history.word(at)
    if (word >= 0) words.push(word)
  }
  return words.reverse()
}
