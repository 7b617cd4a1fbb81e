/** How far each ring is, device by device: what a progress strip is drawn of, and the devices behind one part of it. */
import { hindranceOf, wantsOf } from './grant.ts'
import { isControl, isEligible } from './fleet.ts'
import { nextCut } from './ring.ts'
import type { CampaignState, Standing } from './state.ts'
import { behindBy, type Straggler } from './view.ts'

/** Where one device is on its way to the candidate, or back from it. */
export const STAGES = [
  /** Its ring is not open yet, or it has not been given the candidate. */
  'waiting',
  /** It was given it, and fetches, verifies or tries it; or was not heard of since. */
  'installing',
  /** The candidate answers there, in its probation. */
  'trial',
  'confirmed',
  /** It failed: it crashed in its probation, or the device refused it and tries again. */
  'failed',
  /** Its tries are used up. */
  'parked',
  /** What it ran before was ordered back, and is not there yet. */
  'returning',
  'returned',
  /** Of the control: it keeps what it runs, and is compared with. */
  'control',
] as const
export type Stage = (typeof STAGES)[number]
export type StageCounts = Readonly<Record<Stage, number>>

export interface RingProgress {
  readonly name: string
  readonly share: number
  readonly dwellMs: number
  /** False for one whose devices are foretold from the fleet as it is. */
  readonly opened: boolean
  /** Of this ring and of none before it. */
  readonly devices: number
  readonly stages: StageCounts
}

export interface Progress {
  readonly rings: readonly RingProgress[]
  readonly control: { readonly devices: number; readonly stages: StageCounts }
  /** In the fleet, and of hardware that may not take the candidate. */
  readonly ineligible: number
}

export interface DevicePlace {
  readonly device: string
  readonly site: string
  /** Null for one of the control. */
  readonly ring: string | null
  readonly stage: Stage
  /** Why it is no further, where that is known. */
  readonly why: Straggler['why'] | 'crashed' | null
  readonly code: string | null
}

export function stageOf(state: CampaignState, standing: Standing): Stage {
  const { grant, risk, report } = standing
  const { direction } = state
  if (grant === null) return isControl(state, standing) && state.phase !== 'complete' ? 'control' : 'waiting'
  if (risk === 'returned') {
    if (report?.stands === 'parked') return 'parked'
    // A halted campaign was resumed: its turn comes again.
    return direction.runs === 'candidate' && grant.generation !== direction.generation
      ? 'waiting'
      : 'returned'
  }
  if (direction.runs === 'last_good') return 'returning'
  if (risk === 'proven') return 'confirmed'
  if (risk === 'failed' || report?.stands === 'refused') return 'failed'
  if (report === null || report.generation < grant.generation) return 'installing'
  return report.stands === 'active' || report.stands === 'committed' ? 'trial' : 'installing'
}

export function progressOf(state: CampaignState): Progress {
  const cuts = cutsOf(state)
  const rings = state.plan.rings.map(() => noStages())
  const control = noStages()
  let ineligible = 0
  for (const standing of state.devices.values()) {
    if (standing.left || standing.facts === null) continue
    if (!isEligible(state, standing)) {
      ineligible += 1
      continue
    }
    const at = ringAt(cuts, state, standing)
    const counts = at === null ? control : rings[at]
    if (counts !== undefined) counts[stageOf(state, standing)] += 1
  }
  const opened = new Set(state.rings.map(({ name }) => name))
  return {
    rings: state.plan.rings.map(({ name, share, dwellMs }, at) => {
      const stages = rings[at] ?? noStages()
      return { name, share, dwellMs, opened: opened.has(name), devices: total(stages), stages }
    }),
    control: { devices: total(control), stages: control },
    ineligible,
  }
}

/** Devices by name, those after `after`, `limit` at most, of one ring (`control` for the control) and one stage where those are named. */
export function devicesOf(
  state: CampaignState,
  wanted: {
    readonly ring: string | null
    readonly stage: Stage | null
    /** A part of the device's or the site's name. */
    readonly find: string | null
    readonly after: string | null
    readonly limit: number
  },
): { readonly matching: number; readonly devices: readonly DevicePlace[] } {
  const { ring, stage, find, after, limit } = wanted
  const cuts = cutsOf(state)
  const found: Standing[] = []
  for (const standing of state.devices.values()) {
    if (!isEligible(state, standing)) continue
    if (find !== null && !standing.device.includes(find) && standing.facts?.site.includes(find) !== true)
      continue
    if (ring !== null && (nameAt(state, ringAt(cuts, state, standing)) ?? 'control') !== ring) continue
    if (stage !== null && stageOf(state, standing) !== stage) continue
    found.push(standing)
  }
  const sorted = found.sort((a, b) => (a.device < b.device ? -1 : 1))
  const page = sorted.filter(({ device }) => after === null || device > after).slice(0, limit)
  return {
    matching: found.length,
    devices: page.map((standing) => ({
      device: standing.device,
      site: standing.facts?.site ?? '',
      ring: nameAt(state, ringAt(cuts, state, standing)),
      stage: stageOf(state, standing),
      why: whyWaits(state, standing),
      code: standing.report?.code ?? null,
    })),
  }
}

function whyWaits(state: CampaignState, standing: Standing): DevicePlace['why'] {
  if (standing.risk === 'failed' && state.direction.runs === 'candidate') return 'crashed'
  const behind = behindBy(state, standing)
  if (behind !== null) return behind
  return wantsOf(state, standing) === 'grant' ? hindranceOf(state, standing) : null
}

function nameAt(state: CampaignState, at: number | null): string | null {
  return at === null ? null : (state.plan.rings[at]?.name ?? null)
}

/** Of each ring of the plan: as it was opened last, or as it would be now. */
function cutsOf(state: CampaignState): readonly number[] {
  const units = [...state.devices.values()]
    .filter((standing) => isEligible(state, standing) && !isControl(state, standing))
    .map(({ unit }) => unit)
    .sort((a, b) => a - b)
  const cuts: number[] = []
  for (const [at, { name }] of state.plan.rings.entries())
    cuts.push(
      state.rings.findLast((ring) => ring.name === name)?.cut ??
        nextCut(state.plan, at, { units, before: cuts.at(-1) ?? 0 }),
    )
  return cuts
}

/** Null for the control. Whoever lies beyond every cut joins with the last ring. */
function ringAt(cuts: readonly number[], state: CampaignState, standing: Standing): number | null {
  if (isControl(state, standing)) return null
  const at = cuts.findIndex((cut) => standing.unit < cut)
  return at === -1 ? cuts.length - 1 : at
}

function noStages(): Record<Stage, number> {
  return {
    waiting: 0,
    installing: 0,
    trial: 0,
    confirmed: 0,
    failed: 0,
    parked: 0,
    returning: 0,
    returned: 0,
    control: 0,
  }
}

function total(stages: StageCounts): number {
  return STAGES.reduce((sum, stage) => sum + stages[stage], 0)
}
