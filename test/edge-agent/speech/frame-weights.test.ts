import { expect, test } from 'vitest'
import { FrameWeights } from '../../../edge-agent/speech/frame-weights.ts'

function weighed(aboveNoise: readonly number[], from = 0, least = 0.3): number[] {
  const weights = new FrameWeights(least)
  for (const above of aboveNoise) weights.push({ aboveNoise: above })
  const frames = aboveNoise.length - from
  const scores = new Float32Array(2 * frames).fill(-10)
  weights.apply(scores, { from, every: 1, rows: frames })
  return Array.from(scores, (score) => Math.round(100 * score) / 100)
}

test('a frame counts the less, the less it stands above the noise, and never for nothing', () => {
  expect(weighed([-4, 0, 1, 9])).toEqual([-3, -3, -3, -3, -4.5, -4.5, -10, -10])
})

test('the least that a frame counts for is the caller’s to say', () => {
  expect(weighed([-4, 0, 1], 0, 0.85)).toEqual([-8.5, -8.5, -8.5, -8.5, -10, -10])
})

test('each row gets the weight of its own frame', () => {
  expect(weighed([9, 9, 0], 1)).toEqual([-10, -10, -3, -3])
})

test('rows of every second frame get the weights of those frames', () => {
  const weights = new FrameWeights(0.3)
  for (const aboveNoise of [9, 0, 0, 9, 9]) weights.push({ aboveNoise })
  const scores = new Float32Array(4).fill(-10)
  weights.apply(scores, { from: 2, every: 2, rows: 2 })
  expect(Array.from(scores, (score) => Math.round(100 * score) / 100)).toEqual([-3, -3, -10, -10])
})

test('an hour of frames keeps its weights', () => {
  const many = Array.from({ length: 5_000 }, (_, t) => (t === 4_999 ? 0 : 9))
  expect(weighed(many, 4_998)).toEqual([-10, -10, -3, -3])
})
