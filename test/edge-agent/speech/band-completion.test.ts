import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { BandCompletion } from '../../../edge-agent/speech/band-completion.ts'
import { FullBandChannel, INITIAL_MEAN } from '../../../edge-agent/speech/channel.ts'
import { Channels } from '../../../edge-agent/speech/channels.ts'
import { ModelRefused } from '../../../edge-agent/speech/errors.ts'
import {
  CEPSTRA,
  type Frame,
  FrontEnd,
  MEL_BANDS,
  observedBands,
  SHOWN,
} from '../../../edge-agent/speech/front-end.ts'
import { NarrowBandChannel } from '../../../edge-agent/speech/narrow-band-channel.ts'
import { Resampler } from '../../../edge-agent/speech/resampler.ts'
import { speechMixture } from '../../../edge-agent/speech/speech-mixture.ts'
import { cholesky, inverse, solveByFactor } from '../../../edge-agent/speech/symmetric-matrix.ts'
import { TUNING } from '../../../edge-agent/speech/tuning.ts'
import { VocalTract } from '../../../edge-agent/speech/vocal-tract.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'

const mixture = speechMixture(readFileSync(new URL('mixture.json', MODEL_FOLDERS.speech), 'utf8'))

const tract = new VocalTract(mixture)

function converted(samples: Float32Array, from: number, to: number): Float32Array {
  const resampler = new Resampler(from, to)
  return Float32Array.from([...resampler.push(samples), ...resampler.finish()])
}

function frames(samples: Float32Array): Frame[] {
  const frontEnd = new FrontEnd()
  return [...frontEnd.push(samples), ...frontEnd.finish()]
}

/** Root mean square over cepstra 1 to 12 of loud frames, each side less its own mean: what the acoustic model would see. */
function distance(a: readonly Float64Array[], b: readonly Float64Array[], loud: readonly number[]): number {
  const mean = (of: readonly Float64Array[], c: number) =>
    loud.reduce((sum, t) => sum + (of[t]?.[c] ?? NaN), 0) / loud.length
  let total = 0
  for (let c = 1; c < CEPSTRA; c++) {
    const [ma, mb] = [mean(a, c), mean(b, c)]
    for (const t of loud) total += ((a[t]?.[c] ?? NaN) - ma - (b[t]?.[c] ?? NaN) + mb) ** 2
  }
  return Math.sqrt(total / loud.length / (CEPSTRA - 1))
}

describe('audio of a telephone', () => {
  const wide = samplesOf(spoken('log'))
  const narrow = converted(converted(wide, 16_000, 8_000), 8_000, 16_000)
  const whole = frames(wide)
  const cut = frames(narrow)
  const loud = whole.flatMap((frame, t) => (frame.aboveNoise > 1.5 && t < cut.length ? [t] : []))

  it('fills 19 of 25 bands at 8 kHz, and all of them from 14.4 kHz on', () => {
    expect(observedBands(8_000)).toBe(19)
    expect(observedBands(11_025)).toBeGreaterThan(19)
    expect(observedBands(11_025)).toBeLessThan(MEL_BANDS)
    expect(observedBands(14_400)).toBe(MEL_BANDS)
    expect(observedBands(16_000)).toBe(MEL_BANDS)
  })

  it('gets cepstra nearer to those of the whole band than its own', () => {
    const channel = new NarrowBandChannel(new BandCompletion(mixture, 19), 1_000)
    for (const frame of cut) channel.hear(frame, frame.aboveNoise > 1.2)
    const { cepstra } = channel.settle()
    const reference = whole.map((frame) => frame.cepstra)
    const own = cut.map((frame) => frame.cepstra)
    expect(loud.length).toBeGreaterThan(30)
    expect(distance(cepstra, reference, loud)).toBeLessThan(0.85 * distance(own, reference, loud))
  })

  it('is completed the same, however loud it is, but for the channel', () => {
    const settled = [1, 0.25].map((gain) => {
      const channel = new NarrowBandChannel(new BandCompletion(mixture, 19), 1_000)
      for (const frame of frames(narrow.map((sample) => gain * sample)))
        channel.hear(frame, frame.aboveNoise > 1.2)
      return channel.settle()
    })
    const [loudly, softly] = settled
    // A quarter of the amplitude is log(16) less power in each band, which the first cepstrum sums: 25 bands / sqrt(25).
    const fall = (loudly?.mean[0] ?? NaN) - (softly?.mean[0] ?? NaN)
    expect(fall).toBeGreaterThan(0.7 * 5 * Math.log(16))
    expect(fall).toBeLessThan(1.1 * 5 * Math.log(16))
  })

  it('has a channel of its own kind', () => {
    const channels = new Channels(mixture)
    expect(channels.open(8_000, TUNING)).toBeInstanceOf(NarrowBandChannel)
    expect(channels.open(16_000, TUNING)).toBeInstanceOf(FullBandChannel)
  })

  it('keeps no more frames than will be gone over again', () => {
    const channel = new NarrowBandChannel(new BandCompletion(mixture, 19), 10)
    for (const frame of cut) channel.hear(frame, true)
    const { cepstra } = channel.settle()
    expect(cepstra).toHaveLength(10)
    const kept = new NarrowBandChannel(new BandCompletion(mixture, 19), 1_000)
    for (const frame of cut) kept.hear(frame, true)
    expect(kept.settle().cepstra.slice(-10)).toEqual(cepstra)
  })
})

describe('a channel', () => {
  it('is the mean known beforehand until speech is heard', () => {
    expect(new NarrowBandChannel(new BandCompletion(mixture, 19), 10).mean()).toEqual(INITIAL_MEAN)
    const channel = new FullBandChannel({ priorFrames: 20, settleFrames: 10, tract })
    expect([...channel.mean()]).toEqual([...INITIAL_MEAN])
    expect([...channel.settle().mean]).toEqual([...INITIAL_MEAN])
  })

  it('takes over from what was known beforehand as speech is heard, and only speech', () => {
    const channel = new FullBandChannel({ priorFrames: 30, settleFrames: 10, tract })
    const cepstra = INITIAL_MEAN.map((value) => value + 8)
    const frame: Frame = {
      cepstra,
      logBands: new Float64Array(MEL_BANDS),
      aboveNoise: 3,
      level: 0.1,
      voicing: 0,
      shown: new Float32Array(SHOWN),
    }
    for (let t = 0; t < 10; t++) channel.hear(frame, true)
    channel.hear({ ...frame, cepstra: new Float64Array(CEPSTRA).fill(1e6) }, false)
    expect((channel.mean()[0] ?? NaN) - (INITIAL_MEAN[0] ?? NaN)).toBeCloseTo(2, 9)
  })
})

describe('a speech mixture', () => {
  it.each([
    ['no weights', { weights: [], means: [], variances: [] }],
    [
      'fewer means than weights',
      { weights: [1], means: [], variances: [Array.from({ length: 13 }, () => 1)] },
    ],
    [
      'a variance of zero',
      {
        weights: [1],
        means: [Array.from({ length: 13 }, () => 0)],
        variances: [Array.from({ length: 13 }, () => 0)],
      },
    ],
    ['another dimension', { weights: [1], means: [[0]], variances: [[1]] }],
  ])('with %s is refused', (_, file) => {
    expect(() => speechMixture(JSON.stringify(file))).toThrow(ModelRefused)
  })
})

describe('a symmetric matrix', () => {
  const matrix = Float64Array.of(4, 2, 0.6, 2, 5, 1, 0.6, 1, 3)

  it('is solved and inverted by its factor', () => {
    const factor = cholesky(matrix, 3) ?? new Float64Array()
    const x = solveByFactor(factor, Float64Array.of(1, -2, 3))
    for (let row = 0; row < 3; row++) {
      let sum = 0
      for (let c = 0; c < 3; c++) sum += (matrix[3 * row + c] ?? NaN) * (x[c] ?? NaN)
      expect(sum).toBeCloseTo([1, -2, 3][row] ?? NaN, 12)
    }
    const { inverse: inverted, logDeterminant } = inverse(factor, 3)
    expect((inverted[0] ?? NaN) * 4 + (inverted[1] ?? NaN) * 2 + (inverted[2] ?? NaN) * 0.6).toBeCloseTo(
      1,
      12,
    )
    expect(logDeterminant).toBeCloseTo(Math.log(4 * 14 - 2 * 5.4 + 0.6 * -1), 12)
  })

  it('that is not positive definite has no factor', () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined()
  })
})
