/** What a device that asks would get of the open ring, and what keeps it from that now. */
import { isControl, isEligible, siteOf } from './fleet.ts'
import { isFrozen } from './freeze.ts'
import type { CampaignState, RingRecord, Standing } from './state.ts'

/** `grant`: the candidate. `watch`: to be observed in this ring as well, because it has the candidate longer or is of the control. */
export type Want = 'grant' | 'watch'

export const HINDRANCES = [
  /** R1: as many devices are at risk as may be. */
  'budget_spent',
  /** R4: the ring has its declared share of the fleet. */
  'ring_full',
  'site_share_spent',
  'bytes_spent',
  'frozen',
  /** It has reported nothing yet, so nothing can be compared with what it did before. */
  'no_report',
] as const
export type Hindrance = (typeof HINDRANCES)[number]

/** The open ring's record; null while none is, and while its direction awaits its statement. */
export function openRingOf({ rings, direction, phase }: CampaignState): RingRecord | null {
  if (direction.runs !== 'candidate' || direction.statement === null) return null
  const last = rings.at(-1)
  if (last === undefined) return null
  return last.outcome === 'open' || phase === 'complete' ? last : null
}

export function wantsOf(state: CampaignState, standing: Standing): Want | null {
  const ring = openRingOf(state)
  const { phase, direction, rings } = state
  if (ring === null || !isEligible(state, standing)) return null
  if (phase !== 'running' && phase !== 'complete') return null
  const { grant, watch } = standing
  const control = isControl(state, standing)
  if (grant?.generation !== direction.generation) {
    if (phase === 'complete' || (!control && standing.unit < ring.cut)) return 'grant'
    if (!control) return null
  }
  // After the last ring a sample of the treated is enough to tell them from the control.
  if (ring.baking !== undefined && !control && standing.unit >= ring.baking.below) return null
  const isActive = control || (standing.risk !== 'returned' && standing.report?.candidate != null)
  return phase === 'running' && isActive && watch?.round !== rings.length - 1 ? 'watch' : null
}

/** Why the device has to wait; null where it may begin now. */
export function hindranceOf(state: CampaignState, standing: Standing): Hindrance | null {
  const { plan, counts, clock, phase, ring } = state
  const { facts } = standing
  if (standing.report === null || facts === null) return 'no_report'
  if (isFrozen(plan.freezes, clock.wallMs, facts.utcOffsetMinutes)) return 'frozen'
  // Who is at risk already takes no more room: it was returned by nobody when the campaign was halted and resumed.
  if (standing.risk !== 'at_risk') {
    if (counts.atRisk >= plan.budget.devicesAtRisk) return 'budget_spent'
    const site = siteOf(state, facts.site)
    if (site.atRisk >= Math.max(1, Math.floor(plan.budget.siteShare * site.devices)))
      return 'site_share_spent'
  }
  const planned = plan.rings[ring]
  if (standing.grant === null && phase === 'running' && planned !== undefined && planned.share < 1) {
    if (counts.exposed >= Math.max(planned.leastDevices, Math.floor(planned.share * counts.fleet)))
      return 'ring_full'
  }
  return overBytes(state, facts.site) ? 'bytes_spent' : null
}

/** What a site's link has still to carry when one more of its devices begins. */
export function bytesFor(state: CampaignState, site: string): number {
  return siteOf(state, site).fetched < state.direction.generation ? state.plan.transferBytes : 0
}

export function windowOf({ plan, clock }: CampaignState): number {
  return plan.budget.bytes === null ? 0 : Math.floor(clock.campaignMs / plan.budget.bytes.windowMs)
}

function overBytes(state: CampaignState, name: string): boolean {
  const { bytes: budget } = state.plan.budget
  const bytes = bytesFor(state, name)
  if (budget === null || bytes === 0) return false
  const window = windowOf(state)
  const site = siteOf(state, name)
  const used = state.bandwidth.window === window ? state.bandwidth.bytes : 0
  const siteUsed = site.window === window ? site.windowBytes : 0
  // One transfer that is larger than its budget goes alone in a window: else it would never go.
  if (budget.total !== null && used > 0 && used + bytes > budget.total) return true
  return budget.site !== null && siteUsed > 0 && siteUsed + bytes > budget.site
}
