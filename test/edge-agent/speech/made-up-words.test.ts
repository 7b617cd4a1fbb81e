import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import type { Hypothesis } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { Resampler } from '../../../edge-agent/speech/resampler.ts'
import { NON_SPEECH, type NonSpeech } from '../../support/non-speech.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'
import { sentences } from './sentences.ts'

const RATE = 16_000
/** A minute of each in all, in utterances as long as a button is held. `npm run bench -- speech-rejection` plays an hour. */
const UTTERANCES = 10
const UTTERANCE_S = 6
/** Longer than what a stream keeps to go over again. */
const LATE_S = 14

describe('where nobody speaks', () => {
  let recogniser: Recogniser
  beforeAll(async () => {
    recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
    const grammar = sentences(['yes please', 'no', 'go ahead', 'open work order four two seven', 'next step'])
    await recogniser.loadGrammar('commands', grammar)
  })
  afterAll(async () => await recogniser.close())

  const hear = async (samples: Float32Array): Promise<{ final: Hypothesis; partials: string[] }> => {
    const partials: string[] = []
    const stream = recogniser.open('commands', {
      sampleRate: RATE,
      onPartial: ({ text }) => partials.push(text),
    })
    await stream.push(samples)
    return { final: await stream.finish(), partials }
  }
  const hearAll = async (sound: NonSpeech): Promise<{ final: Hypothesis; partials: string[] }[]> =>
    await Promise.all(
      Array.from(
        { length: UTTERANCES },
        async (_, seed) => await hear(NON_SPEECH[sound](UTTERANCE_S, seed + 1)),
      ),
    )

  it.each(['silence', 'quiet room', 'hum', 'white noise', 'pink noise', 'brown noise'] as const)(
    'nothing at all is heard in %s, not even on the way',
    async (sound) => {
      const heard = await hearAll(sound)
      expect(heard.filter(({ final }) => final.kind !== 'nothing')).toEqual([])
      expect(heard.flatMap(({ partials }) => partials)).toEqual([])
    },
  )

  it.each(['music', 'babble'] as const)('no command is taken from %s', async (sound) => {
    const heard = await hearAll(sound)
    expect(heard.filter(({ final }) => final.kind === 'heard').map(({ final }) => final.text)).toEqual([])
  })

  it.each([16_000, 8_000])(
    'speech that begins long after the microphone was opened is heard, at %d Hz',
    async (sampleRate) => {
      const speech = samplesOf(spoken('open'))
      const resampler = new Resampler(RATE, sampleRate)
      const said = Float32Array.from([...resampler.push(speech), ...resampler.finish()])
      const all = NON_SPEECH['quiet room'](LATE_S, 5)
      const stream = recogniser.open('commands', { sampleRate })
      await stream.push(all.subarray(0, LATE_S * sampleRate))
      await stream.push(said)
      const final = await stream.finish()
      expect(final).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
      expect(final.words[0]?.startMs).toBeGreaterThan(1_000 * LATE_S)
    },
  )

  it('speech that begins after five seconds of noise is still heard in it, where it is', async () => {
    const speech = samplesOf(spoken('open'))
    const sound = NON_SPEECH['pink noise'](8, 3).map((x) => 0.1 * x)
    speech.forEach((x, i) => (sound[5 * RATE + i] = (sound[5 * RATE + i] ?? 0) + x))
    const { final } = await hear(sound)
    expect(final).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
    expect(final.words[0]?.startMs).toBeGreaterThan(4_800)
    expect(final.words.at(-1)?.endMs).toBeLessThan(7_500)
  })
})
