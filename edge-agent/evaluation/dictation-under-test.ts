/** Open dictation: any words of the lexicon, ordered by the language model; judged by its word errors. */
import { ANY_WORDS } from '../grammar/any-words.ts'
import type { Recogniser } from '../speech/recogniser.ts'

export async function loadDictation(recogniser: Recogniser, grammar: string): Promise<void> {
  await recogniser.loadGrammar(grammar, ANY_WORDS, {}, { dictation: true })
}
