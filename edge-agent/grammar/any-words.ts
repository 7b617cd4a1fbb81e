/** The grammar of dictation: any words, and nothing else. */
import type { WordGraph } from './word-graph.ts'

export const ANY_WORDS: WordGraph = {
  start: 0,
  stateCount: 2,
  finals: new Set([1]),
  arcs: [{ from: 0, to: 1, word: null, logWeight: 0, open: 'words' }],
}
