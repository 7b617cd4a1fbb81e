import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { ENDPOINT_RULES, type EndpointRule } from '../../../edge-agent/speech/endpointing.ts'
import type { Partial } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { samplesOf, silence, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  await recogniser.loadGrammar('orders', sentences(ORDERS))
}, 30_000)
afterAll(async () => await recogniser.close())

const ORDERS = [
  'open work order four two seven',
  'open work order four two nine',
  'close work order four two seven',
  'log pressure four bar',
  'go to the next step',
]

async function hear(samples: Float32Array, more: Parameters<Recogniser['open']>[1] = { sampleRate: 16_000 }) {
  const stream = recogniser.open('orders', more)
  await stream.push(samples)
  return await stream.finish()
}

test('a sentence comes with word times, alternatives and confidence', async () => {
  const heard = await hear(samplesOf(spoken('open')))
  expect(heard.text).toBe('open work order four two seven')
  expect(heard.kind).toBe('heard')
  expect(heard.alternatives[0]?.text).toBe(heard.text)
  expect(new Set(heard.alternatives.map(({ text }) => text)).size).toBe(heard.alternatives.length)
  expect(heard.alternatives.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 1)
  for (const [at, word] of heard.words.entries()) {
    expect(word.endMs).toBeGreaterThan(word.startMs)
    expect(word.startMs).toBeGreaterThanOrEqual(heard.words[at - 1]?.endMs ?? 0)
  }
})

test('what was called stable is in every later partial and in the result', async () => {
  const partials: Partial[] = []
  const heard = await hear(samplesOf(spoken('open')), {
    sampleRate: 16_000,
    onPartial: (partial) => partials.push(partial),
  })
  expect(Math.max(...partials.map(({ stableWords }) => stableWords))).toBeGreaterThan(0)
  let stable: readonly string[] = []
  for (const { words, stableWords } of [
    ...partials,
    { words: heard.words.map(({ word }) => word), stableWords: heard.words.length },
  ]) {
    expect(words.slice(0, stable.length)).toEqual(stable)
    expect(stableWords).toBeGreaterThanOrEqual(stable.length)
    stable = words.slice(0, stableWords)
  }
})

test('a sentence of nobody’s grammar is rejected', async () => {
  const heard = await hear(samplesOf(spoken('note')))
  expect(heard.kind).not.toBe('heard')
})

test('the rule that ended an utterance is told once', async () => {
  const rules: EndpointRule[] = []
  const onEndpoint = (rule: EndpointRule): unknown => rules.push(rule)
  const speech = samplesOf(spoken('open'))
  const whole = new Float32Array(speech.length + 32_000)
  whole.set(speech)
  await hear(whole, { sampleRate: 16_000, onEndpoint })
  await hear(silence(3), {
    sampleRate: 16_000,
    onEndpoint,
    endpointing: { ...ENDPOINT_RULES, noSpeechMs: 2_000 },
  })
  await hear(silence(3), { sampleRate: 16_000, onEndpoint })
  expect(rules).toEqual(['sentence', 'no_speech'])
})
