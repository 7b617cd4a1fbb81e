/**
 * The language models of a thread: the speech model's own, which knows how technicians note things down, and for dictation one of
 * English at large, which is several times as large and read when it is first asked for.
 */
import { readFileSync } from 'node:fs'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { LanguageModel } from './language-model.ts'

export class Languages {
  readonly own: LanguageModel
  #dictation: LanguageModel | null = null

  /** `packed` is the speech model's own file. Throws ModelRefused for a damaged one. */
  constructor(packed: Uint8Array) {
    this.own = new LanguageModel(packed)
  }

  of(grammar: { readonly dictation: boolean }): LanguageModel {
    if (!grammar.dictation) return this.own
    this.#dictation ??= new LanguageModel(readFileSync(MODEL_FOLDERS.dictation))
    return this.#dictation
  }
}
