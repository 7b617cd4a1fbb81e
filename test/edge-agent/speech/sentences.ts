import type { WordGraph } from '../../../edge-agent/grammar/word-graph.ts'

/** A grammar of exactly these sentences. */
export function sentences(texts: readonly string[]): WordGraph {
  let count = 2
  const arcs = texts.flatMap((text) => {
    const words = text.split(' ')
    let at = 0
    return words.map((word, i) => {
      const from = at
      at = i === words.length - 1 ? 1 : count++
      return { from, to: at, word, logWeight: 0 }
    })
  })
  return { start: 0, stateCount: count, finals: new Set([1]), arcs }
}
