/** After the last ring: the control stays behind, and what breaks late halts all the same (SPEC.md, R2). */
import { describe, expect, it } from 'vitest'
import { isControl } from '../../../rollout/campaign/fleet.ts'
import { wantsOf } from '../../../rollout/campaign/grant.ts'
import { bakeGatesOf, parsePlan, type CampaignPlanInput } from '../../../rollout/campaign/plan.ts'
import type { CampaignState } from '../../../rollout/campaign/state.ts'
import { usualPlan } from '../../../rollout/campaign/usual-plan.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import {
  asked,
  HEALTHY,
  HOUR_MS,
  joined,
  names,
  planOf,
  reported,
  run,
  running,
  ticked,
} from '../../support/campaign.ts'

const DEVICES = names(80)
const BAKE_MS = 3 * HOUR_MS

function bakedPlan(changes: Partial<CampaignPlanInput> = {}) {
  const gates = standardGates({ rings: 1, ring: 0 })
    .filter(({ name }) => name === 'install' || name === 'shadow' || name === 'crash')
    .map((gate) => ({ ...gate, minimumDevices: 1, beta: 0.5 }))
  return planOf({
    rings: [{ name: 'all', share: 1, dwellMs: HOUR_MS }],
    controlShare: 0.4,
    gates,
    bakeMs: BAKE_MS,
    ...changes,
  })
}

/** What every device says: the candidate for so many hours with so many crashes, the control its usual. */
function said(state: CampaignState, sequence: number, hours: number, crashes = 0): CampaignState {
  return run(
    state,
    ...[...state.devices.values()].map((standing) => {
      const upMs = hours * HOUR_MS
      return isControl(state, standing)
        ? reported(standing.device, { sequence, usual: { ...HEALTHY, upMs } })
        : reported(standing.device, {
            sequence,
            generation: state.direction.generation,
            stands: 'committed',
            candidate: { ...HEALTHY, upMs, crashes },
            shadow: { inputs: 20 * sequence, worse: 0, better: 0 },
          })
    }),
  )
}

/** Every ring has passed, and the bake is open. */
function baking(): CampaignState {
  let state = run(
    running(bakedPlan(), DEVICES),
    ...DEVICES.map((device) => joined(device, { sequence: 2, site: `site-${device}` })),
  )
  state = ticked(run(state, ...DEVICES.map(asked)))
  let sequence = 1
  for (; state.rings.at(-1)?.baking === undefined && sequence < 60; sequence += 1)
    state = ticked(run(said(state, sequence + 1, sequence), ...DEVICES.map(asked)), HOUR_MS)
  expect(state.rings.at(-1)).toMatchObject({ name: 'bake', outcome: 'open' })
  return state
}

/** Time passes while all devices work, and `crashes` as said. */
function worked(from: CampaignState, rounds: number, crashes: number): CampaignState {
  let state = ticked(run(from, ...DEVICES.map(asked)))
  const first = Math.max(...[...state.devices.values()].map(({ report }) => report?.sequence ?? 0))
  for (let at = 1; at <= rounds && state.phase === 'running'; at += 1)
    state = ticked(said(state, first + at, 100 + at * 2, crashes), HOUR_MS)
  return state
}

describe('the bake', () => {
  it('keeps the control on what it ran, though every ring has passed', () => {
    const state = baking()
    expect(state.phase).toBe('running')
    const control = [...state.devices.values()].filter((one) => isControl(state, one))
    expect(control.length).toBeGreaterThan(5)
    for (const one of control) expect(wantsOf(state, one)).not.toBe('grant')
  })

  it('halts a campaign whose candidate breaks only then, with the evidence kept', () => {
    const state = worked(baking(), 10, 1)
    expect(state.phase).toBe('halted')
    expect(state.direction.runs).toBe('last_good')
    expect(state.rings.at(-1)).toMatchObject({
      name: 'bake',
      outcome: 'halted',
      verdict: { decision: 'HALT' },
    })
    expect(state.rings.at(-1)?.verdict?.evidence.find(({ gate }) => gate === 'crash')?.decision).toBe('HALT')
  })

  it('lets it be complete after its time, once somebody has looked', () => {
    const state = worked(baking(), 10, 0)
    expect(state.phase).toBe('complete')
    const bake = state.rings.at(-1)
    expect((bake?.closedMs ?? 0) - (bake?.openedMs ?? 0)).toBeGreaterThanOrEqual(BAKE_MS)
    expect(ticked(state, 90 * HOUR_MS).rings.at(-1)?.verdict).toEqual(bake?.verdict)
  })

  it('holds as long as nobody was judged in it', () => {
    let state = baking()
    for (let hour = 0; hour < 8; hour += 1) state = ticked(state, HOUR_MS)
    expect(state.phase).toBe('running')
    expect(state.rings.at(-1)?.verdict).toMatchObject({ decision: 'HOLD', holdReason: 'missing_treated' })
  })

  it('has to be surer of harm than a ring, and all together may halt one good release in twenty', () => {
    const bundle = (version: string) => ({
      name: 'speech',
      version,
      envelopeSha256: version[0]?.repeat(64) ?? '',
      envelopeSizeBytes: 1,
    })
    const plan = usualPlan({
      campaign: 'spring',
      author: 'ada',
      candidate: bundle('2.0.0'),
      lastGood: bundle('1.0.0'),
      baseGeneration: 0,
      salt: 'spring-salt',
      fleet: { devices: 100_000, sites: 1_000 },
      transferBytes: 1,
    })
    const rings = plan.rings.flatMap(({ gates }) => gates ?? [])
    const all = [...rings, ...bakeGatesOf(plan)].reduce((sum, { alpha }) => sum + alpha, 0)
    expect(all).toBeLessThanOrEqual(0.05 + 1e-12)
    expect(all).toBeGreaterThan(0.049)
  })

  it.each([
    [
      'no gate that looks at devices which run',
      { gates: bakedPlan().gates.filter(({ name }) => name !== 'crash') },
    ],
    ['a ring of its name', { rings: [{ name: 'bake', share: 1, dwellMs: HOUR_MS }] }],
  ])('is refused where there is %s', (_what, change) => {
    expect(() => parsePlan({ ...bakedPlan(), ...change })).toThrow(/this is no campaign plan/)
  })
})
