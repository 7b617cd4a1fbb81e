import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import type { KnownVoice } from '../../../edge-agent/speech/known-voice.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { Resampler } from '../../../edge-agent/speech/resampler.ts'
import { callEars, isCall } from '../../../edge-agent/turn/call.ts'
import { openEars } from '../../../edge-agent/turn/ears.ts'
import type { Ears } from '../../../edge-agent/turn/ports.ts'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import { systemClock } from '../../../shared/clock.ts'
import { noise, samplesOf, silence, spoken, wav } from '../../support/sounds.ts'
import { sentences } from '../speech/sentences.ts'

const RATE = 8_000
const CALLER = 'open work order four two seven'
const AGENT = 'what is the status of the north chiller'

function atTelephone(name: 'open' | 'look' | 'yes'): Float32Array {
  return new Resampler(16_000, RATE).push(samplesOf(spoken(name)))
}

/** Each piece of speech where it begins, in quiet line noise. */
function line(lengthS: number, speech: readonly (readonly [number, Float32Array])[]): Float32Array {
  const out = noise(lengthS, 0.0005, RATE)
  for (const [atS, samples] of speech) samples.forEach((x, i) => (out[atS * RATE + i] = x))
  return out
}

describe('a recorded call', () => {
  let recogniser: Recogniser
  let ears: Ears
  beforeAll(async () => {
    recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
    await recogniser.loadGrammar('calls', sentences([CALLER, AGENT, 'yes please']))
    const traits = {
      class: 'acoustic',
      licence: 'BSD-2-Clause',
      residency: 'device',
      source: 'released',
    } as const
    ears = openEars(recogniser, 'calls', { clock: systemClock, traits, voiceModel: () => null })
  })
  afterAll(async () => await recogniser.close())

  it('knows the voice of each end from what it said before, and of the other end nothing', async () => {
    const caller = line(8, [
      [1, atTelephone('open')],
      [5, atTelephone('yes')],
    ])
    const agent = line(8, [[3, atTelephone('look')]])
    const voices = new Map<KnownVoice, string[]>()
    const watched: Ears = {
      model: ears.model,
      listen: async (audio, options) => {
        const { voice } = options
        if (voice === undefined) throw new Error('whose voice it is was not told')
        const heard = await ears.listen(audio, options)
        voices.set(voice, [...(voices.get(voice) ?? []), heard.text])
        return heard
      },
    }
    const audio = { sampleRateHz: RATE, channels: [caller, agent] }
    await callEars(watched, audio).listen(wavSource(wav(caller, { rate: RATE })), {
      onPartial: () => undefined,
      signal: new AbortController().signal,
    })
    const said = [...voices.values()].map((texts) => texts.filter((text) => text !== ''))
    expect(said).toHaveLength(2)
    expect(said).toEqual(expect.arrayContaining([[CALLER, 'yes please'], [AGENT]]))
    expect([...voices.keys()].map((voice) => voice.at(RATE) !== null)).toEqual([true, true])
  })

  it('is heard channel by channel, utterance by utterance, with times from its start', async () => {
    const caller = line(12, [
      [1, atTelephone('open')],
      [8, atTelephone('yes')],
    ])
    const agent = line(12, [[5, atTelephone('look')]])
    const stereo = new Float32Array(2 * caller.length)
    caller.forEach((x, i) => {
      stereo[2 * i] = x
      stereo[2 * i + 1] = agent[i] ?? 0
    })
    const audio = wavSource(wav(stereo, { rate: RATE, channels: 2 }))
    const { channels, sampleRateHz } = audio
    if (channels === undefined) throw new Error('it was not taken for a call')
    const heard = await callEars(ears, { channels, sampleRateHz }).listen(audio, {
      onPartial: () => undefined,
      signal: new AbortController().signal,
    })
    expect(heard.channels?.map(({ utterances }) => utterances.map(({ text }) => text))).toEqual([
      [CALLER, 'yes please'],
      [AGENT],
    ])
    expect(heard.text).toBe(`${CALLER} ${AGENT} yes please`)
    const [open, yes] = heard.channels?.[0]?.utterances ?? []
    const [look] = heard.channels?.[1]?.utterances ?? []
    for (const [said, fromMs, toMs] of [
      [open, 1_000, 4_000],
      [look, 5_000, 8_500],
      [yes, 8_000, 10_000],
    ] as const) {
      expect(said?.startMs).toBeGreaterThanOrEqual(fromMs - 100)
      expect(said?.endMs).toBeLessThanOrEqual(toMs)
      expect(said?.words.map(({ word }) => word).join(' ')).toBe(said?.text)
      const starts = said?.words.map(({ startMs }) => startMs) ?? []
      expect(starts).toEqual([...starts].sort((a, b) => a - b))
    }
  })

  it('is nothing when both ends are silent, and stops when it is told to', async () => {
    const channels = [silence(3, RATE), noise(3, 0.0005, RATE)]
    const call = callEars(ears, { channels, sampleRateHz: RATE })
    const audio = wavSource(wav(silence(1)))
    const options = { onPartial: () => undefined, signal: new AbortController().signal }
    expect(await call.listen(audio, options)).toMatchObject({ kind: 'nothing', text: '', confidence: 0 })
    await expect(
      call.listen(audio, { ...options, signal: AbortSignal.abort(new Error('stopped')) }),
    ).rejects.toThrow('stopped')
  })
})

describe('a stereo recording', () => {
  it('is a call only when its channels differ', () => {
    const one = noise(0.1, 0.5)
    expect(isCall([one, Float32Array.from(one)])).toBe(false)
    expect(isCall([one, one.map((x) => x + 1e-4)])).toBe(false)
    expect(isCall([one, silence(0.1)])).toBe(true)
    expect(isCall([one])).toBe(false)
    expect(isCall([silence(0.1), silence(0.1)])).toBe(false)
    expect(isCall([one, one, one])).toBe(false)
  })
})
