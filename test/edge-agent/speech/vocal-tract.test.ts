import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { FullBandChannel } from '../../../edge-agent/speech/channel.ts'
import {
  CEPSTRA,
  FrontEnd,
  MEL_BANDS,
  spectrumOfCepstra,
  warpedPlaces,
} from '../../../edge-agent/speech/front-end.ts'
import { logDeterminant } from '../../../edge-agent/speech/matrix.ts'
import { Resampler } from '../../../edge-agent/speech/resampler.ts'
import { speechMixture } from '../../../edge-agent/speech/speech-mixture.ts'
import { LEAST_TRACT_FRAMES, TRACTS, VocalTract, warpedBy } from '../../../edge-agent/speech/vocal-tract.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'

const RATE_HZ = 16_000
const mixture = speechMixture(readFileSync(new URL('mixture.json', MODEL_FOLDERS.speech), 'utf8'))
const tract = new VocalTract(mixture)
const channelOf = (): FullBandChannel => new FullBandChannel({ priorFrames: 30, settleFrames: 1_000, tract })

/** The factor that each warp stands for, by what it does to one spectrum. */
const factors = new Map(TRACTS.map((factor, at) => [tract.warps[at]?.matrix, factor]))

/** As if its speaker were shorter or longer: played back at another speed, all frequencies times `factor`. */
function scaled(samples: Float32Array, factor: number): Float32Array {
  const resampler = new Resampler(Math.round(RATE_HZ * factor), RATE_HZ)
  return Float32Array.from([...resampler.push(samples), ...resampler.finish()])
}

function speechOf(samples: Float32Array): Float64Array[] {
  const frontEnd = new FrontEnd()
  return [...frontEnd.push(samples), ...frontEnd.finish()]
    .filter(({ aboveNoise }) => aboveNoise > 1.2)
    .map(({ cepstra }) => cepstra)
}

function factorOf(samples: Float32Array): number {
  const speech = speechOf(samples)
  const mean = Float64Array.from(
    { length: CEPSTRA },
    (_, c) => speech.reduce((sum, row) => sum + (row[c] ?? NaN), 0) / speech.length,
  )
  return factors.get(tract.found(speech, (warp) => warpedBy(warp, mean))) ?? NaN
}

describe('a vocal tract', () => {
  it('of the usual length changes nothing', () => {
    const usual = tract.warps[TRACTS.indexOf(1)]
    expect(usual?.logDeterminant).toBeCloseTo(0, 9)
    const frame = Float64Array.from({ length: CEPSTRA }, (_, c) => 10 / (1 + c))
    warpedBy(usual?.matrix ?? new Float64Array(), frame).forEach((value, c) =>
      expect(value).toBeCloseTo(frame[c] ?? NaN, 9),
    )
  })

  it('is found shorter when the same voice is played faster, and longer when slower', () => {
    const samples = samplesOf(spoken('log'))
    const [slow, plain, fast] = [0.92, 1, 1.08].map((factor) => factorOf(scaled(samples, factor)))
    expect(fast).toBeGreaterThan(plain ?? NaN)
    expect(slow).toBeLessThan(plain ?? NaN)
    // Each is out of the range by a step or two at most, where the plain one lies near its edge.
    expect((fast ?? NaN) - (slow ?? NaN)).toBeGreaterThan(0.08)
  })

  it('taken out, voices of different lengths come closer to one another', () => {
    const samples = samplesOf(spoken('log'))
    const settled = [0.94, 1.06].map((factor) => {
      const channel = channelOf()
      const frontEnd = new FrontEnd()
      const frames = [...frontEnd.push(scaled(samples, factor)), ...frontEnd.finish()]
      for (const frame of frames) channel.hear(frame, frame.aboveNoise > 1.2)
      const { mean, cepstra = [] } = channel.settle()
      const of = (rows: readonly Float64Array[], about: Float64Array): Float64Array =>
        average(frames.flatMap(({ aboveNoise }, t) => (aboveNoise > 1.2 ? [rows[t] ?? about] : [])))
      return {
        plain: of(
          frames.map((frame) => frame.cepstra),
          mean,
        ),
        warped: of(cepstra, mean),
      }
    })
    const apart = (which: 'plain' | 'warped'): number =>
      Math.hypot(
        ...Array.from(
          { length: CEPSTRA - 1 },
          (_, c) => (settled[0]?.[which][c + 1] ?? NaN) - (settled[1]?.[which][c + 1] ?? NaN),
        ),
      )
    expect(apart('warped')).toBeLessThan(0.8 * apart('plain'))
  })

  it('is not guessed from a word or two', () => {
    const channel = channelOf()
    const [frame] = new FrontEnd().push(samplesOf(spoken('log')).subarray(0, 410))
    if (frame === undefined) throw new Error('a window makes a frame')
    for (let n = 1; n < LEAST_TRACT_FRAMES; n++) channel.hear(frame, true)
    expect(channel.settle().cepstra).toBeUndefined()
    channel.hear(frame, true)
    expect(channel.settle().cepstra).toHaveLength(LEAST_TRACT_FRAMES)
  })
})

describe('the axis of bands', () => {
  it('is stretched in proportion, in order, and keeps its top', () => {
    for (const factor of TRACTS) {
      const places = warpedPlaces(factor)
      for (let band = 1; band < MEL_BANDS; band++)
        expect(places[band]).toBeGreaterThan(places[band - 1] ?? NaN)
      expect(Math.abs((places[MEL_BANDS - 1] ?? NaN) - (MEL_BANDS - 1))).toBeLessThan(0.5)
    }
    warpedPlaces(1).forEach((place, band) => expect(place).toBeCloseTo(band, 9))
    expect(spectrumOfCepstra(warpedPlaces(1))).toHaveLength(MEL_BANDS * CEPSTRA)
  })
})

describe('a determinant', () => {
  it('is that of triangles and of turned rows, and none where rows depend on one another', () => {
    expect(logDeterminant(Float64Array.of(2, 5, 0, 3), 2)).toBeCloseTo(Math.log(6), 12)
    expect(logDeterminant(Float64Array.of(0, 3, 2, 5), 2)).toBeCloseTo(Math.log(6), 12)
    expect(logDeterminant(Float64Array.of(1, 2, 2, 4), 2)).toBe(-Infinity)
  })
})

function average(rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    { length: CEPSTRA },
    (_, c) => rows.reduce((sum, row) => sum + (row[c] ?? NaN), 0) / rows.length,
  )
}
