import { expect, test } from 'vitest'
import { VoicedFrames } from '../../../edge-agent/speech/voiced-frames.ts'

function voiced(from: number, levels: readonly number[], into = new VoicedFrames()): VoicedFrames {
  levels.forEach((level, at) => into.add(from + at, level))
  return into
}

const swelling = [1, 2, 3, 4, 5, 6, 7, 8, 4, 2]
const ringingOff = [8, 7, 6, 5, 4, 3, 2, 1]

test('a voice is loudest within its run, what is struck where it begins', () => {
  expect(voiced(10, swelling).loudestAt([{ from: 0, to: 40 }])).toBeCloseTo(0.7, 9)
  expect(voiced(10, ringingOff).loudestAt([{ from: 0, to: 40 }])).toBe(0)
  const both = voiced(30, ringingOff, voiced(10, swelling))
  expect(both.loudestAt([{ from: 0, to: 60 }])).toBeCloseTo(7 / 18, 9)
  expect(both.loudestAt([{ from: 0, to: 25 }])).toBeCloseTo(0.7, 9)
})

test('runs too short for a shape, and none at all, say neither', () => {
  const nothing = new VoicedFrames().loudestAt([{ from: 0, to: 40 }])
  expect(voiced(10, [9, 1, 1]).loudestAt([{ from: 0, to: 40 }])).toBe(nothing)
  expect(nothing).toBeGreaterThan(0)
  expect(nothing).toBeLessThan(0.5)
})

test('shares count frames inside spans, and allow words blurred edges', () => {
  const frames = voiced(10, swelling)
  expect(frames.shareOf([{ from: 10, to: 30 }])).toBe(0.5)
  expect(frames.shareOf([])).toBe(0)
  expect(frames.shareWithin([{ from: 24, to: 30 }])).toBe(0.1)
  expect(frames.shareWithin([{ from: 12, to: 14 }])).toBe(0.9)
  expect(new VoicedFrames().shareWithin([])).toBe(1)
})

test('other words between the words are as loud as they are, and noise there is not', () => {
  const loud = swelling.map(() => 5)
  const words = [
    { from: 10, to: 20 },
    { from: 60, to: 70 },
  ]
  const frames = (level: number): VoicedFrames => {
    const between = loud.map(() => level)
    return voiced(60, loud, voiced(35, between, voiced(10, loud)))
  }
  expect(frames(1).loudShareBetween(words)).toBe(0)
  expect(frames(4).loudShareBetween(words)).toBeCloseTo(1 / 3, 9)
  expect(frames(9).loudShareBetween([{ from: 10, to: 70 }])).toBe(0)
})

test('before the first word and after the last, and at the edges of words, others may be as loud', () => {
  const words = [
    { from: 30, to: 40 },
    { from: 70, to: 80 },
  ]
  const loud = swelling.map(() => 5)
  const around = voiced(90, loud, voiced(70, loud, voiced(38, loud, voiced(30, [5, 5, 5], voiced(10, loud)))))
  // Of those from 38 on two lie in a word, five at its edge, three between.
  expect(around.loudShareBetween(words)).toBeCloseTo(3 / 18, 9)
  expect(around.loudShareBetween([])).toBe(0)
  expect(new VoicedFrames().loudShareBetween(words)).toBe(0)
})
