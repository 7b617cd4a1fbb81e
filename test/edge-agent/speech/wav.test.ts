import { describe, expect, it } from 'vitest'
import { AudioRefused, type AudioRefusal } from '../../../edge-agent/speech/errors.ts'
import { MAX_AUDIO_S, readWav } from '../../../edge-agent/speech/wav.ts'
import { aLawCode, chunk, muLawCode, type Shape, tone, waveFile } from './wave-files.ts'

const RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]

function refusal(bytes: Uint8Array): AudioRefused {
  try {
    readWav(bytes)
  } catch (thrown) {
    if (thrown instanceof AudioRefused) return thrown
    throw thrown
  }
  throw new Error('the bytes were read')
}

function worstDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? 0))), 0)
}

describe('WAV files', () => {
  const shapes: [Shape, number][] = [
    [{ codec: 1, bits: 8 }, 1 / 128],
    [{ codec: 1, bits: 16 }, 1 / 32_768],
    [{ codec: 1, bits: 24 }, 1 / 8_388_608],
    [{ codec: 1, bits: 32 }, 1e-7],
    [{ codec: 3, bits: 32 }, 1e-7],
    [{ codec: 3, bits: 64 }, 1e-7],
    [{ codec: 6, bits: 8 }, 0.02],
    [{ codec: 7, bits: 8 }, 0.02],
  ]

  it.each(shapes)(
    'of %o are read to their own precision, plain and extensible, mono and stereo',
    (shape, within) => {
      for (const rate of RATES)
        for (const channels of [1, 2])
          for (const extensible of [false, true]) {
            const sound = tone(440, 0.05, rate)
            const read = readWav(waveFile(sound, { ...shape, rate, channels, extensible }))
            expect(read.sampleRate).toBe(rate)
            expect(read.channels).toBe(channels)
            expect(read.warnings).toEqual([])
            expect(worstDifference(read.samples, sound)).toBeLessThanOrEqual(within)
          }
    },
  )

  it('are read past chunks that nobody asked for, of odd size, before and after the format', () => {
    const sound = tone(300, 0.1, 16_000)
    const extra = [chunk('LIST', Buffer.from('odd')), chunk('bext', Buffer.alloc(602))]
    const read = readWav(waveFile(sound, { rate: 16_000, before: extra, between: extra }))
    expect(worstDifference(read.samples, sound)).toBeLessThan(1e-4)
  })

  it('take the mean of their channels, so that opposite channels cancel', () => {
    const left = tone(300, 0.1, 16_000)
    const both = Float32Array.from(
      { length: 2 * left.length },
      (_, i) => (i % 2 === 0 ? 1 : -1) * (left[i >> 1] ?? 0),
    )
    const read = readWav(waveFile(both, { rate: 16_000, channels: 2, interleaved: true }))
    expect(Math.max(...read.samples.map(Math.abs))).toBeLessThan(1e-4)
  })

  it('follow G.711 at its ends and its middle', () => {
    const mu = readWav(
      waveFile(new Float32Array(0), {
        rate: 8_000,
        codec: 7,
        bits: 8,
        data: Buffer.from([0x00, 0x80, 0xff, 0x7f]),
      }),
    )
    expect([...mu.samples].map((x) => Math.round(x * 32_768))).toEqual([-32_124, 32_124, 0, 0])
    const a = readWav(
      waveFile(new Float32Array(0), {
        rate: 8_000,
        codec: 6,
        bits: 8,
        data: Buffer.from([0xaa, 0x2a, 0xd5, 0x55]),
      }),
    )
    expect([...a.samples].map((x) => Math.round(x * 32_768))).toEqual([32_256, -32_256, 8, -8])
    for (const value of [0.9, 0.3, 0.01, -0.01, -0.5]) {
      expect(Math.sign(value)).toBe(Math.sign(readWav(coded(7, muLawCode(value))).samples[0] ?? 0))
      expect(Math.sign(value)).toBe(Math.sign(readWav(coded(6, aLawCode(value))).samples[0] ?? 0))
    }
  })

  it('of a recorder that did not know their length yet are read to their end', () => {
    const sound = tone(300, 0.5, 16_000)
    for (const claimed of [0, 0xff_ff_ff_ff]) {
      const read = readWav(waveFile(sound, { rate: 16_000, claimed }))
      expect(read.samples.length).toBe(sound.length)
      expect(read.warnings).toEqual([])
    }
  })

  it('that are cut short give what is there, and say so', () => {
    const whole = waveFile(tone(300, 1, 16_000), { rate: 16_000 })
    const read = readWav(whole.subarray(0, 44 + 16_001))
    expect(read.samples.length).toBe(8_000)
    expect(read.warnings.join()).toContain('cut short')
  })

  it('that are clipped say so', () => {
    const loud = tone(300, 0.5, 16_000).map((x) => Math.max(-1, Math.min(1, 20 * x)))
    expect(readWav(waveFile(loud, { rate: 16_000 })).warnings.join()).toContain('clipped')
  })

  it('hold no number that is not one', () => {
    const broken = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 5, -5)
    const read = readWav(waveFile(broken, { rate: 16_000, codec: 3, bits: 32 }))
    expect([...read.samples]).toEqual([0, 0, 1, -1])
  })

  const plain = waveFile(tone(300, 0.1, 16_000), { rate: 16_000 })
  const bad: [string, Uint8Array, AudioRefusal][] = [
    ['nothing at all', Buffer.alloc(0), 'empty'],
    ['an MP3', Buffer.from('ID3\u0004 and so on, for long enough'), 'not-wav'],
    ['text of three letters', Buffer.from('abc'), 'not-wav'],
    ['RIFF with pictures inside', Buffer.from('RIFF\u0000\u0000\u0000\u0000AVI LIST'), 'not-wav'],
    ['big-endian RIFX', Buffer.concat([Buffer.from('RIFX'), plain.subarray(4)]), 'not-wav'],
    ['eight bytes', plain.subarray(0, 8), 'truncated-header'],
    ['a header without a format', plain.subarray(0, 14), 'truncated-header'],
    ['half a format', plain.subarray(0, 28), 'truncated-header'],
    ['a format and no data', plain.subarray(0, 36), 'no-data'],
    [
      'data before any format',
      Buffer.concat([plain.subarray(0, 12), chunk('data', Buffer.alloc(64))]),
      'no-format',
    ],
    ['data of no bytes', plain.subarray(0, 44), 'no-samples'],
    ['half a sample', plain.subarray(0, 45), 'no-samples'],
    [
      'ADPCM',
      waveFile(new Float32Array(0), { rate: 8_000, codec: 2, bits: 4, data: Buffer.alloc(256) }),
      'unsupported-codec',
    ],
    ['no channels', waveFile(tone(300, 0.1, 16_000), { rate: 16_000, channels: 0 }), 'unsupported-shape'],
    ['too low a rate', waveFile(tone(300, 0.1, 4_000), { rate: 4_000 }), 'unsupported-shape'],
    ['too high a rate', waveFile(tone(300, 0.1, 16_000), { rate: 192_000 }), 'unsupported-shape'],
    [
      'hours of it',
      waveFile(new Float32Array(0), {
        rate: 8_000,
        codec: 7,
        bits: 8,
        data: Buffer.alloc((MAX_AUDIO_S + 1) * 8_000),
      }),
      'too-long',
    ],
  ]

  it.each(bad)('with %s are refused', (_, bytes, reason) => {
    const refused = refusal(bytes)
    expect(refused.reason).toBe(reason)
    expect(refused.remedy).not.toBe('')
    expect(refused.details).toMatchObject({ reason })
  })

  it('cut anywhere are read or refused, and nothing else happens', () => {
    const whole = waveFile(tone(300, 0.01, 16_000), { rate: 16_000, extensible: true })
    for (let length = 0; length < whole.length; length++) {
      try {
        expect(readWav(whole.subarray(0, length)).samples.length).toBeGreaterThan(0)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(AudioRefused)
      }
    }
  })
})

function coded(codec: number, code: number): Buffer {
  return waveFile(new Float32Array(0), { rate: 8_000, codec, bits: 8, data: Buffer.from([code]) })
}
