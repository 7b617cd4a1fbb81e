/** A campaign and the devices of a small fleet, for tests: every event is made here, so that a test says only what differs. */
import type { CampaignEvent, DeviceReport, Health } from '../../rollout/campaign/events.ts'
import { parsePlan, type CampaignPlanInput, type CampaignPlan } from '../../rollout/campaign/plan.ts'
import { reduce } from '../../rollout/campaign/reduce.ts'
import { openCampaign, type CampaignState } from '../../rollout/campaign/state.ts'
import { statementNeeded } from '../../rollout/campaign/assignment.ts'
import { standardGates } from '../../rollout/gates/spec.ts'

export const HOUR_MS = 3_600_000
export const START_MS = Date.UTC(2026, 0, 5)

const bundle = (version: string, digit: string) => ({
  name: 'speech',
  version,
  envelopeSha256: digit.repeat(64),
  envelopeSizeBytes: 1_000,
})

export function planOf(changes: Partial<CampaignPlanInput> = {}): CampaignPlan {
  return parsePlan({
    v: 1,
    campaign: 'spring',
    author: 'ada',
    urgency: 'usual',
    candidate: bundle('1.1.0', 'b'),
    lastGood: bundle('1.0.0', 'a'),
    baseGeneration: 7,
    salt: 'spring-salt',
    rings: [
      { name: 'canary', share: 0.2, dwellMs: HOUR_MS },
      { name: 'all', share: 1, dwellMs: HOUR_MS },
    ],
    controlShare: 0.2,
    budget: { devicesAtRisk: 1_000, siteShare: 1, bytes: null },
    transferBytes: 1_000_000,
    hardware: null,
    freezes: [],
    approvals: 1,
    probationMs: HOUR_MS,
    silenceMs: 6 * HOUR_MS,
    shadow: { inputs: 20, windowInputs: 20 },
    scales: { latencyMs: 100, confidence: 0.2 },
    gates: [...standardGates({ rings: 2, ring: 0 })],
    ...changes,
  } satisfies CampaignPlanInput)
}

export const HEALTHY: Health = {
  upMs: 2 * HOUR_MS,
  crashes: 0,
  interventions: 0,
  turns: 100,
  latencyMsSum: 20_000,
  confidenceSum: 90,
}

export function joined(
  device: string,
  facts: Partial<Extract<CampaignEvent, { kind: 'joined' }>> = {},
): CampaignEvent {
  return {
    kind: 'joined',
    device,
    sequence: 1,
    site: 'oslo',
    hardware: 'tablet',
    utcOffsetMinutes: 0,
    ...facts,
  }
}

export function reported(device: string, changes: Partial<DeviceReport> = {}): DeviceReport {
  return {
    kind: 'reported',
    device,
    sequence: 1,
    generation: 7,
    stands: 'last_good',
    code: null,
    usual: HEALTHY,
    candidate: null,
    shadow: null,
    ...changes,
  }
}

export const asked = (device: string): CampaignEvent => ({ kind: 'asked', device })

let commands = 0
/** A command with an id of its own. */
export function command(
  kind: 'paused' | 'resumed' | 'halted' | 'cancelled' | 'superseded',
  by: string,
): Extract<CampaignEvent, { kind: typeof kind }> {
  commands += 1
  return { kind, id: `${kind}-${commands}`, atMs: START_MS, by, reason: 'because' }
}

export function approvedBy(
  by: string,
  state: CampaignState,
  digit = 'c',
): Extract<CampaignEvent, { kind: 'approved' }> {
  return {
    kind: 'approved',
    id: `approved-${by}`,
    atMs: START_MS,
    by,
    keyId: digit.repeat(64),
    planDigest: state.planDigest,
  }
}

/** Signs for whatever the campaign waits for. */
export function signed(state: CampaignState): CampaignState {
  const need = statementNeeded(state)
  if (need === null) return state
  return reduce(state, {
    kind: 'stated',
    generation: need.generation,
    statement: 'd'.repeat(64),
    keyId: 'e'.repeat(64),
  })
}

/** One tick, `ms` later by the centre's clock. */
export function ticked(state: CampaignState, ms = 60_000): CampaignState {
  const { tickSequence, wallMs } = state.clock
  return reduce(state, { kind: 'ticked', sequence: tickSequence + 1, atMs: wallMs + ms })
}

export const run = (state: CampaignState, ...events: readonly CampaignEvent[]): CampaignState =>
  events.reduce(reduce, state)

export const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `device-${at}`)

/** An approved campaign with its first ring open, over devices that have joined and reported. */
export function running(
  plan: CampaignPlan = planOf(),
  devices: readonly string[] = names(50),
): CampaignState {
  let state = openCampaign(plan, START_MS)
  for (const device of devices) state = run(state, joined(device), reported(device))
  return ticked(signed(run(state, approvedBy('grace', state))))
}
