import { describe, expect, it } from 'vitest'
import { canonicalText } from '../../../shared/canonical.ts'
import { judge } from '../../../rollout/gates/judge.ts'
import { openLedger } from '../../../rollout/gates/ledger.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import type { GateFact } from '../../../rollout/gates/fact.ts'
import type { GateSpec } from '../../../rollout/gates/spec.ts'
import { devices, FAILURE, gateOf, LIMIT, SCORE, SHADOW, tell, told } from './gate-facts.ts'

const large = { nowMs: 2, planned: { treated: 1_000, control: 1_000 } }
const small = { nowMs: 2, planned: { treated: 20, control: 1_000 } }

function verdict(gates: readonly GateSpec[], facts: readonly GateFact[], look = large) {
  return judge(gates, told(gates, facts), look)
}

function entered(facts: readonly GateFact[]): readonly GateFact[] {
  return facts.filter(({ kind }) => kind === 'entered')
}

function judged(facts: readonly GateFact[]): readonly GateFact[] {
  return facts.filter(({ kind }) => kind !== 'entered')
}

/** Both arms enter, then are judged in turn. */
function arms(treated: readonly GateFact[], control: readonly GateFact[]): readonly GateFact[] {
  const [one, other] = [judged(treated), judged(control)]
  const turns = Array.from({ length: Math.max(one.length, other.length) }, (_, at) => [one[at], other[at]])
  return [...entered(treated), ...entered(control), ...turns.flat().filter((fact) => fact !== undefined)]
}

const shadowed = (
  count: number,
  seen: { inputs: number; worse: number; better: number },
): readonly GateFact[] =>
  Array.from({ length: count }, (_, at) => ({
    kind: 'shadowed',
    device: `d${at}`,
    site: 's',
    atMs: 1,
    ...seen,
  }))

describe('the verdict of one gate', () => {
  const failure = gateOf(FAILURE)

  it('halts when treated devices fail and those of the control do not', () => {
    const bad = verdict(
      [failure],
      arms(
        devices('treated', 60, (at) => at % 3 && 1),
        devices('control', 60, () => 0),
      ),
    )
    expect(bad.decision).toBe('HALT')
    expect(bad.evidence[0]).toMatchObject({
      gate: 'failure',
      decision: 'HALT',
      holdReason: null,
      needed: true,
    })
    expect(bad.evidence[0]?.estimate.low).toBeGreaterThan(1)
  })

  it('halts on evidence of harm even where it could not promote', () => {
    const facts = arms(
      devices('treated', 60, (at) => at % 3 && 1),
      devices('control', 60, () => 0),
    )
    const late = { ...large, nowMs: 1_000_000 }
    expect(verdict([failure], facts, late).decision).toBe('HALT')
  })

  it('promotes when a hundred treated devices do not fail', () => {
    const good = verdict(
      [failure],
      arms(
        devices('treated', 100, () => 0),
        devices('control', 100, () => 0),
      ),
    )
    expect(good).toMatchObject({ decision: 'PROMOTE', holdReason: null })
  })

  it('promotes without a ceiling only when the control fails as often', () => {
    const bare = gateOf({ ...FAILURE, ceiling: null })
    const none = arms(
      devices('treated', 400, () => 0),
      devices('control', 400, () => 0),
    )
    expect(verdict([bare], none)).toMatchObject({ decision: 'HOLD', holdReason: 'undecided' })
    const even = (at: number) => Number(at % 3 === 0)
    const both = verdict([bare], arms(devices('treated', 400, even), devices('control', 400, even)))
    expect(both.decision).toBe('PROMOTE')
    expect(both.evidence[0]?.estimate).toMatchObject({ of: 'hazard_ratio', value: 1 })
  })

  it('judges installations by the declared share, without a control', () => {
    const limit = gateOf(LIMIT)
    expect(
      verdict(
        [limit],
        devices('treated', 20, (at) => at % 2),
      ).decision,
    ).toBe('HALT')
    expect(
      verdict(
        [limit],
        devices('treated', 60, () => 0),
      ).decision,
    ).toBe('PROMOTE')
    expect(
      verdict(
        [limit],
        devices('treated', 10, () => 0),
      ).holdReason,
    ).toBe('undecided')
  })

  it('judges scores by their difference to the control', () => {
    const score = gateOf(SCORE)
    const control = devices('control', 200, () => 0.5)
    expect(
      verdict(
        [score],
        arms(
          devices('treated', 200, () => 0.75),
          control,
        ),
      ).decision,
    ).toBe('HALT')
    expect(
      verdict(
        [score],
        arms(
          devices('treated', 200, () => 0.5),
          control,
        ),
      ).decision,
    ).toBe('PROMOTE')
  })

  it('judges a small ring by its shadow', () => {
    const shadow = gateOf(SHADOW, { minimumDevices: 1 })
    expect(verdict([shadow], shadowed(15, { inputs: 50, worse: 4, better: 0 }), small).decision).toBe('HALT')
    expect(verdict([shadow], shadowed(120, { inputs: 50, worse: 1, better: 1 }), small).decision).toBe(
      'PROMOTE',
    )
    expect(verdict([shadow], shadowed(10, { inputs: 50, worse: 0, better: 0 }), small)).toMatchObject({
      decision: 'HOLD',
      holdReason: 'undecided',
    })
  })
})

describe('a gate that cannot be evaluated holds', () => {
  const failure = gateOf(FAILURE)
  const fine = arms(
    devices('treated', 100, () => 0),
    devices('control', 100, () => 0),
  )

  it('for want of treated devices', () => {
    expect(verdict([failure], [])).toMatchObject({ decision: 'HOLD', holdReason: 'missing_treated' })
    expect(judge([failure], {}, large)).toMatchObject({ decision: 'HOLD', holdReason: 'missing_treated' })
  })

  it('for want of a control', () => {
    for (const gate of [failure, gateOf(SCORE)]) {
      const alone = verdict(
        [gate],
        devices('treated', 100, () => 0),
      )
      expect(alone).toMatchObject({ decision: 'HOLD', holdReason: 'missing_control' })
    }
  })

  it('for want of devices', () => {
    const many = gateOf(FAILURE, { minimumDevices: 101 })
    expect(verdict([many], fine)).toMatchObject({ decision: 'HOLD', holdReason: 'too_few_devices' })
    const control = arms(
      devices('treated', 100, () => 0),
      devices('control', 4, () => 0),
    )
    expect(verdict([failure], control)).toMatchObject({ decision: 'HOLD', holdReason: 'too_few_devices' })
  })

  it('for want of values, in either arm', () => {
    const silent = (at: number) => (at < 80 ? 0 : null)
    for (const facts of [
      arms(
        devices('treated', 100, silent),
        devices('control', 100, () => 0),
      ),
      arms(
        devices('treated', 100, () => 0),
        devices('control', 100, silent),
      ),
    ])
      expect(verdict([failure], facts)).toMatchObject({ decision: 'HOLD', holdReason: 'missing_metric' })
  })

  it('for want of recent observations', () => {
    const late = { ...large, nowMs: 10_002 }
    expect(verdict([failure], fine, late)).toMatchObject({
      decision: 'HOLD',
      holdReason: 'stale_observations',
    })
    expect(verdict([failure], fine, { ...large, nowMs: 10_001 }).decision).toBe('PROMOTE')
  })

  it('for want of a shadow in a small ring', () => {
    expect(verdict([failure], fine, small)).toMatchObject({
      decision: 'HOLD',
      holdReason: 'shadow_not_declared',
    })
    const limit = gateOf(LIMIT)
    const installed = verdict(
      [limit],
      devices('treated', 60, () => 0),
      small,
    )
    expect(installed).toMatchObject({ decision: 'HOLD', holdReason: 'shadow_not_declared' })
  })

  it('for want of any gate', () => {
    expect(verdict([], [])).toMatchObject({ decision: 'HOLD', holdReason: 'no_gates' })
    const shadow = gateOf(SHADOW)
    expect(verdict([shadow], shadowed(100, { inputs: 9, worse: 0, better: 0 }))).toMatchObject({
      decision: 'HOLD',
      holdReason: 'no_gates',
    })
  })

  it('where its state was opened for another test', () => {
    const other = told([gateOf(LIMIT, { name: 'failure' })], fine)
    expect(judge([failure], other, large).decision).toBe('HOLD')
  })

  it('and one that holds keeps all others from promoting', () => {
    const gates = [failure, gateOf(SCORE)]
    const both = verdict(
      gates,
      arms(
        devices('treated', 100, () => 0),
        devices('control', 100, () => null),
      ),
    )
    expect(both.decision).toBe('HOLD')
  })
})

describe('the evidence', () => {
  it('is plain JSON, and its ledger goes on after a round trip as if nothing had been', () => {
    const gates = standardGates({ rings: 5, ring: 0 })
    const facts = arms(
      devices('treated', 40, (at) => at % 2),
      devices('control', 40, (at) => Number(at % 7 === 0)),
    )
    const half = told(gates, facts.slice(0, 100))
    const ledger = JSON.parse(JSON.stringify(half)) as typeof half
    const whole = told(gates, facts)
    for (const fact of facts.slice(100)) tell(gates, ledger, fact)
    expect(canonicalText(ledger as never)).toBe(canonicalText(whole as never))
    expect(JSON.parse(canonicalText(judge(gates, whole, large) as never))).toEqual(judge(gates, whole, large))
  })

  it('says in a sentence why', () => {
    const gates = [gateOf(FAILURE)]
    const text = judge(gates, openLedger(gates), large).evidence[0]?.text
    expect(text).toBe(
      'failure says HOLD: no device of the ring has been judged; treated devices fail at unknown times the rate of the control ' +
        '(between 0.125 and 8); evidence of harm 1 (halts at 100), of safety 1 (promotes at 20); ' +
        '0 treated and 0 control devices judged',
    )
  })
})
