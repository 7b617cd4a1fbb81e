import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ManifestRefused, readManifest } from '../../../edge-agent/evaluation/manifest.ts'
import { NoiseRefused, openNoise, recordingOf } from '../../../edge-agent/evaluation/recording.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { noise, silence, wav } from '../../support/sounds.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
const at = (name: string): string => join(folder.path, name)
const write = (text: string): string => {
  writeFileSync(at('manifest.jsonl'), text)
  return at('manifest.jsonl')
}
const refusal = (text: string): ManifestRefused => {
  try {
    readManifest(write(text))
  } catch (thrown) {
    if (thrown instanceof ManifestRefused) return thrown
  }
  throw new Error('it was not refused')
}

beforeAll(async () => {
  folder = await dataFolder('manifest')
  writeFileSync(at('a.wav'), wav(noise(0.1, 0.5)))
  writeFileSync(at('silent.wav'), wav(silence(0.1)))
  const left = noise(0.1, 0.5)
  const both = new Float32Array(2 * left.length)
  left.forEach((value, i) => (both[2 * i] = value))
  writeFileSync(at('call.wav'), wav(both, { channels: 2 }))
  writeFileSync(at('text.wav'), 'this is no sound')
})
afterAll(async () => await folder.remove())

describe('a manifest', () => {
  it('gives its recordings, and counts the keys that mean nothing here', () => {
    const { entries, ignoredKeys } = readManifest(
      write(
        '{"audio":"a.wav","text":"next step","speaker":"x"}\n\n{"audio":"a.wav","intent":"step.next","slots":{"n":5},"set":"b","speaker":"y"}\n{"audio":"a.wav","intent":null}\n',
      ),
    )
    expect(entries.map(({ line, text, intent, slots, set }) => ({ line, text, intent, slots, set }))).toEqual(
      [
        { line: 1, text: 'next step', intent: undefined, slots: {}, set: 'all' },
        { line: 3, text: null, intent: 'step.next', slots: { n: 5 }, set: 'b' },
        { line: 4, text: null, intent: null, slots: {}, set: 'all' },
      ],
    )
    expect(ignoredKeys).toEqual({ speaker: 2 })
  })

  it.each([
    ['{"audio":"a.wav"}\n{"audio":', 2, /not JSON/],
    ['{"audio":"a.wav"}\n\n[1]', 3, /not a JSON object/],
    ['{"text":"next step"}', 1, /audio/],
    ['{"audio":"a.wav","text":7}', 1, /text/],
    ['{"audio":"a.wav","slots":{"size":"small"}}', 1, /slots but no intent/],
    ['{"audio":"a.wav","intent":"x","slots":{"size":["small"]}}', 1, /size/],
    ['{"audio":"a.wav","channel":-1}', 1, /channel/],
    ['{"audio":"a.wav"}\n{"audio":"missing.wav"}', 2, /missing\.wav/],
  ])('is refused by the line that is wrong: %s', (text, line, why) => {
    const refused = refusal(text)
    expect(refused.details['line']).toBe(line)
    expect(refused.message).toMatch(why)
    expect(refused.remedy).not.toBe('')
  })

  it('is refused when it is missing or names nothing', () => {
    expect(() => readManifest(at('none.jsonl'))).toThrow(ManifestRefused)
    expect(refusal('\n\n').message).toMatch(/no recording/)
  })

  it('names one channel of a stereo file, and is refused where there is none', () => {
    const [first, second, third] = readManifest(
      write([0, 1, 2].map((channel) => JSON.stringify({ audio: 'call.wav', channel })).join('\n')),
    ).entries
    if (first === undefined || second === undefined || third === undefined) throw new Error('three entries')
    expect(recordingOf(first).samples.some((value) => value !== 0)).toBe(true)
    expect(recordingOf(second).samples.every((value) => value === 0)).toBe(true)
    expect(() => recordingOf(third)).toThrow(/line 3/)
  })

  it('is refused by the line of a recording that is no sound', () => {
    const [, entry] = readManifest(write('{"audio":"a.wav"}\n{"audio":"text.wav"}')).entries
    if (entry === undefined) throw new Error('two entries')
    expect(() => recordingOf(entry)).toThrow(/line 2: text\.wav/)
  })
})

describe('noise', () => {
  it('begins elsewhere for each recording, and in the same place each time', () => {
    const sound = { sampleRate: 16_000, samples: noise(0.05, 0.1) }
    const one = openNoise(at('a.wav'), { snrDb: 10, seed: 1 })
    const again = openNoise(at('a.wav'), { snrDb: 10, seed: 1 })
    const other = openNoise(at('a.wav'), { snrDb: 10, seed: 2 })
    expect(one.mix(sound, 0)).toEqual(again.mix(sound, 0))
    expect(one.mix(sound, 0)).not.toEqual(one.mix(sound, 1))
    expect(one.mix(sound, 0)).not.toEqual(other.mix(sound, 0))
  })

  it('is refused when it is silent or no sound', () => {
    expect(() => openNoise(at('silent.wav'), { snrDb: 10, seed: 0 })).toThrow(NoiseRefused)
    expect(() => openNoise(at('text.wav'), { snrDb: 10, seed: 0 })).toThrow(NoiseRefused)
  })
})
