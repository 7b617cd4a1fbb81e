import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import type { BiasList } from '../../../edge-agent/speech/bias.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  await recogniser.loadGrammar(
    'rivals',
    sentences(['note that the coupling is worn', 'note that the coupling is warm']),
  )
}, 60_000)
afterAll(async () => await recogniser.close())

async function hear(bias?: BiasList): Promise<string> {
  const stream = recogniser.open('rivals', { sampleRate: 16_000, ...(bias === undefined ? {} : { bias }) })
  await stream.push(samplesOf(spoken('note')))
  return (await stream.finish()).text
}

test('a phrase of the list wins where the sound leaves room, and only in its own call', async () => {
  expect(await hear()).toBe('note that the coupling is worn')
  expect(await hear({ phrases: ['is warm'], boost: 400 })).toBe('note that the coupling is warm')
  expect(await hear()).toBe('note that the coupling is worn')
})

test('a phrase that is begun and not ended gains nothing', async () => {
  expect(await hear({ phrases: ['warm coupling'], boost: 400 })).toBe('note that the coupling is worn')
})

test('words that the grammar cannot hear have no effect', async () => {
  expect(await hear({ phrases: ['xylophone', 'is xylophone', ''] })).toBe('note that the coupling is worn')
})
