import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/seeded.ts'
import { judge } from '../../../rollout/gates/judge.ts'
import { openLedger } from '../../../rollout/gates/ledger.ts'
import type { Arm, GateFact } from '../../../rollout/gates/fact.ts'
import type { GateTest } from '../../../rollout/gates/spec.ts'
import { FAILURE, gateOf, LIMIT, SCORE, SHADOW, tell } from './gate-facts.ts'

const look = { nowMs: 0, planned: { treated: 1_000, control: 1_000 } }
const bare = { ...FAILURE, ceiling: null }

/** Devices that begin and are judged at times of their own; what `fate` says of one is heard at its end. */
function facts(
  random: () => number,
  { count, sites, treated }: { count: number; sites: number; treated: number },
  fate: (arm: Arm, site: number) => number,
): readonly GateFact[] {
  const told = Array.from({ length: count }, (_, at): readonly GateFact[] => {
    const arm: Arm = random() < treated ? 'treated' : 'control'
    const site = Math.floor(random() * sites)
    const name = { device: `d${at}`, site: `s${site}`, arm }
    const startMs = random() * 100
    const value = fate(arm, site)
    const endMs = startMs + (value === 1 ? random() * 100 : 100)
    return [
      { kind: 'entered', ...name, atMs: startMs },
      { kind: 'judged', ...name, atMs: endMs, value },
    ]
  })
  return told.flat().sort((one, other) => one.atMs - other.atMs)
}

/** The evidence after each `every` facts, and after the last. */
function path(
  test: GateTest,
  told: readonly GateFact[],
  every = 1,
): readonly { harm: number; safe: number }[] {
  const gates = [gateOf(test)]
  const ledger = openLedger(gates)
  return told.flatMap((fact, at) => {
    tell(gates, ledger, fact)
    if ((at + 1) % every !== 0 && at + 1 < told.length) return []
    const [one] = judge(gates, ledger, look).evidence
    return [{ harm: one?.harmEvidence ?? Number.NaN, safe: one?.safeEvidence ?? Number.NaN }]
  })
}

/** The mean over many seeds of the evidence at the moment when somebody who wants a high one would stop. */
function meanWhenStopped(
  test: GateTest,
  side: 'harm' | 'safe',
  told: (random: () => number) => readonly GateFact[],
): number {
  const runs = 500
  let sum = 0
  for (let seed = 1; seed <= runs; seed += 1) {
    const evidence = path(test, told(seeded(seed)), 6).map((one) => one[side])
    sum += evidence.find((one) => one >= 3) ?? evidence.at(-1) ?? 1
  }
  return sum / runs
}

describe('evidence of what is not so stays at 1 in the mean, whoever stops whenever', () => {
  const fleet = { count: 60, sites: 12, treated: 0.5 }
  /** A third of the sites has an outage, for both arms alike. */
  const outages = (random: () => number, share = 0.15): ((arm: Arm, site: number) => number) => {
    const bad = Array.from({ length: 12 }, () => random() < 0.33)
    return (_, site) => Number(random() < (bad[site] === true ? 0.6 : share))
  }

  it('of more failures, with outages of sites', () => {
    const mean = meanWhenStopped(FAILURE, 'harm', (random) => facts(random, fleet, outages(random)))
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.2)
  })

  it('of more failures, where hardly a site has both arms', () => {
    const wide = { count: 40, sites: 200, treated: 0.3 }
    const mean = meanWhenStopped(bare, 'harm', (random) => facts(random, wide, () => Number(random() < 0.3)))
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.2)
  })

  it('of more failures, where the arms of a few devices a site fail together', () => {
    const sites = { count: 60, sites: 20, treated: 0.1 }
    const mean = meanWhenStopped(bare, 'harm', (random) => {
      const bad = Array.from({ length: 20 }, () => random() < 0.3)
      return facts(random, sites, (_, site) => Number(bad[site] === true))
    })
    expect(mean).toBeLessThan(1.1)
  })

  it('of safety, of a release that is twice as bad', () => {
    const mean = meanWhenStopped(bare, 'safe', (random) =>
      facts(random, fleet, (arm) => Number(random() < (arm === 'treated' ? 0.4 : 0.2))),
    )
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.1)
  })

  it('of more failures than the limit, though failures are heard of first', () => {
    const alone = { count: 60, sites: 60, treated: 1 }
    const mean = meanWhenStopped(LIMIT, 'harm', (random) =>
      facts(random, alone, () => Number(random() < LIMIT.rate)),
    )
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.2)
  })

  it('of fewer failures than the ceiling', () => {
    const alone = { count: 60, sites: 60, treated: 1 }
    const mean = meanWhenStopped(LIMIT, 'safe', (random) =>
      facts(random, alone, () => Number(random() < LIMIT.ceiling)),
    )
    expect(mean).toBeLessThan(1.1)
  })

  it('of worse scores, with sites and times that differ', () => {
    const mean = meanWhenStopped(SCORE, 'harm', (random) => {
      const shifts = Array.from({ length: 12 }, () => random() * 0.4)
      return facts(random, fleet, (_, site) => 0.2 + (shifts[site] ?? 0) + random() * 0.3)
    })
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.2)
  })

  it('of scores below the margin, of a release that is at it', () => {
    const mean = meanWhenStopped(SCORE, 'safe', (random) =>
      facts(random, fleet, (arm) => 0.3 + random() * 0.4 + (arm === 'treated' ? SCORE.margin : 0)),
    )
    expect(mean).toBeLessThan(1.1)
  })

  it('of a worse shadow', () => {
    const mean = meanWhenStopped(SHADOW, 'harm', (random) => shadows(random, 0.1, 0.1))
    expect(mean).toBeLessThan(1.1)
    expect(mean).toBeGreaterThan(0.2)
  })

  it('of a shadow that is not worse than the margin, of one that is at it', () => {
    const mean = meanWhenStopped(SHADOW, 'safe', (random) => shadows(random, 0.1 + SHADOW.margin, 0.1))
    expect(mean).toBeLessThan(1.1)
  })
})

function shadows(random: () => number, worse: number, better: number): readonly GateFact[] {
  return Array.from({ length: 60 }, (_, at) => {
    const drawn = Array.from({ length: 20 }, () => random())
    return {
      kind: 'shadowed',
      device: `d${at}`,
      site: 's',
      atMs: at,
      inputs: drawn.length,
      worse: drawn.filter((one) => one < worse).length,
      better: drawn.filter((one) => one > 1 - better).length,
    }
  })
}

describe('the laws of the evidence', () => {
  const fact = fc.record({
    arm: fc.constantFrom<Arm>('treated', 'control'),
    site: fc.integer({ min: 0, max: 4 }).map((at) => (at === 0 ? 'constructor' : `s${at}`)),
    value: fc.oneof(
      fc.constant(0),
      fc.constant(1),
      fc.constant(null),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
  })
  const told = (drawn: readonly { arm: Arm; site: string; value: number | null }[]): readonly GateFact[] => [
    ...drawn.map(({ arm, site }, at): GateFact => ({
      kind: 'entered',
      arm,
      site,
      device: `d${at}`,
      atMs: 0,
    })),
    ...drawn.map((one, at): GateFact => ({ kind: 'judged', ...one, device: `d${at}`, atMs: 1 })),
  ]
  const tests = [FAILURE, LIMIT, SCORE] as const

  it('is never negative, never infinite, and leaves nobody at risk who was judged', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 60 }), fc.constantFrom(...tests), (drawn, test) => {
        const gates = [gateOf(test)]
        const ledger = openLedger(gates)
        for (const one of told(drawn)) {
          tell(gates, ledger, one)
          for (const { harmEvidence, safeEvidence } of judge(gates, ledger, look).evidence) {
            expect(harmEvidence).toBeGreaterThanOrEqual(0)
            expect(safeEvidence).toBeGreaterThanOrEqual(0)
            expect(harmEvidence + safeEvidence).toBeLessThan(Number.POSITIVE_INFINITY)
          }
        }
        const evidence = ledger[test.kind]?.evidence
        if (evidence === undefined || !('risk' in evidence)) return
        expect(
          Object.values(evidence.risk.sites).every(({ treated, control }) => treated + control === 0),
        ).toBe(true)
        expect(Object.values(evidence.risk.lone)).toEqual([0, 0, 0, 0])
      }),
    )
  })

  it('of harm never falls by one more treated failure, nor rises by one more of the control', () => {
    fc.assert(
      fc.property(
        fc.array(fact, { maxLength: 40 }),
        fc.constantFrom<Arm>('treated', 'control'),
        (drawn, arm) => {
          const gates = [gateOf(FAILURE)]
          const ledger = openLedger(gates)
          const whole = told(drawn)
          const name = { site: 's1', device: 'one-more' } as const
          for (const one of [
            ...whole.slice(0, drawn.length),
            { kind: 'entered', arm, ...name, atMs: 0 } as const,
          ])
            tell(gates, ledger, one)
          const before = judge(gates, ledger, look).evidence[0]?.harmEvidence ?? Number.NaN
          tell(gates, ledger, { kind: 'judged', arm, ...name, atMs: 1, value: 1 })
          const after = judge(gates, ledger, look).evidence[0]?.harmEvidence ?? Number.NaN
          if (arm === 'treated') expect(after).toBeGreaterThanOrEqual(before)
          else expect(after).toBeLessThanOrEqual(before)
        },
      ),
    )
  })

  it('over a limit does not depend on the order in which devices are judged', () => {
    fc.assert(
      fc.property(fc.array(fact, { minLength: 1, maxLength: 30 }), fc.integer(), (drawn, seed) => {
        const whole = told(drawn)
        const random = seeded(seed)
        const judged = whole
          .slice(drawn.length)
          .map((one) => ({ one, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
        const [one, other] = [whole, [...whole.slice(0, drawn.length), ...judged]].map((order) =>
          path(LIMIT, order).at(-1),
        )
        expect(other?.harm).toBeCloseTo(one?.harm ?? Number.NaN, 4)
        expect(other?.safe).toBeCloseTo(one?.safe ?? Number.NaN, 4)
      }),
    )
  })

  it('ignores who is judged without having entered', () => {
    const stray = path(FAILURE, [
      { kind: 'judged', arm: 'treated', device: 'd', site: 's', atMs: 1, value: 1 },
      { kind: 'judged', arm: 'control', device: 'e', site: 's', atMs: 1, value: 1 },
    ])
    expect(stray.map(({ harm, safe }) => [harm, safe])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })
})

describe('the interval of an estimate', () => {
  it('covers the truth at all looks together nearly always', () => {
    let missed = 0
    const runs = 200
    for (let seed = 1; seed <= runs; seed += 1) {
      const random = seeded(seed)
      const gates = [gateOf(bare)]
      const ledger = openLedger(gates)
      const whole = facts(random, { count: 200, sites: 40, treated: 0.5 }, (arm) =>
        Number(random() < (arm === 'treated' ? 0.2 : 0.1)),
      )
      const isOut = whole.some((one) => {
        tell(gates, ledger, one)
        const estimate = judge(gates, ledger, look).evidence[0]?.estimate
        // Twice the share within the same time: hazards of 2.1 to 1.
        return estimate !== undefined && (estimate.low > 2 || estimate.high < 2)
      })
      if (isOut) missed += 1
    }
    expect(missed / runs).toBeLessThanOrEqual(0.05)
  })
})
