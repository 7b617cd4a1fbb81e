import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { ModelRefused, RecogniserBusy, RecogniserGone } from '../../../edge-agent/speech/errors.ts'
import type { Hypothesis } from '../../../edge-agent/speech/hypothesis.ts'
import { MAX_STREAMS } from '../../../edge-agent/speech/recogniser-thread.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { noise, samplesOf, silence, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

const MODEL = fileURLToPath(MODEL_FOLDERS.speech)
const RATE = 16_000
const SENTENCES = [
  'open work order four two seven',
  'log a reading of four point two bar',
  'what is the status of the north chiller',
  'yes please',
]

async function open(entry?: URL): Promise<Recogniser> {
  const recogniser = await openRecogniser({ modelDir: MODEL, ...(entry === undefined ? {} : { entry }) })
  await recogniser.loadGrammar('sentences', sentences(SENTENCES))
  return recogniser
}

async function hear(
  recogniser: Recogniser,
  samples: Float32Array,
  block: (turn: number) => number = () => 1_600,
): Promise<Hypothesis> {
  const stream = recogniser.open('sentences', { sampleRate: RATE })
  for (let at = 0, turn = 0; at < samples.length; turn++) {
    const size = block(turn)
    await stream.push(samples.subarray(at, at + size))
    at += size
  }
  return await stream.finish()
}

/** All that does not depend on how long it took. */
function content({ kind, text, words, confidence }: Hypothesis): object {
  return { kind, text, words, confidence }
}

describe('a recogniser', () => {
  let recogniser: Recogniser
  beforeAll(async () => {
    recogniser = await open()
  })
  afterAll(async () => await recogniser.close())

  it('hears the same however the samples are cut', async () => {
    const samples = samplesOf(spoken('log'))
    const whole = await hear(recogniser, samples, () => samples.length)
    expect(whole).toMatchObject({ kind: 'heard', text: 'log a reading of four point two bar' })
    for (const cut of [() => 160, () => 1_601, (turn: number) => 1 + ((turn * 7_919) % 5_003)])
      expect(content(await hear(recogniser, samples, cut))).toEqual(content(whole))
  })

  it('hears twenty streams at once as it hears each alone', async () => {
    const recordings = ['open', 'log', 'look', 'yes'] as const
    const alone = await Promise.all(
      recordings.map(async (name) => content(await hear(recogniser, samplesOf(spoken(name))))),
    )
    const turns = Array.from({ length: 20 }, (_, i) => i % recordings.length)
    const together = await Promise.all(
      turns.map(async (turn) =>
        content(await hear(recogniser, samplesOf(spoken(recordings[turn] ?? 'log')), () => 800 + 90 * turn)),
      ),
    )
    expect(together).toEqual(turns.map((turn) => alone[turn]))
  })

  it('forgets an aborted stream, and goes on with the others', async () => {
    const samples = samplesOf(spoken('open'))
    const aborted = recogniser.open('sentences', { sampleRate: RATE })
    const kept = hear(recogniser, samples)
    const pushed = aborted.push(new Float32Array(20 * RATE))
    aborted.abort()
    await expect(pushed).rejects.toThrow(RecogniserGone)
    await expect(aborted.finish()).rejects.toThrow(RecogniserGone)
    await expect(aborted.drained()).rejects.toThrow(RecogniserGone)
    expect(await kept).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
  })

  it('hears nothing in broken and hostile audio, and goes on', async () => {
    const hostile: Record<string, Float32Array> = {
      'no sample': new Float32Array(0),
      'one sample': Float32Array.of(1),
      'not a number': new Float32Array(RATE).fill(Number.NaN),
      infinity: new Float32Array(RATE).map((_, i) => (i % 2 === 0 ? Infinity : -Infinity)),
      'far over full scale': noise(1, 1e30),
      'direct current': new Float32Array(RATE).fill(1),
      'half the sampling rate': new Float32Array(RATE).map((_, i) => (i % 2 === 0 ? 1 : -1)),
      'one click': new Float32Array(RATE).map((_, i) => (i === 8_000 ? 1 : 0)),
      denormals: new Float32Array(RATE).fill(1e-42),
    }
    for (const [name, samples] of Object.entries(hostile))
      expect((await hear(recogniser, samples)).kind, name).not.toBe('heard')
    expect(await hear(recogniser, samplesOf(spoken('yes')))).toMatchObject({ text: 'yes please' })
  })

  it('takes 8 to 48 kHz and refuses other rates and unknown grammars', () => {
    for (const sampleRate of [7_999, 48_001, Number.NaN, 0, -16_000, Infinity])
      expect(() => recogniser.open('sentences', { sampleRate })).toThrow(
        expect.objectContaining({ code: 'sample_rate_refused' }),
      )
    expect(() => recogniser.open('none', { sampleRate: RATE })).toThrow(
      expect.objectContaining({ code: 'grammar_unknown' }),
    )
  })

  it('refuses one stream more than it may hold', () => {
    const streams = Array.from({ length: MAX_STREAMS }, () =>
      recogniser.open('sentences', { sampleRate: RATE }),
    )
    expect(() => recogniser.open('sentences', { sampleRate: RATE })).toThrow(RecogniserBusy)
    for (const stream of streams) stream.abort()
    recogniser.open('sentences', { sampleRate: RATE }).abort()
  })

  it('gives partials on the way, and each is a beginning of what was said', async () => {
    const partials: string[] = []
    const stream = recogniser.open('sentences', {
      sampleRate: RATE,
      onPartial: ({ text }) => partials.push(text),
    })
    await stream.push(samplesOf(spoken('log')))
    const { text } = await stream.finish()
    expect(partials.length).toBeGreaterThan(0)
    expect(partials.filter((partial) => !text.startsWith(partial))).toEqual([])
  })
})

describe('a recogniser of two threads', () => {
  it('hears in both as in one, and goes on in one when the other has ended', async () => {
    const entry = new URL('./failing.worker.mjs', import.meta.url)
    const recogniser = await openRecogniser({ modelDir: MODEL, entry, threads: 2 })
    try {
      await recogniser.loadGrammar('sentences', sentences(SENTENCES))
      const texts = await Promise.all(
        Array.from({ length: 4 }, async () => await hear(recogniser, samplesOf(spoken('open')))),
      )
      expect(texts.map(({ text }) => text)).toEqual(Array(4).fill('open work order four two seven'))
      const streams = Array.from({ length: 2 * MAX_STREAMS }, () =>
        recogniser.open('sentences', { sampleRate: RATE }),
      )
      expect(() => recogniser.open('sentences', { sampleRate: RATE })).toThrow(RecogniserBusy)
      for (const stream of streams) stream.abort()
      const held = recogniser.open('sentences', { sampleRate: RATE })
      for (let turn = 0; turn < 4; turn++) {
        const stream = recogniser.open('sentences', { sampleRate: RATE })
        await stream.push(Float32Array.of(0.123_456_7))
        await expect(stream.finish()).rejects.toThrow(RecogniserGone)
      }
      await held.push(samplesOf(spoken('open')))
      expect(await held.finish()).toMatchObject({ text: 'open work order four two seven' })
      expect(await hear(recogniser, samplesOf(spoken('open')))).toMatchObject({ kind: 'heard' })
    } finally {
      await recogniser.close()
    }
  })
})

describe('a recogniser whose thread fails', () => {
  const entry = new URL('./failing.worker.mjs', import.meta.url)
  const FATAL = Float32Array.of(0.123_456_7)

  it('tells every stream, starts the thread again with its grammars, and hears as before', async () => {
    const recogniser = await open(entry)
    try {
      const innocent = recogniser.open('sentences', { sampleRate: RATE })
      const other = innocent.finish.bind(innocent)
      await innocent.push(silence(0.2))
      const guilty = recogniser.open('sentences', { sampleRate: RATE })
      await guilty.push(FATAL)
      await expect(guilty.finish()).rejects.toThrow(RecogniserGone)
      await expect(other()).rejects.toThrow(RecogniserGone)
      expect(await hear(recogniser, samplesOf(spoken('open')))).toMatchObject({
        kind: 'heard',
        text: 'open work order four two seven',
      })
    } finally {
      await recogniser.close()
    }
  })

  it('stays ended when it fails again and again', async () => {
    const recogniser = await open(entry)
    try {
      for (let turn = 0; turn < 4; turn++) {
        const stream = recogniser.open('sentences', { sampleRate: RATE })
        await stream.push(FATAL)
        await expect(stream.finish()).rejects.toThrow(RecogniserGone)
      }
      expect(() => recogniser.open('sentences', { sampleRate: RATE })).toThrow(RecogniserGone)
      await expect(recogniser.loadGrammar('more', sentences(['yes']))).rejects.toThrow(RecogniserGone)
    } finally {
      await recogniser.close()
    }
  })

  it('is refused when the model is not there, or the wait for it is given up', async () => {
    await expect(openRecogniser({ modelDir: '/nonexistent' })).rejects.toThrow(ModelRefused)
    const signal = AbortSignal.abort(new Error('given up'))
    await expect(openRecogniser({ modelDir: MODEL, signal })).rejects.toThrow('given up')
  })
})
