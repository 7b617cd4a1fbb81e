import { expect, test } from 'vitest'
import { inRoom } from '../../../edge-agent/models/training/confidence/rooms.ts'
import {
  backwards,
  beeps,
  blows,
  motors,
  scrapes,
} from '../../../edge-agent/models/training/confidence/sounds.ts'
import { seeded } from '../../../shared/seeded.ts'

const RATE = 16_000
const ramp = Float32Array.from({ length: 100 }, (_, at) => at)
const power = (samples: Float32Array): number => samples.reduce((sum, x) => sum + x * x, 0) / samples.length

test.each(Object.entries({ blows, beeps, scrapes, motors }))(
  '%s are as long as asked, audible, finite, the same by seed and another at each call',
  (_name, sound) => {
    const random = seeded(3)
    const [one, next] = [sound(2 * RATE, random), sound(2 * RATE, random)]
    expect(one).toHaveLength(2 * RATE)
    expect(one.every(Number.isFinite)).toBe(true)
    // Louder than the quiet that they stand in.
    expect(power(one)).toBeGreaterThan(1e-5)
    expect(sound(2 * RATE, seeded(3))).toEqual(one)
    expect(next).not.toEqual(one)
  },
)

test('a voice is played backwards, round and round', () => {
  const sound = backwards([ramp])(250, seeded(1))
  for (let at = 1; at < sound.length; at++)
    expect(((sound[at - 1] ?? 0) - (sound[at] ?? 0) + 100) % 100).toBe(1)
})

test('a room keeps what comes straight, adds what comes back later, and is no longer than the voice', () => {
  const click = new Float32Array(RATE)
  click[100] = 1
  const there = inRoom(click, seeded(5))
  expect(there).toHaveLength(RATE)
  expect(there.subarray(0, 100).every((x) => x === 0)).toBe(true)
  expect(there[100]).toBe(1)
  const [early, late] = [power(there.subarray(101, 4_000)), power(there.subarray(12_000))]
  expect(early).toBeGreaterThan(0)
  expect(late).toBeLessThan(early / 10)
  // What comes back is at most as strong as what came straight.
  expect(there.subarray(101).reduce((sum, x) => sum + x * x, 0)).toBeLessThanOrEqual(1 + 1e-6)
})
