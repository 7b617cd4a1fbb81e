/** Open dictation: any words of the lexicon, ordered by the language model; judged by its word errors. */
import type { WordGraph } from '../grammar/word-graph.ts'
import type { Recogniser } from '../speech/recogniser.ts'

const ANY_WORDS: WordGraph = {
  start: 0,
  stateCount: 2,
  finals: new Set([1]),
  arcs: [{ from: 0, to: 1, word: null, logWeight: 0, open: 'words' }],
}

export async function loadDictation(recogniser: Recogniser, grammar: string): Promise<void> {
  await recogniser.loadGrammar(grammar, ANY_WORDS, {}, { dictation: true })
}
