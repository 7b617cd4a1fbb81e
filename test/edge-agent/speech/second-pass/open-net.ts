/** A network of open words alone, of those that the speech model's own language model knows. */
import { fileURLToPath } from 'node:url'
import { MODEL_FOLDERS } from '../../../../edge-agent/models/shipped.ts'
import { compileGrammar } from '../../../../edge-agent/speech/grammar-compiler.ts'
import { LanguageModel } from '../../../../edge-agent/speech/language-model.ts'
import { Lexicon } from '../../../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../../../edge-agent/speech/model-files.ts'
import type { SearchNetwork } from '../../../../edge-agent/speech/search-network.ts'
import { TUNING } from '../../../../edge-agent/speech/tuning.ts'
import { sentences } from '../sentences.ts'

const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
export const model = files.phones
export const language = new LanguageModel(files.language)
export const lexicon = new Lexicon(files, model.phones)

/** Of whole sentences, in which `*` stands for any words. */
export function netOf(texts: readonly string[]): SearchNetwork {
  const source = {
    graph: sentences(texts),
    pronunciations: {},
    openVocabulary: [],
    dictation: false,
    background: false,
    tuning: TUNING,
    guess: false,
  }
  return compileGrammar(source, { model, lexicon, language })
}
