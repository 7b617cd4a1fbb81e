import { expect, test } from 'vitest'
import { calibrated } from '../../../edge-agent/speech/calibration.ts'
import { CALIBRATIONS } from '../../../edge-agent/speech/shipped-calibrations.ts'
import {
  balanced,
  fit,
  reliability,
  scored,
} from '../../../edge-agent/models/training/confidence/logistic.ts'
import { seeded } from '../../../shared/seeded.ts'

test('a fit finds the odds that made the examples, and holds on others', () => {
  const random = seeded(3)
  const make = () =>
    Array.from({ length: 1_000 }, () => {
      const x = 4 * random() - 2
      return { evidence: [x, random()], right: random() < 1 / (1 + Math.exp(-(2 * x + 0.5))) }
    })
  const calibration = fit(make())
  const held = reliability(scored(calibration, make()))
  expect(held.error).toBeLessThan(0.05)
  expect(held.separation).toBeGreaterThan(0.85)
})

test('right ones and wrong ones count alike once they are balanced', () => {
  // At 0 one in ten is right, at 1 half are: of as many right ones as wrong ones, 25 in 70 and 25 in 30 would be.
  const examples = [
    ...Array.from({ length: 100 }, (_, at) => ({ evidence: [0], right: at < 10 })),
    ...Array.from({ length: 20 }, (_, at) => ({ evidence: [1], right: at < 10 })),
  ]
  const alike = balanced(examples)
  const weightOf = (right: boolean) =>
    alike.filter((example) => example.right === right).reduce((sum, { weight = 0 }) => sum + weight, 0)
  expect(weightOf(true)).toBeCloseTo(weightOf(false), 9)
  expect(weightOf(true)).toBeCloseTo(examples.length / 2, 9)
  const calibration = fit(alike)
  expect(calibrated(calibration, [0])).toBeCloseTo(0.5 / 1.4, 1)
  expect(calibrated(calibration, [1])).toBeCloseTo(0.5 / 0.6, 1)
  expect(reliability(scored(calibration, alike)).error).toBeLessThan(0.02)
  expect(reliability(scored(calibration, examples)).error).toBeGreaterThan(0.2)
})

test('what counts half before it is balanced counts half of its kind afterwards', () => {
  const whole = Array.from({ length: 6 }, (_, at) => ({ evidence: [at], right: at < 2 }))
  const half = Array.from({ length: 4 }, () => ({ evidence: [9], right: false, weight: 0.5 }))
  const weights = balanced([...whole, ...half]).map(({ weight = 0 }) => weight)
  expect(weights.slice(0, 2)).toEqual([2.5, 2.5])
  expect(weights.slice(2, 6)).toEqual(Array.from({ length: 4 }, () => 5 / 6))
  expect(weights.slice(6)).toEqual(Array.from({ length: 4 }, () => 5 / 12))
})

test('a calibration that says the opposite shows as an error', () => {
  const wrong = { mean: [0], scale: [1], weights: [-5], bias: 0 }
  const examples = [-1, 1].flatMap((x) => Array.from({ length: 50 }, () => ({ evidence: [x], right: x > 0 })))
  expect(reliability(scored(wrong, examples)).error).toBeGreaterThan(0.9)
})

test('better evidence never makes the shipped confidence smaller', () => {
  expect(calibrated(CALIBRATIONS.word, [1, 3.5, 6, 0.1, 1, 0.1, 0.1, 5])).toBeGreaterThan(
    calibrated(CALIBRATIONS.word, [-4, 3.5, -6, 1, -2, 0.5, 0.8, 5]),
  )
  expect(
    calibrated(CALIBRATIONS.utterance, [1, 0, 6, 60, 0.05, 2, 0, 0.5, 0.4, 5, 0, 0, 0.1]),
  ).toBeGreaterThan(0.9)
  expect(
    calibrated(CALIBRATIONS.utterance, [-3, -8, -6, 1, 0.3, 2, 0, 0.5, 0.4, 5, 0.6, 0.6, 0.8]),
  ).toBeLessThan(0.1)
})

test('evidence that is missing or not finite lowers confidence', () => {
  const calibration = { mean: [0], scale: [1], weights: [2], bias: 0 }
  expect(calibrated(calibration, [Number.NEGATIVE_INFINITY])).toBeLessThan(0.01)
  expect(calibrated(calibration, [Number.NaN])).toBeLessThan(0.01)
})
