import type { WordArc, WordGraph } from '../../../edge-agent/grammar/word-graph.ts'

/** A grammar of whole sentences; `*` stands for any words. */
export function sentences(texts: readonly string[]): WordGraph {
  const arcs: WordArc[] = []
  const finals = new Set<number>()
  let stateCount = 1
  for (const text of texts) {
    let from = 0
    for (const word of text.split(' ')) {
      const to = stateCount++
      arcs.push(
        word === '*'
          ? { from, to, word: null, logWeight: 0, open: 'words' }
          : { from, to, word, logWeight: 0 },
      )
      from = to
    }
    finals.add(from)
  }
  return { start: 0, stateCount, finals, arcs }
}
