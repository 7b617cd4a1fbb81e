import { expect, test } from 'vitest'
import { CEPSTRA } from '../../../edge-agent/speech/front-end.ts'
import { SoundChanges } from '../../../edge-agent/speech/sound-changes.ts'

/** A frame whose cepstra but the first are all `place`. */
function frame(place: number, level = 0.1) {
  const cepstra = new Float64Array(CEPSTRA).fill(place)
  cepstra[0] = 1_000 * Math.sin(place)
  return { cepstra, level }
}

function heard(frames: readonly ReturnType<typeof frame>[]): SoundChanges {
  const changes = new SoundChanges()
  for (const one of frames) changes.push(one)
  return changes
}

test('movement is how far the cepstra go from frame to frame inside the spans, whatever the loudness does', () => {
  const changes = heard([0, 0, 1, 3, 3, 3].map((place) => frame(place)))
  expect(changes.movement([{ from: 1, to: 4 }])).toBeCloseTo((12 * (0 + 1 + 2)) / 3, 9)
  expect(
    changes.movement([
      { from: 2, to: 3 },
      { from: 4, to: 6 },
    ]),
  ).toBeCloseTo(12 / 3, 9)
  expect(changes.movement([{ from: 4, to: 6 }])).toBe(0)
})

test('the first frame has not moved, and a frame is kept as it was when it came', () => {
  const moving = frame(5)
  const changes = new SoundChanges()
  changes.push(moving)
  moving.cepstra.fill(9)
  changes.push(frame(5))
  expect(changes.movement([{ from: 0, to: 2 }])).toBe(0)
})

test('the spread of the level is in nats, and silence has one', () => {
  const changes = heard([frame(0, Math.E), frame(0, 1 / Math.E), frame(0, 1), frame(0, 0), frame(0, 0)])
  expect(changes.levelSpread([{ from: 0, to: 2 }])).toBeCloseTo(1, 4)
  expect(changes.levelSpread([{ from: 3, to: 5 }])).toBe(0)
  expect(changes.levelSpread([{ from: 2, to: 4 }])).toBeGreaterThan(5)
})

test('spans without frames, or past the last one, change nothing', () => {
  const changes = heard([frame(1), frame(2)])
  expect([changes.movement([]), changes.levelSpread([])]).toEqual([0, 0])
  expect(changes.movement([{ from: 1, to: 9 }])).toBeCloseTo(12, 9)
})
