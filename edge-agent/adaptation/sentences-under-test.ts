/** Recordings that come with their words alone are judged against all of those sentences: which of them was said, word for word. */
import type { DomainUnderTest } from '../evaluation/domain-under-test.ts'
import type { WordArc } from '../grammar/word-graph.ts'
import { wordsOf } from '../intent/normalise.ts'

export function sentencesUnderTest(texts: readonly string[]): DomainUnderTest {
  const sentences = [...new Set(texts.map((text) => wordsOf(text).join(' ')))].filter((text) => text !== '')
  return {
    name: 'sentences',
    load: async (recogniser, grammar) => {
      const arcs: WordArc[] = []
      const finals = new Set<number>()
      let states = 1
      for (const sentence of sentences) {
        let from = 0
        for (const word of sentence.split(' ')) {
          arcs.push({ from, to: states, word, logWeight: 0 })
          from = states++
        }
        finals.add(from)
      }
      await recogniser.loadGrammar(
        grammar,
        { start: 0, stateCount: states, finals, arcs },
        {},
        { guess: true },
      )
    },
    understand: (said) => {
      const text = wordsOf(said).join(' ')
      return sentences.includes(text) ? { intent: 'said', slots: { text } } : null
    },
    accepts: ({ kind }) => kind === 'heard',
  }
}
