/** What people are shown of a campaign: how far it is, who is behind, and why it waits. */
import { isEligible } from './fleet.ts'
import { hindranceOf, wantsOf, type Hindrance } from './grant.ts'
import { RESUMERS } from './reduce.ts'
import type { CampaignState, Counts, Decision, Phase, RingRecord, Standing } from './state.ts'

export interface CampaignView {
  readonly campaign: string
  readonly phase: Phase
  readonly ring: string | null
  readonly generation: number
  readonly counts: Counts
  /** Ever given the candidate, of the fleet. */
  readonly exposedShare: number
  readonly rings: readonly RingRecord[]
  readonly approvals: { readonly needed: number; readonly by: readonly string[] }
  /** Operators that are still needed to resume a halted campaign, and those who asked for it. */
  readonly resumersNeeded: number
  readonly resumers: readonly string[]
  /** Since when it is in its phase, on the centre's clock; null while it awaits approval. */
  readonly sinceMs: number | null
}

export function viewOf(state: CampaignState): CampaignView {
  const { plan, phase, counts, rings, direction, approvals, resumers } = state
  return {
    campaign: plan.campaign,
    phase,
    ring: plan.rings[state.ring]?.name ?? null,
    generation: direction.generation,
    counts,
    exposedShare: counts.fleet === 0 ? 0 : counts.exposed / counts.fleet,
    rings,
    approvals: { needed: plan.approvals, by: approvals.map(({ by }) => by) },
    resumersNeeded: phase === 'halted' ? RESUMERS - resumers.length : 0,
    resumers: phase === 'halted' ? resumers : [],
    sinceMs: turnOf(state)?.atMs ?? null,
  }
}

const TURNS = new Set<Decision['kind']>([
  'started',
  'paused',
  'resumed',
  'halted',
  'completed',
  'cancelled',
  'superseded',
])

/** The decision that brought a campaign into its phase; null while it awaits approval. */
export function turnOf({ decisions }: CampaignState): Decision | null {
  return decisions.findLast(({ kind }) => TURNS.has(kind)) ?? null
}

export interface Straggler {
  readonly device: string
  readonly site: string
  readonly why:
    | 'not_asked'
    | 'not_reported'
    | 'installing'
    | 'deferred'
    | 'refused'
    | 'parked'
    | 'probation'
    | Hindrance
  readonly code: string | null
}

/** Devices that may have the candidate by now and have not committed it, by name, `limit` at most. */
export function stragglersOf(state: CampaignState, limit: number): readonly Straggler[] {
  const found: Straggler[] = []
  for (const standing of state.devices.values()) {
    const why = behindBy(state, standing)
    if (why === null) continue
    const code = standing.report?.code ?? null
    found.push({ device: standing.device, site: standing.facts?.site ?? '', why, code })
  }
  return found.sort((a, b) => (a.device < b.device ? -1 : 1)).slice(0, limit)
}

/** Why a device that may have the candidate by now has not committed it; null for one that is not behind. */
export function behindBy(state: CampaignState, standing: Standing): Straggler['why'] | null {
  if (!isEligible(state, standing)) return null
  const { grant, report, risk } = standing
  if (grant?.generation === state.direction.generation) {
    if (risk === 'proven' || risk === 'failed') return null
    if (report === null || report.generation < grant.generation) return 'not_reported'
    if (report.stands === 'last_good' || report.stands === 'installing') return 'installing'
    return report.stands === 'active' || report.stands === 'committed' ? 'probation' : report.stands
  }
  if (wantsOf(state, standing) !== 'grant') return null
  return standing.asking ? (hindranceOf(state, standing) ?? 'not_asked') : 'not_asked'
}
