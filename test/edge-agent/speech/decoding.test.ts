import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { ENDPOINT_RULES, type EndpointRule } from '../../../edge-agent/speech/endpointing.ts'
import type { Partial as Heard } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import type { StreamOptions } from '../../../edge-agent/speech/speech-stream.ts'
import { samplesOf, silence, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  await recogniser.loadGrammar('orders', sentences(ORDERS))
  await recogniser.loadGrammar('notes', sentences(['note that *', 'open work order four two seven']))
  await recogniser.loadGrammar('found', sentences(ORDERS.slice(0, 3)), {}, { background: true })
  await recogniser.loadGrammar('anything', sentences(['*']), {}, { dictation: true })
}, 60_000)
afterAll(async () => await recogniser.close())

const ORDERS = [
  'open work order four two seven',
  'open work order four two nine',
  'close work order four two seven',
  'log pressure four bar',
  'go to the next step',
]

async function hear(samples: Float32Array, more: Partial<StreamOptions> & { grammar?: string } = {}) {
  const stream = recogniser.open(more.grammar ?? 'orders', { sampleRate: 16_000, ...more })
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
  const partials: Heard[] = []
  const heard = await hear(samplesOf(spoken('open')), {
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
  await hear(whole, { onEndpoint })
  await hear(silence(3), {
    sampleRate: 16_000,
    onEndpoint,
    endpointing: { ...ENDPOINT_RULES, noSpeechMs: 2_000 },
  })
  await hear(silence(3), { onEndpoint })
  expect(rules).toEqual(['sentence', 'no_speech'])
})

test('a note is heard by the language model, after words of the grammar', async () => {
  const heard = await hear(samplesOf(spoken('note')), { grammar: 'notes' })
  expect(heard.text).toBe('note that the coupling is worn')
  expect(heard.words.map(({ open }) => open)).toEqual([false, false, true, true, true, true])
  expect(heard.confidence).toBeLessThanOrEqual(0.7)
  const order = await hear(samplesOf(spoken('open')), { grammar: 'notes' })
  expect(order).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
})

test('a command is found inside other speech, and not where there is none', async () => {
  const [note, order] = [samplesOf(spoken('note')), samplesOf(spoken('open'))]
  const both = new Float32Array(note.length + order.length)
  both.set(note)
  both.set(order, note.length)
  const found = await hear(both, { grammar: 'found' })
  const command = found.words.filter(({ open }) => !open).map(({ word }) => word)
  expect(command.join(' ')).toBe('open work order four two seven')
  expect(found.words.some(({ open }) => open)).toBe(true)
  expect((await hear(note, { grammar: 'found' })).kind).toBe('rejected')
})

test('dictation hears any word of the lexicon', async () => {
  const heard = await hear(samplesOf(spoken('note')), { grammar: 'anything' })
  expect(heard.text).toContain('the coupling is worn')
  expect(heard.words.every(({ open }) => open)).toBe(true)
})
