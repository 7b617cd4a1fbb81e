import { expect, test } from 'vitest'
import {
  fit,
  reliability,
  scored,
  type Example,
} from '../../../edge-agent/models/training/confidence/logistic.ts'
import { fitNet } from '../../../edge-agent/models/training/confidence/small-net.ts'
import { seeded } from '../../../shared/seeded.ts'

/** Right where both kinds of evidence point the same way: no line parts these. */
function crossed(seed: number): Example[] {
  const random = seeded(seed)
  return Array.from({ length: 400 }, () => {
    const [x, y] = [2 * random() - 1, 2 * random() - 1]
    return { evidence: [x, y], right: x * y > 0 }
  })
}

test('finds what no line can tell, the same each time, and holds on others', () => {
  const net = fitNet(crossed(1))
  expect(fitNet(crossed(1))).toEqual(net)
  const held = reliability(scored(net, crossed(2)))
  expect(held.separation).toBeGreaterThan(0.95)
  expect(held.error).toBeLessThan(0.1)
  expect(reliability(scored(fit(crossed(1)), crossed(2))).separation).toBeLessThan(0.7)
})

test('evidence that counts double is followed', () => {
  const torn = (weight: number): Example[] =>
    [true, false].flatMap((right) =>
      Array.from({ length: 50 }, () => ({ evidence: [0], right, weight: right ? weight : 2 - weight })),
    )
  expect(scored(fitNet(torn(1.5)), [{ evidence: [0], right: true }])[0]?.said).toBeCloseTo(0.75, 1)
  expect(scored(fitNet(torn(0.5)), [{ evidence: [0], right: true }])[0]?.said).toBeCloseTo(0.25, 1)
})
