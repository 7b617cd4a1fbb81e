import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { paceOf, slowness, sonorantFrames, usualFrames } from '../../../edge-agent/speech/word-durations.ts'

const phoneFrames = Float32Array.of(10, 5, 8)
const words = fc.array(
  fc.record({
    frames: fc.integer({ min: 1, max: 400 }),
    usual: fc.double({ min: 1, max: 200, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
)

describe('how long words last', () => {
  it('expects a word to last as long as its phones do, over its pronunciations', () => {
    expect(usualFrames([[0, 1]], phoneFrames)).toBe(15)
    expect(usualFrames([[0, 1], [2]], phoneFrames)).toBe(11.5)
    expect(usualFrames([], phoneFrames)).toBe(0)
  })

  it('knows how long the voice rings through a word: vowels and nasals do, hisses and stops do not', () => {
    const frames = sonorantFrames(['IH', 'S', 'N'], phoneFrames)
    expect([...frames]).toEqual([10, 0, 8])
    expect(usualFrames([[0, 1]], frames)).toBe(10)
    expect(usualFrames([[1]], frames)).toBe(0)
  })

  it('says nothing of a word that lasts as long as usual, and as much of half as of twice as long', () => {
    expect(slowness({ frames: 20, usual: 20 })).toBe(0)
    expect(slowness({ frames: 40, usual: 20 })).toBeCloseTo(Math.log(2))
    expect(slowness({ frames: 10, usual: 20 })).toBeCloseTo(-Math.log(2))
  })

  it('finds a steady speaker even at any pace, and one who hurries and drawls uneven', () => {
    expect(paceOf([])).toEqual({ mean: 0, unevenness: 0 })
    const steady = paceOf([
      { frames: 30, usual: 20 },
      { frames: 15, usual: 10 },
    ])
    expect(steady.mean).toBeCloseTo(Math.log(1.5))
    expect(steady.unevenness).toBeCloseTo(0)
    const unsteady = paceOf([
      { frames: 40, usual: 20 },
      { frames: 10, usual: 20 },
    ])
    expect(unsteady.mean).toBeCloseTo(0)
    expect(unsteady.unevenness).toBeCloseTo(Math.log(2))
  })

  it('moves its mean, and not its unevenness, when everything is said slower', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 5 }), (said, times) => {
        const [pace, slower] = [
          paceOf(said),
          paceOf(said.map((word) => ({ ...word, frames: times * word.frames }))),
        ]
        expect(slower.mean).toBeCloseTo(pace.mean + Math.log(times))
        expect(slower.unevenness).toBeCloseTo(pace.unevenness)
      }),
    )
  })
})
