import { describe, expect, it } from 'vitest'
import { mixAt } from '../../../edge-agent/evaluation/noise.ts'
import { calibration, quantiles, rate } from '../../../edge-agent/evaluation/statistics.ts'
import { wordErrors } from '../../../edge-agent/evaluation/word-errors.ts'

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '')

function interval(count: number, of: number): (number | null)[] {
  const { low, high } = rate(count, of)
  return [low, high].map((end) => (end === null ? null : Math.round(end * 1e4) / 1e4))
}

describe('word errors', () => {
  it.each([
    ['open the valve', 'open the valve', 0, 0, 0],
    ['open the valve', 'open valve', 0, 1, 0],
    ['open the valve', 'open up the valve', 1, 0, 0],
    ['open the valve', 'close the valve', 0, 0, 1],
    ['a b c d', 'x b d e f', 2, 1, 1],
    ['', 'made up words', 3, 0, 0],
    ['nothing was heard', '', 0, 3, 0],
  ])('between “%s” and “%s”', (said, heard, ...expected) => {
    const [insertions, deletions, substitutions] = expected
    const found = wordErrors(words(said), words(heard))
    expect(found.insertions + found.deletions + found.substitutions).toBe(
      insertions + deletions + substitutions,
    )
    expect(found.insertions - found.deletions).toBe(words(heard).length - words(said).length)
    expect(found.words).toBe(words(said).length)
  })

  it('says which of the heard words are right', () => {
    expect(wordErrors(words('open the valve'), words('open a red valve')).heardRight).toEqual([
      true,
      false,
      false,
      true,
    ])
  })
})

describe('statistics', () => {
  it("gives Wilson's interval, also at the ends", () => {
    // Newcombe 1998, table I, method 3.
    expect(interval(81, 263)).toEqual([0.2553, 0.3662])
    expect(interval(0, 20)).toEqual([0, 0.1611])
    expect(interval(29, 29)).toEqual([0.883, 1])
  })

  it('states no rate of nothing', () => {
    expect(rate(0, 0)).toEqual({ value: null, count: 0, of: 0, low: null, high: null })
    expect(quantiles([])).toEqual({ count: 0, p50: null, p95: null })
    expect(calibration([]).error).toBeNull()
  })

  it('holds a confidence against a share, where parts of a thing may be right', () => {
    const found = calibration([
      { confidence: 0.75, right: 0.5 },
      { confidence: 0.75, right: 1 },
      { confidence: 0.25, right: 0.5 },
      { confidence: 0.25, right: false },
    ])
    expect(found.error).toBeCloseTo(0, 12)
    expect(found.bins.map(({ right }) => right)).toEqual([0.25, 0.75])
  })

  it('takes quantiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(quantiles(values)).toEqual({ count: 100, p50: 50, p95: 95 })
  })

  it('weighs how far confidence lies from truth', () => {
    const sure = Array.from({ length: 10 }, (_, i) => ({ confidence: 0.95, right: i < 9 }))
    const doubtful = Array.from({ length: 10 }, () => ({ confidence: 0.45, right: true }))
    const found = calibration([...sure, ...doubtful])
    expect(found.error).toBeCloseTo(0.5 * 0.05 + 0.5 * 0.55, 10)
    expect(found.bins.map(({ from, count, right }) => ({ from, count, right }))).toEqual([
      { from: 0.4, count: 10, right: 1 },
      { from: 0.9, count: 10, right: 0.9 },
    ])
  })
})

describe('noise', () => {
  it('is mixed at the ratio of powers over the whole file, and repeated when it is short', () => {
    const signal = Float32Array.from({ length: 8_000 }, (_, i) => (i < 4_000 ? 0 : Math.sin(i / 5)))
    const noise = Float32Array.from({ length: 700 }, (_, i) => Math.cos(i * 1.7) * 0.01)
    const mixed = mixAt(signal, noise, { snrDb: 6, offset: 123 })
    const power = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0)
    const added = mixed.map((value, i) => value - (signal[i] ?? 0))
    expect(10 * Math.log10(power(signal) / power(added))).toBeCloseTo(6, 3)
  })
})
