/** Dictation through the recogniser: two searches, one result. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../../edge-agent/models/shipped.ts'
import type { Hypothesis, Partial } from '../../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../../edge-agent/speech/recogniser.ts'
import type { StreamOptions } from '../../../../edge-agent/speech/speech-stream.ts'
import { DICTATION_TUNING } from '../../../../edge-agent/speech/tuning.ts'
import { samplesOf, spoken } from '../../../support/sounds.ts'
import { sentences } from '../sentences.ts'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  const dictation = (name: string, tuning?: typeof DICTATION_TUNING): Promise<unknown> =>
    recogniser.loadGrammar(name, sentences(['*']), {}, { dictation: true, ...(tuning && { tuning }) })
  await dictation('usual')
  await dictation('given', DICTATION_TUNING)
  await dictation('once', { ...DICTATION_TUNING, second: null })
}, 60_000)
afterAll(async () => await recogniser.close())

/** Three recordings one after the other: nine seconds, of which most is settled before the end. */
const LONG = (() => {
  const parts = (['open', 'note', 'look'] as const).map((name) => samplesOf(spoken(name)))
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  parts.reduce((at, part) => {
    all.set(part, at)
    return at + part.length
  }, 0)
  return all
})()

async function hear(grammar: string, more: globalThis.Partial<StreamOptions> = {}): Promise<Hypothesis> {
  const stream = recogniser.open(grammar, { sampleRate: 16_000, ...more })
  await stream.push(LONG)
  return await stream.finish()
}

it('is heard by its own tuning, and twice', async () => {
  const [usual, given, once] = [await hear('usual'), await hear('given'), await hear('once')]
  expect(usual.words).toEqual(given.words)
  expect(usual.words.map(({ evidence }) => evidence)).not.toEqual(once.words.map(({ evidence }) => evidence))
})

it('never takes back what a partial called stable', async () => {
  const partials: Partial[] = []
  const heard = await hear('usual', { onPartial: (partial) => partials.push(partial) })
  const last = { words: heard.words.map(({ word }) => word), stableWords: heard.words.length }
  let stable: readonly string[] = []
  for (const { words, stableWords } of [...partials, last]) {
    expect(words.slice(0, stable.length)).toEqual(stable)
    stable = words.slice(0, stableWords)
  }
  expect(Math.max(...partials.map(({ stableWords }) => stableWords))).toBeGreaterThan(3)
})

it('shows what was said just now, though the second search is a second and a half behind', async () => {
  const partials: Partial[] = []
  const heard = await hear('usual', { onPartial: (partial) => partials.push(partial) })
  expect(partials.length).toBeGreaterThan(5)
  for (const { audioMs, words } of partials) {
    const said = heard.words.filter(({ endMs }) => endMs < audioMs - 300).length
    expect(words.length).toBeGreaterThanOrEqual(said - 3)
  }
})

it('has times in order, and of each word a confidence', async () => {
  const heard = await hear('usual')
  for (const [at, { startMs, endMs, confidence }] of heard.words.entries()) {
    expect(endMs).toBeGreaterThan(startMs)
    expect(startMs).toBeGreaterThanOrEqual(heard.words[at - 1]?.endMs ?? 0)
    expect(confidence).toBeGreaterThan(0)
    expect(confidence).toBeLessThanOrEqual(1)
  }
})

it('prefers the phrases of a call', async () => {
  expect((await hear('usual')).text).not.toContain('coupling is worn')
  const biased = await hear('usual', { bias: { phrases: ['coupling is worn'] } })
  expect(biased.text).toContain('coupling is worn')
})
