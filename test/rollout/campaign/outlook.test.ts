/** A hold says what would end it, and by whom (SPEC.md, R10). */
import { describe, expect, it } from 'vitest'
import { outlookOf } from '../../../rollout/campaign/outlook.ts'
import { observationsNeeded } from '../../../rollout/gates/outlook.ts'
import { judge } from '../../../rollout/gates/judge.ts'
import { observe, openLedger } from '../../../rollout/gates/ledger.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import type { CampaignState } from '../../../rollout/campaign/state.ts'
import {
  asked,
  command,
  HEALTHY,
  HOUR_MS,
  names,
  planOf,
  reported,
  run,
  running,
  ticked,
} from '../../support/campaign.ts'

const gates = standardGates({ rings: 2, ring: 0 })
const gateOf = (name: string) => {
  const gate = gates.find((one) => one.name === name)
  if (gate === undefined) throw new Error(name)
  return gate
}

describe('what a gate still needs', () => {
  it.each(['install', 'crash', 'shadow'])('of %s is as many as it takes, and not one more', (name) => {
    const gate = gateOf(name)
    const state = openLedger([gate])[name]
    if (state === undefined) throw new Error(name)
    const needed = observationsNeeded(gate, state, 20)
    expect(needed).toBeGreaterThan(0)
    const told = (count: number) => {
      const ledger = openLedger([gate])
      for (let at = 0; at < count; at += 1) {
        const place = { device: `d${at}`, site: `s${at}`, atMs: 0 }
        const one = ledger[name]
        if (one === undefined) continue
        if (name === 'shadow') observe(one, { kind: 'shadowed', ...place, inputs: 20, worse: 0, better: 0 })
        else
          for (const arm of ['treated', 'control'] as const) {
            if (name === 'install' && arm === 'control') continue
            observe(one, { kind: 'entered', arm, ...place })
            observe(one, { kind: 'judged', arm, ...place, value: 0 })
          }
      }
      return judge([gate], ledger, { nowMs: 0, planned: { treated: 500, control: 500 } }).evidence[0]
        ?.decision
    }
    expect(told(needed ?? 0)).toBe('PROMOTE')
    expect(told((needed ?? 0) - 1)).toBe('HOLD')
    expect(state.arms.treated.judged).toBe(0)
  })

  it('is no number where nothing that anybody waits for would be enough', () => {
    const gate = { ...gateOf('install'), minimumDevices: 1_000_000 }
    const state = openLedger([gate])['install']
    expect(state && observationsNeeded(gate, state, 20)).toBeNull()
  })
})

describe('the outlook of a ring', () => {
  const DEVICES = names(10)
  const plan = planOf({ rings: [{ name: 'all', share: 1, dwellMs: 4 * HOUR_MS }], controlShare: 0 })
  const shadowed = (state: CampaignState): CampaignState =>
    ticked(
      run(
        state,
        ...DEVICES.map((device) =>
          reported(device, {
            sequence: 2,
            generation: state.direction.generation,
            stands: 'committed',
            candidate: HEALTHY,
            shadow: { inputs: 20, worse: 0, better: 0 },
          }),
        ),
      ),
    )

  it('tells what is missing, and that it can still come', () => {
    const open = ticked(running(plan, DEVICES))
    const outlook = outlookOf(open)
    expect(outlook?.awaits.map(({ gate }) => gate)).toEqual(['install', 'shadow'])
    expect(outlook?.awaits[1]).toMatchObject({ of: 'shadow_windows', toCome: 10 })
    expect(outlook?.dwellLeftHours).toBeGreaterThan(3)
  })

  it('says that only a person can end it once nothing more will come', () => {
    const done = shadowed(ticked(run(running(plan, DEVICES), ...DEVICES.map(asked))))
    const outlook = outlookOf(done)
    expect(done.rings[0]?.verdict?.decision).toBe('HOLD')
    expect(outlook).toMatchObject({ endsByItself: false })
    expect(outlook?.awaits.find(({ gate }) => gate === 'shadow')).toMatchObject({ toCome: 0 })
    expect(outlook?.text).toContain('a person other than ada may sign')
    expect(outlook?.text).toContain('starling rollout promote spring')
  })

  it('is nothing while no ring is open', () => {
    expect(outlookOf(run(running(plan, DEVICES), command('halted', 'grace')))).toBeNull()
  })
})
