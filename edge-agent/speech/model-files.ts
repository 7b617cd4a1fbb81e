/** Reads a model folder. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { speechModelDigest } from '../../rollout/bundle/lineage.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { ModelRefused } from './errors.ts'
import { type SpeechMixture, speechMixture } from './speech-mixture.ts'
import { phoneModel, type PhoneModel } from './phone-model.ts'

const Card = v.object({ name: v.string(), version: v.string() })

export interface ModelFiles {
  readonly name: string
  readonly digest: string
  readonly phones: PhoneModel
  readonly mixture: SpeechMixture
  readonly lexicon: Uint8Array
  readonly letters: Uint8Array
  readonly language: Uint8Array
}

/** Throws {@link ModelRefused} naming the file that is missing or damaged. */
export function readModel(modelDir: string): ModelFiles {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(modelDir, name))
    } catch (cause) {
      throw new ModelRefused(`the speech model in ${modelDir} has no readable ${name}`, {
        remedy: 'Install the model again, or point to the folder that holds it.',
        cause,
      })
    }
  }
  const digest = speechModelDigest((name) => sha256Hex(read(name)))
  try {
    const card = v.parse(Card, JSON.parse(read('card.json').toString('utf8')))
    return {
      name: `${card.name}-${card.version}`,
      digest,
      phones: phoneModel(read('phones.json').toString('utf8'), read('triphones.bin.br')),
      mixture: speechMixture(read('mixture.json').toString('utf8')),
      lexicon: read('lexicon.txt.br'),
      letters: read('letters.bin.br'),
      language: read('language.bin.br'),
    }
  } catch (cause) {
    if (cause instanceof ModelRefused) throw cause
    throw new ModelRefused(`the speech model in ${modelDir} is damaged`, {
      remedy: 'Install the model again.',
      cause,
    })
  }
}
