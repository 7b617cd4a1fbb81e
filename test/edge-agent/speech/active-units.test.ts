/** Packed or not, paths score the same: against the plain recursion over every unit, on networks and entries made up at random. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ActiveUnits, GONE } from '../../../edge-agent/speech/active-units.ts'
import type { Beams } from '../../../edge-agent/speech/beams.ts'
import { INSIDE } from '../../../edge-agent/speech/search-network.ts'

const UNITS = 12
const SENONES = 7
const PHONES = 3
const WIDE = { unit: 1e9, word: 1e9, maxUnits: 1e9 }

const log = fc.double({ min: -9, max: -0.1, noNaN: true })
const unit = fc.integer({ min: 0, max: UNITS - 1 })
const made = fc.record({
  senones: fc.array(fc.integer({ min: 0, max: SENONES - 1 }), { minLength: 3 * UNITS, maxLength: 3 * UNITS }),
  phone: fc.array(fc.integer({ min: 0, max: PHONES - 1 }), { minLength: UNITS, maxLength: UNITS }),
  transitions: fc.array(log, { minLength: 6 * PHONES, maxLength: 6 * PHONES }),
  frames: fc.array(
    fc.record({
      scores: fc.array(log, { minLength: SENONES, maxLength: SENONES }),
      entered: fc.array(fc.tuple(unit, log), { maxLength: 4 }),
      begun: fc.array(fc.tuple(unit, log), { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 20 },
  ),
})
type Made = typeof made extends fc.Arbitrary<infer T> ? T : never

/** The best score after each frame, all units at hand and none dropped. */
function plainly({ senones, phone, transitions, frames }: Made): number[] {
  const go = Float32Array.from(transitions)
  let states = Array.from({ length: UNITS }, () => [GONE, GONE, GONE])
  return frames.map(({ scores, entered, begun }) => {
    const heard = Float32Array.from(scores)
    const into = (u: number): number =>
      Math.max(GONE, ...[...entered, ...begun].flatMap(([at, score]) => (at === u ? [score] : [])))
    states = states.map(([a = GONE, b = GONE, c = GONE], u) => {
      const t = 6 * (phone[u] ?? 0)
      const [stay0 = 0, go0 = 0, stay1 = 0, go1 = 0, stay2 = 0] = go.subarray(t, t + 5)
      const [n0 = 0, n1 = 0, n2 = 0] = [0, 1, 2].map((s) => heard[senones[3 * u + s] ?? 0] ?? 0)
      return [
        Math.max(a + stay0, into(u)) + n0,
        Math.max(b + stay1, a + go0) + n1,
        Math.max(c + stay2, b + go1) + n2,
      ]
    })
    return Math.max(...states.flat())
  })
}

function packed({ senones, phone, transitions, frames }: Made, beams = WIDE): number[] {
  const begun = frames.flatMap((frame) => frame.begun)
  const net = {
    unitCount: UNITS,
    senones: Uint16Array.from(senones),
    phone: Uint8Array.from(phone),
    entryUnits: Int32Array.from(begun, ([at]) => at),
    enterWeight: new Float32Array(UNITS),
  }
  const units = new ActiveUnits(net, Float32Array.from(transitions))
  let from = 0
  return frames.map(({ scores, entered, begun: own }) => {
    const frame = { senones: Float32Array.from(scores), offset: 0, width: beams.unit }
    for (const [at, score] of entered) units.enter(at, score, 1)
    units.advance(frame)
    for (const [, score] of own) units.begin({ score, back: 2, from, to: ++from }, frame)
    units.prune(beams)
    return units.best
  })
}

describe('units in which paths are alive', () => {
  it('score as they would in tables of all units', () => {
    fc.assert(
      fc.property(made, (case_) => {
        const expected = plainly(case_)
        packed(case_).forEach((best, t) => {
          const wanted = expected[t] ?? 0
          if (wanted < GONE / 2) expect(best).toBeLessThan(GONE / 2)
          else expect(best).toBeCloseTo(wanted, 6)
        })
      }),
    )
  })

  it('are dropped when they fall too far behind, and may be entered again', () => {
    const net = {
      unitCount: 2,
      senones: Uint16Array.of(0, 0, 0, 1, 1, 1),
      phone: new Uint8Array(2),
      entryUnits: new Int32Array(0),
      enterWeight: new Float32Array(2),
    }
    const units = new ActiveUnits(net, new Float32Array(6).fill(-1))
    const frame = { senones: Float32Array.of(-1, -1), offset: 0, width: 10 }
    const alive = (): number[] =>
      Array.from({ length: units.count }, (_, place) => units.unitAt(place)).filter((at) => at >= 0)
    const beams = { unit: 10, word: 10, maxUnits: 10 }
    units.enter(0, 0, 7)
    units.enter(1, -5, 8)
    units.advance(frame)
    units.prune({ ...beams, unit: 4 })
    expect(alive()).toEqual([0])
    units.enter(1, 3, 9)
    units.advance(frame)
    units.prune(beams)
    expect(alive()).toEqual([0, 1])
    expect(units.leader()).toEqual({ score: 2, back: 9 })
    units.clear()
    expect(units.count).toBe(0)
  })

  it('that end a word are dropped as soon as the word could not end', () => {
    const net = {
      unitCount: 3,
      senones: new Uint16Array(9),
      phone: new Uint8Array(3),
      entryUnits: new Int32Array(0),
      enterWeight: new Float32Array(3),
    }
    const word = Int32Array.of(INSIDE, 4, 5)
    const alive = (beams: Beams, ...by: readonly Int32Array[]): number[] => {
      const units = new ActiveUnits(net, new Float32Array(6))
      for (const [at, score] of [-6, -6, 0].entries()) units.enter(at, score, 1)
      units.advance({ senones: new Float32Array(1), offset: 0, width: 10 })
      units.prune(beams, ...by)
      return Array.from({ length: units.count }, (_, place) => units.unitAt(place)).filter((at) => at >= 0)
    }
    expect(alive({ unit: 10, word: 5, maxUnits: 10 }, word)).toEqual([0, 2])
    expect(alive({ unit: 10, word: 5, maxUnits: 10 })).toEqual([0, 1, 2])
    expect(alive({ unit: 4, word: 5, maxUnits: 10 }, word)).toEqual([2])
  })
})
