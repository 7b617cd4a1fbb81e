/** A grammar over a background of any words: a command is found inside what else is said, and what holds none is no command. */
import type { WordArc, WordGraph } from './word-graph.ts'

/** Log weight of going over to the background, each time: a word of the grammar is taken where it fits as well. */
const BACKGROUND_WEIGHT = -6

export function overBackground(graph: WordGraph): WordGraph {
  const [begin, around, end] = [graph.stateCount, graph.stateCount + 1, graph.stateCount + 2]
  const any = (from: number, to: number): WordArc => ({
    from,
    to,
    word: null,
    logWeight: BACKGROUND_WEIGHT,
    open: 'words',
  })
  const empty = (from: number, to: number): WordArc => ({ from, to, word: null, logWeight: 0 })
  return {
    start: begin,
    stateCount: graph.stateCount + 3,
    finals: new Set([...graph.finals, around, end]),
    arcs: [
      ...graph.arcs,
      empty(begin, graph.start),
      any(begin, around),
      empty(around, graph.start),
      ...[...graph.finals].map((final) => any(final, end)),
    ],
  }
}
