/** When a speaker has finished: rules over silence and length, as in the field. Pure. */

export interface EndpointRules {
  /** Silence after words that are a whole sentence of the grammar. */
  readonly afterSentenceMs: number
  /** Silence after words that are not, or not yet. */
  readonly afterWordsMs: number
  /** Silence from the beginning on. */
  readonly noSpeechMs: number
  /** However long somebody speaks. */
  readonly longestMs: number
}

export type EndpointRule = 'sentence' | 'words' | 'no_speech' | 'longest'

/** Half a second is how long people pause inside a sentence; five seconds is somebody who walked away. */
export const ENDPOINT_RULES: EndpointRules = {
  afterSentenceMs: 500,
  afterWordsMs: 900,
  noSpeechMs: 5_000,
  longestMs: 30_000,
}

export interface Heeded {
  readonly heardMs: number
  /** Since speech was last heard; all of it when none was. */
  readonly quietMs: number
  readonly spoke: boolean
  /** Asked only when a rule needs it: it costs a look through the search. */
  isSentence(): boolean
}

/** The rule that ends the utterance now, or none. */
export function endpointRule(heeded: Heeded, rules: EndpointRules): EndpointRule | undefined {
  const { heardMs, quietMs, spoke } = heeded
  if (heardMs >= rules.longestMs) return 'longest'
  if (!spoke) return quietMs >= rules.noSpeechMs ? 'no_speech' : undefined
  if (quietMs >= rules.afterWordsMs) return heeded.isSentence() ? 'sentence' : 'words'
  return quietMs >= rules.afterSentenceMs && heeded.isSentence() ? 'sentence' : undefined
}
