import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { utterancesIn } from '../../../edge-agent/evaluation/open-microphone.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'
import { sentences } from '../speech/sentences.ts'

const RATE = 16_000
const PAUSE_S = 3
const SENTENCE = 'open work order four two seven'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  await recogniser.loadGrammar('commands', sentences([SENTENCE, 'next step']))
})
afterAll(async () => await recogniser.close())

async function kindsIn(samples: Float32Array): Promise<readonly string[]> {
  const kinds: string[] = []
  for await (const { kind, text } of utterancesIn(recogniser, {
    grammar: 'commands',
    samples,
    sampleRate: RATE,
  }))
    kinds.push(kind === 'heard' ? text : kind)
  return kinds
}

it('hears each of two sentences with a pause between them, one after the other', async () => {
  const said = samplesOf(spoken('open'))
  const samples = new Float32Array(2 * (said.length + PAUSE_S * RATE))
  samples.set(said)
  samples.set(said, said.length + PAUSE_S * RATE)
  const kinds = await kindsIn(samples)
  expect(kinds.filter((kind) => kind !== 'nothing')).toEqual([SENTENCE, SENTENCE])
})

it('cuts silence into utterances with nothing in them, and takes nothing from no sound at all', async () => {
  const kinds = await kindsIn(new Float32Array(30 * RATE))
  expect(kinds.length).toBeGreaterThan(1)
  expect(new Set(kinds)).toEqual(new Set(['nothing']))
  expect(await kindsIn(new Float32Array(0))).toEqual([])
})
