/**
 * The language models of a thread: the speech model's own, which knows how technicians note things down, and for dictation one of
 * English at large, which is several times as large and read when it is first asked for.
 */
import { readFileSync } from 'node:fs'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { ModelRefused } from './errors.ts'
import { LanguageModel } from './language-model.ts'

export class Languages {
  readonly own: LanguageModel
  #dictation: LanguageModel | null = null

  /** `packed` is the speech model's own file. Throws ModelRefused for a damaged one. */
  constructor(packed: Uint8Array) {
    this.own = new LanguageModel(packed)
  }

  /** Throws ModelRefused when that of dictation is missing or damaged. */
  of(grammar: { readonly dictation: boolean }): LanguageModel {
    if (!grammar.dictation) return this.own
    this.#dictation ??= new LanguageModel(dictationFile())
    return this.#dictation
  }
}

function dictationFile(): Uint8Array {
  try {
    return readFileSync(MODEL_FOLDERS.dictation)
  } catch (cause) {
    throw new ModelRefused(
      `the language model of dictation cannot be read: ${MODEL_FOLDERS.dictation.pathname}`,
      {
        remedy: 'Install Starling again.',
        cause,
      },
    )
  }
}
