import { expect, test } from 'vitest'
import { FrameWeights } from '../../../edge-agent/speech/frame-weights.ts'

function weighed(aboveNoise: readonly number[], from = 0): number[] {
  const weights = new FrameWeights()
  for (const above of aboveNoise) weights.push({ aboveNoise: above })
  const frames = aboveNoise.length - from
  const scores = new Float32Array(2 * frames).fill(-10)
  weights.apply(scores, from, frames)
  return Array.from(scores, (score) => Math.round(100 * score) / 100)
}

test('a frame counts the less, the less it stands above the noise, and never for nothing', () => {
  expect(weighed([-4, 0, 1, 9])).toEqual([-3, -3, -3, -3, -4.5, -4.5, -10, -10])
})

test('each row gets the weight of its own frame', () => {
  expect(weighed([9, 9, 0], 1)).toEqual([-10, -10, -3, -3])
})

test('an hour of frames keeps its weights', () => {
  const many = Array.from({ length: 5_000 }, (_, t) => (t === 4_999 ? 0 : 9))
  expect(weighed(many, 4_998)).toEqual([-10, -10, -3, -3])
})
