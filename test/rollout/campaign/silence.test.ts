/** Devices of which nothing more is heard (SPEC.md, "How it is judged"): what is silent may be what is broken. */
import { describe, expect, it } from 'vitest'
import { isControl } from '../../../rollout/campaign/fleet.ts'
import type { CampaignState, Standing } from '../../../rollout/campaign/state.ts'
import type { GateEvidence } from '../../../rollout/gates/judge.ts'
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

/** Enough in each arm to be compared with one another: no shadow is needed. */
const DEVICES = names(300)
/** As `planOf` has them: a device whose candidate is active is silent for good after both. */
const PROBATION_HOURS = 1
const SILENCE_HOURS = 6
/** Longer than silence is suffered: what it says counts before the ring may pass. */
const DWELL_HOURS = 12

/** One ring over everybody but the control, judged by these gates, in which every device that may was given the candidate. */
function given(...gates: readonly string[]): CampaignState {
  const plan = planOf({
    rings: [{ name: 'all', share: 1, dwellMs: DWELL_HOURS * HOUR_MS }],
    controlShare: 0.4,
    gates: standardGates({ rings: 1, ring: 0 })
      .filter(({ name }) => gates.includes(name))
      .map((gate) => ({ ...gate, minimumDevices: 1, beta: 0.5 })),
  })
  const open = run(
    running(plan, DEVICES),
    ...DEVICES.map((device) => joined(device, { sequence: 2, site: `site-${device}` })),
  )
  return ticked(run(open, ...DEVICES.map(asked)))
}

/** What a device says after so many hours of the version that it runs, with no fault. */
function worksFor(state: CampaignState, standing: Standing, sequence: number, hours: number) {
  const upMs = hours * HOUR_MS
  return isControl(state, standing)
    ? reported(standing.device, { sequence, usual: { ...HEALTHY, upMs: HEALTHY.upMs + upMs } })
    : reported(standing.device, {
        sequence,
        generation: state.direction.generation,
        stands: hours < PROBATION_HOURS ? 'active' : 'committed',
        candidate: { ...HEALTHY, upMs },
      })
}

function said(
  state: CampaignState,
  of: { readonly sequence: number; readonly hours: number; readonly who: (standing: Standing) => boolean },
): CampaignState {
  const heard = [...state.devices.values()].filter(of.who)
  return ticked(run(state, ...heard.map((one) => worksFor(state, one, of.sequence, of.hours))))
}

/** Hours pass, one tick each, and nobody says anything. */
function quiet(from: CampaignState, hours: number): CampaignState {
  let state = from
  for (let hour = 0; hour < hours; hour += 1) state = ticked(state, HOUR_MS)
  return state
}

function gateOf(state: CampaignState, name: string): GateEvidence | undefined {
  return state.rings.at(-1)?.verdict?.evidence.find(({ gate }) => gate === name)
}

const everybody = (): boolean => true

/** Every device of both arms answers under observation. */
function active(...gates: readonly string[]): CampaignState {
  return said(given('crash', ...gates), { sequence: 2, hours: 0, who: everybody })
}

/** Hours pass in which the control is heard every hour, of devices that are switched on for a few minutes of it only. */
function controlAlone(from: CampaignState, hours: number, first = 3): CampaignState {
  let state = from
  for (let at = 0; at < hours; at += 1) {
    const up = { sequence: first + at, hours: 0.01 * (first + at) }
    state = quiet(said(state, { ...up, who: (one) => isControl(from, one) }), 1)
  }
  return state
}

describe('devices that fall silent once the candidate is active', () => {
  it('have failed after their probation and the time that silence is suffered, and halt', () => {
    const state = controlAlone(active(), PROBATION_HOURS + SILENCE_HOURS + 1)
    const treated = [...state.devices.values()].filter((one) => !isControl(state, one))
    expect(state.phase).toBe('halted')
    expect(state.direction.runs).toBe('last_good')
    expect(gateOf(state, 'crash')).toMatchObject({
      decision: 'HALT',
      arms: { treated: { missing: 0, judged: treated.length, sum: treated.length }, control: { sum: 0 } },
    })
  })

  it('have not failed an hour before that', () => {
    const state = controlAlone(active(), PROBATION_HOURS + SILENCE_HOURS - 1)
    expect(state.phase).toBe('running')
    expect(gateOf(state, 'crash')).toMatchObject({ decision: 'HOLD', arms: { treated: { judged: 0 } } })
  })

  it('are waited for anew from each time that they are heard', () => {
    const late = controlAlone(active(), PROBATION_HOURS + SILENCE_HOURS - 1)
    const heard = said(late, { sequence: 3, hours: 0.5, who: (one) => !isControl(late, one) })
    const waited = controlAlone(heard, PROBATION_HOURS + SILENCE_HOURS - 1, 20)
    expect(waited.phase).toBe('running')
    expect(gateOf(waited, 'crash')).toMatchObject({ arms: { treated: { judged: 0 } } })
    expect(controlAlone(waited, 2, 40).phase).toBe('halted')
  })

  it('hold their ring where the control is through and nobody is left to compare them with', () => {
    const from = active()
    const through = said(from, { sequence: 3, hours: 2, who: (one) => isControl(from, one) })
    const state = quiet(through, PROBATION_HOURS + SILENCE_HOURS + 24)
    const treated = [...state.devices.values()].filter((one) => !isControl(state, one))
    expect(gateOf(state, 'crash')).toMatchObject({
      decision: 'HOLD',
      arms: { treated: { sum: treated.length }, control: { sum: 0 } },
    })
    expect(state.rings.at(-1)).toMatchObject({ outcome: 'open', verdict: { decision: 'HOLD' } })
  })

  it('have failed in the control as well, and where both arms fall silent nothing halts and nothing passes', () => {
    const state = quiet(active('latency'), DWELL_HOURS + 1)
    const control = [...state.devices.values()].filter((one) => isControl(state, one))
    expect(gateOf(state, 'crash')?.decision).not.toBe('HALT')
    expect(gateOf(state, 'crash')?.arms.control).toMatchObject({ missing: 0, sum: control.length })
    expect(gateOf(state, 'latency')).toMatchObject({
      decision: 'HOLD',
      holdReason: 'missing_metric',
      arms: { control: { missing: control.length } },
    })
    expect(state.rings.at(-1)).toMatchObject({ outcome: 'open', verdict: { decision: 'HOLD' } })
  })
})

/** More than a gate lets pass without a value. */
const AWAY = 40

/** Each device is heard as installed and through its probation, but the first few that were given the candidate. */
function installedBut(silent: number): CampaignState {
  const state = given('install', 'crash')
  const treated = [...state.devices.values()].filter((one) => !isControl(state, one))
  const away = new Set(treated.slice(0, silent).map(({ device }) => device))
  const heard = said(state, { sequence: 2, hours: 0, who: ({ device }) => !away.has(device) })
  return said(heard, { sequence: 3, hours: 2, who: ({ device }) => !away.has(device) })
}

describe('devices that were given the candidate and never heard of again', () => {
  it('keep their ring from passing once there are too many of them', () => {
    const state = quiet(installedBut(AWAY), DWELL_HOURS + 1)
    expect(gateOf(state, 'install')).toMatchObject({
      decision: 'HOLD',
      holdReason: 'missing_metric',
      arms: { treated: { missing: AWAY } },
    })
    expect(state.rings.at(-1)).toMatchObject({ outcome: 'open', verdict: { decision: 'HOLD' } })
    expect(state.phase).toBe('running')
  })

  it('stay at risk however long that lasts, because nobody knows what they run', () => {
    expect(quiet(installedBut(AWAY), DWELL_HOURS + 1).counts.atRisk).toBe(AWAY)
  })

  it('are no evidence as long as they may still be heard', () => {
    const state = quiet(installedBut(AWAY), SILENCE_HOURS - 1)
    expect(gateOf(state, 'install')).toMatchObject({ decision: 'PROMOTE', arms: { treated: { missing: 0 } } })
  })

  it('keep no ring of which all were heard', () => {
    expect(quiet(installedBut(0), DWELL_HOURS + 1).phase).toBe('complete')
  })
})
