/** A voice that is heard again: what was learnt of it and of the line, taken up by the next stream. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import type { Channel } from '../../../edge-agent/speech/channel.ts'
import { Channels } from '../../../edge-agent/speech/channels.ts'
import { type Frame, FrontEnd } from '../../../edge-agent/speech/front-end.ts'
import { KEPT_FRAMES, KnownVoice } from '../../../edge-agent/speech/known-voice.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { Resampler } from '../../../edge-agent/speech/resampler.ts'
import { speechMixture } from '../../../edge-agent/speech/speech-mixture.ts'
import { TUNING } from '../../../edge-agent/speech/tuning.ts'
import { noise, samplesOf, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

const ORDER = 'open work order four two seven'
const mixture = speechMixture(
  readFileSync(fileURLToPath(new URL('mixture.json', MODEL_FOLDERS.speech)), 'utf8'),
)
const channels = new Channels(mixture)

function framesAt(rate: number): readonly Frame[] {
  const samples = new Resampler(16_000, rate).push(samplesOf(spoken('open')))
  const frontEnd = new FrontEnd()
  return [...frontEnd.push(new Resampler(rate, 16_000).push(samples)), ...frontEnd.finish()]
}

function heardBy(channel: Channel, frames: readonly Frame[]): Channel {
  for (const frame of frames) channel.hear(frame, frame.aboveNoise > TUNING.speechAboveNoise)
  return channel
}

describe.each([8_000, 16_000])('a channel at %i Hz', (rate) => {
  it('knows after recalling what it knew after hearing', () => {
    const first = heardBy(channels.open(rate, TUNING), framesAt(rate))
    const second = channels.open(rate, TUNING)
    const spoke = framesAt(rate).filter(({ aboveNoise }) => aboveNoise > TUNING.speechAboveNoise).length
    expect(second.recall(first.lastSpeech())).toBe(spoke)
    const [known, recalled] = [first.settle().mean, second.settle().mean]
    for (const [c, value] of recalled.entries()) expect(Math.abs(value - (known[c] ?? NaN))).toBeLessThan(0.1)
  })

  it('keeps the last of the speech and no more', () => {
    const channel = channels.open(rate, TUNING)
    for (let turn = 0; turn < 4; turn++) heardBy(channel, framesAt(rate))
    const next = channels.open(rate, TUNING)
    expect(next.recall(channel.lastSpeech())).toBe(KEPT_FRAMES)
  })
})

describe('a voice that is heard again', () => {
  let recogniser: Recogniser
  beforeAll(async () => {
    recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
    await recogniser.loadGrammar('orders', sentences([ORDER, 'close work order four two nine', 'yes please']))
  }, 60_000)
  afterAll(async () => await recogniser.close())

  async function hear(samples: Float32Array, voice: KnownVoice, sampleRate = 16_000) {
    const stream = recogniser.open('orders', { sampleRate, voice })
    await stream.push(samples)
    return await stream.finish()
  }

  it('is learnt from what was understood', async () => {
    const voice = new KnownVoice()
    expect(voice.at(16_000)).toBeNull()
    expect((await hear(samplesOf(spoken('open')), voice)).text).toBe(ORDER)
    expect(voice.at(16_000)?.length).toBeGreaterThan(0)
  })

  it('is not learnt from noise, nor from what was turned away', async () => {
    const voice = new KnownVoice()
    await hear(noise(2, 0.1), voice)
    expect(voice.at(16_000)).toBeNull()
    expect((await hear(samplesOf(spoken('note')), voice)).kind).toBe('rejected')
    expect(voice.at(16_000)).toBeNull()
  })

  it('counts in what is heard next, and over its own line alone', async () => {
    const evidenceWith = async (voice: KnownVoice) =>
      (await hear(samplesOf(spoken('yes')), voice)).words.map(({ evidence }) => evidence)
    const [known, elsewhere] = [new KnownVoice(), new KnownVoice()]
    await hear(samplesOf(spoken('open')), known)
    await hear(new Resampler(16_000, 8_000).push(samplesOf(spoken('open'))), elsewhere, 8_000)
    expect(elsewhere.at(8_000)).not.toBeNull()
    const plain = await evidenceWith(new KnownVoice())
    expect(await evidenceWith(elsewhere)).toEqual(plain)
    expect(await evidenceWith(known)).not.toEqual(plain)
  })

  it('is never decoded twice, once it is known', async () => {
    const decoded = async (voice: KnownVoice): Promise<number> => {
      const partials: number[] = []
      const stream = recogniser.open('orders', {
        sampleRate: 16_000,
        voice,
        onPartial: ({ stableWords }) => partials.push(stableWords),
      })
      await stream.push(samplesOf(spoken('open')))
      await stream.finish()
      return partials.findIndex((stable) => stable > 0)
    }
    const voice = new KnownVoice()
    const first = await decoded(voice)
    await hear(samplesOf(spoken('open')), voice)
    const later = await decoded(voice)
    expect(later).toBeGreaterThanOrEqual(0)
    expect(first === -1 || later < first).toBe(true)
  })
})
