import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { devicesOf, progressOf, STAGES } from '../../../rollout/campaign/progress.ts'
import type { CampaignState } from '../../../rollout/campaign/state.ts'
import {
  asked,
  command,
  HEALTHY,
  names,
  planOf,
  reported,
  run,
  running,
  signed,
  ticked,
} from '../../support/campaign.ts'

const all = { ring: null, stage: null, find: null, after: null, limit: 1_000 }
const stagesOf = (state: CampaignState): Readonly<Record<string, number>> => {
  const { rings, control } = progressOf(state)
  const sums: Record<string, number> = {}
  for (const { stages } of [...rings, control])
    for (const stage of STAGES) if (stages[stage] > 0) sums[stage] = (sums[stage] ?? 0) + stages[stage]
  return sums
}

/** The first ring has asked, and was given the candidate. */
function given(): CampaignState {
  return ticked(run(running(), ...names(50).map(asked)))
}
const treatedIn = (state: CampaignState): readonly string[] =>
  [...state.devices.values()].filter(({ grant }) => grant !== null).map(({ device }) => device)

describe('how far a campaign is', () => {
  it('foretells the rings that are not open, each device in one of them or in the control', () => {
    const state = running()
    const { rings, control, ineligible } = progressOf(state)
    expect(rings).toMatchObject([
      { name: 'canary', opened: true },
      { name: 'all', opened: false },
    ])
    expect(rings.reduce((sum, { devices }) => sum + devices, control.devices)).toBe(50)
    expect(control.stages.control).toBe(control.devices)
    expect(ineligible).toBe(0)
    expect(rings[0]?.devices).toBe(state.rings[0]?.planned.treated)
  })

  it('tells installing, trial, confirmed, failed and parked apart by what devices last said', () => {
    let state = given()
    const [a = '', b = '', c = '', d = '', e = ''] = treatedIn(state)
    const { generation } = state.direction
    const said = (device: string, change: object) => reported(device, { sequence: 2, generation, ...change })
    const short = { ...HEALTHY, upMs: 1 }
    state = run(
      state,
      said(a, { stands: 'installing' }),
      said(b, { stands: 'active', candidate: short }),
      said(c, { stands: 'committed', candidate: HEALTHY }),
      said(d, { stands: 'committed', candidate: { ...HEALTHY, crashes: 1 } }),
      said(e, { stands: 'parked', code: 'smoke_failed' }),
    )
    const at = (stage: (typeof STAGES)[number]) =>
      devicesOf(state, { ...all, stage }).devices.map(({ device }) => device)
    expect([at('trial'), at('confirmed'), at('failed'), at('parked')]).toEqual([[b], [c], [d], [e]])
    expect(at('installing')).toContain(a)
    expect(devicesOf(state, { ...all, find: d }).devices[0]).toMatchObject({ why: 'crashed', ring: 'canary' })
    expect(devicesOf(state, { ...all, find: e }).devices[0]).toMatchObject({
      why: 'parked',
      code: 'smoke_failed',
    })
  })

  it('after a halt follows each device on its way back, and after it was resumed lets it wait anew', () => {
    let state = signed(run(given(), command('halted', 'ada')))
    const [a = ''] = treatedIn(state)
    const exposed = state.counts.exposed
    expect(stagesOf(state)).toMatchObject({ returning: exposed })
    const { generation } = state.direction
    state = run(state, reported(a, { sequence: 9, generation, stands: 'last_good' }))
    expect(stagesOf(state)).toMatchObject({ returning: exposed - 1, returned: 1 })
    state = ticked(signed(run(state, command('resumed', 'ada'), command('resumed', 'bob'))))
    expect(devicesOf(state, { ...all, find: a }).devices[0]).toMatchObject({ stage: 'waiting' })
  })

  it('pages by name without losing or repeating a device, whatever the page', () => {
    const state = given()
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (limit) => {
        const seen: string[] = []
        for (let after: string | null = null; ; after = seen.at(-1) ?? null) {
          const page = devicesOf(state, { ...all, after, limit })
          expect(page.matching).toBe(50)
          if (page.devices.length === 0) break
          seen.push(...page.devices.map(({ device }) => device))
        }
        expect(seen).toEqual([...names(50)].toSorted())
      }),
    )
  })

  it('counts hardware that may not take it apart', () => {
    const state = running(planOf({ hardware: ['phone'] }))
    expect(progressOf(state)).toMatchObject({ ineligible: 50, control: { devices: 0 } })
    expect(devicesOf(state, all).matching).toBe(0)
  })
})
