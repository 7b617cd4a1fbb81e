/** The devices and sites of a campaign, and the sums over them that budgets are held against. */
import { unitOf } from './cohort.ts'
import type { CampaignState, Counts, Risk, SiteStanding, Standing } from './state.ts'

/** The device as the campaign knows it, or as one of which nothing is known yet. */
export function standingOf(state: CampaignState, device: string): Standing {
  return (
    state.devices.get(device) ?? {
      device,
      unit: unitOf(state.plan.salt, device),
      facts: null,
      left: false,
      asking: false,
      grant: null,
      risk: 'none',
      watch: null,
      report: null,
    }
  )
}

export function siteOf(state: CampaignState, site: string): SiteStanding {
  return (
    state.sites.get(site) ?? {
      site,
      devices: 0,
      atRisk: 0,
      bytes: 0,
      window: 0,
      windowBytes: 0,
      fetched: state.plan.baseGeneration,
    }
  )
}

/** Of the control: the far end of the campaign's order, which no ring reaches before it is complete. */
export function isControl({ plan }: CampaignState, { unit }: Standing): boolean {
  return unit >= 1 - plan.controlShare
}

/** In the fleet, and of a class of hardware that may take the candidate. */
export function isEligible({ plan }: CampaignState, { facts, left }: Standing): boolean {
  return facts !== null && !left && (plan.hardware === null || plan.hardware.includes(facts.hardware))
}

/** Puts a device in its new standing and moves every sum with it: the only way in which a device changes. */
export function withStanding(state: CampaignState, after: Standing): CampaignState {
  const before = state.devices.get(after.device)
  if (before === after) return state
  const devices = state.devices.with(after.device, after)
  const wasIn = before !== undefined && isEligible(state, before)
  const isIn = isEligible(state, after)
  const wasRisk = before !== undefined && riskOf(before) === 'at_risk'
  const isRisk = riskOf(after) === 'at_risk'
  const counts = moved(state.counts, { before, after, fleet: Number(isIn) - Number(wasIn) })
  let { sites } = state
  const [oldSite, newSite] = [before?.facts?.site ?? null, after.facts?.site ?? null]
  if (oldSite !== newSite || wasIn !== isIn || wasRisk !== isRisk) {
    if (oldSite !== null) {
      const site = siteOf(state, oldSite)
      sites = sites.with(oldSite, {
        ...site,
        devices: site.devices - Number(wasIn),
        atRisk: site.atRisk - Number(wasRisk),
      })
    }
    if (newSite !== null) {
      const site = siteOf({ ...state, sites }, newSite)
      sites = sites.with(newSite, {
        ...site,
        devices: site.devices + Number(isIn),
        atRisk: site.atRisk + Number(isRisk),
      })
    }
  }
  return { ...state, devices, sites, counts }
}

/** A device that left the fleet runs nothing of ours. */
function riskOf({ left, risk }: Standing): Risk {
  return left && risk === 'at_risk' ? 'returned' : risk
}

function moved(
  counts: Counts,
  { before, after, fleet }: { before: Standing | undefined; after: Standing; fleet: number },
): Counts {
  const was: Risk = before === undefined ? 'none' : riskOf(before)
  const is = riskOf(after)
  const isFirst = (before?.grant ?? null) === null && after.grant !== null
  if (was === is && fleet === 0 && !isFirst) return counts
  const step = (risk: Risk): number => Number(is === risk) - Number(was === risk)
  return {
    fleet: counts.fleet + fleet,
    exposed: counts.exposed + Number(isFirst),
    atRisk: counts.atRisk + step('at_risk'),
    proven: counts.proven + step('proven'),
    failed: counts.failed + step('failed'),
    returned: counts.returned + step('returned'),
  }
}
