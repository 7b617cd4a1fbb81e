/** What a search comes to when the audio is over: the sentence, its alternatives, and how sure it is. */
import type { Searched } from './beam-search.ts'
import { judge, type Judged, type Judging } from './confidence.ts'
import type { Alternative, Hypothesis } from './hypothesis.ts'
import { bestSentences, posteriors, SENTENCE_SCALE, type Sentence } from './lattice.ts'
import { type SearchNetwork, wordAt } from './search-network.ts'

/** What is surer is heard; whether it is sure enough to act on is the policy's to say. */
export const REJECT_BELOW = 0.2
/**
 * Of sentences without an open word, where open words compete: such grammars are large and fit more of what was never meant. People's
 * commands of another domain reach up to here.
 */
const REJECT_BESIDE_OPEN_BELOW = 0.45
const ALTERNATIVES = 5

export type Concluded = Omit<Hypothesis, 'timings' | 'partialsCount'>

export const NOTHING_HEARD: Concluded = {
  kind: 'nothing',
  text: '',
  words: [],
  confidence: 0,
  evidence: [],
  alternatives: [],
}

export function conclude(search: Searched, judging: Judging): Concluded {
  const { net } = judging
  const path = search.best()
  const { history } = search
  const ends = path.complete ? search.ends() : []
  const sentences = bestSentences(history, ends, ALTERNATIVES)
  const [first, second] = sentences
  const gap = first === undefined || second === undefined ? Infinity : first.score - second.score
  const judged = judge({ path, gap, posteriors: posteriors(history, ends, path.spans) }, judging)
  if (judged.words.length === 0) return NOTHING_HEARD
  // Over a background everything may be background: then no sentence of the grammar was said.
  const isCommand = net.hasSlots || judged.words.some(({ open }) => !open)
  return {
    kind: isCommand && judged.confidence >= leastOf(judged, net) ? 'heard' : 'rejected',
    text: judged.words.map((word) => word.word).join(' '),
    words: judged.words,
    confidence: judged.confidence,
    evidence: judged.evidence,
    alternatives: alternativesOf(sentences, net),
  }
}

function leastOf({ words }: Judged, net: SearchNetwork): number {
  // Open words fit nearly any sound, but whoever said them is asked anyway.
  const isFixed = words.every(({ open }) => !open)
  return isFixed && net.hasSlots ? REJECT_BESIDE_OPEN_BELOW : REJECT_BELOW
}

function alternativesOf(sentences: readonly Sentence[], net: SearchNetwork): Alternative[] {
  const best = sentences[0]?.score ?? 0
  const weights = sentences.map(({ score }) => Math.exp((score - best) * SENTENCE_SCALE))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return sentences.map(({ words }, at) => ({
    text: words.map((word) => wordAt(net, word)?.text ?? '').join(' '),
    share: Math.round((1_000 * (weights[at] ?? 0)) / sum) / 1_000,
  }))
}
