/** The devices and sites of a campaign, and the sums over them that budgets are held against. */
import { unitOf } from './cohort.ts'
import {
  withFleet,
  type Agenda,
  type CampaignState,
  type Counts,
  type Fleet,
  type Risk,
  type SiteStanding,
  type Standing,
} from './state.ts'
import type { Table } from './table.ts'

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

export function siteOf({ plan, sites }: Pick<CampaignState, 'plan' | 'sites'>, site: string): SiteStanding {
  return (
    sites.get(site) ?? {
      site,
      devices: 0,
      atRisk: 0,
      bytes: 0,
      window: 0,
      windowBytes: 0,
      fetched: plan.baseGeneration,
    }
  )
}

/** Of the control: the far end of the campaign's order, which no ring reaches before it is complete. */
export function isControl({ plan }: Planned, { unit }: Standing): boolean {
  return unit >= 1 - plan.controlShare
}

/** In the fleet, and of a class of hardware that may take the candidate. */
export function isEligible({ plan }: Planned, { facts, left }: Standing): boolean {
  return facts !== null && !left && (plan.hardware === null || plan.hardware.includes(facts.hardware))
}

/** Puts a device in its new standing and moves every sum with it: the only way in which a device changes. */
export function withStanding(state: CampaignState, moved: Moved, agenda?: Agenda): CampaignState {
  return withFleet(state, placed(state, state, moved), agenda)
}

/** `before`: as {@link standingOf} says. */
interface Moved {
  readonly before: Standing
  readonly after: Standing
}

/** The same for a fleet in hand, of which a state is made once all of its devices are moved. */
export function placed(state: Planned, fleet: Fleet, { before, after }: Moved): Fleet {
  const [wasIn, isIn] = [isEligible(state, before), isEligible(state, after)]
  const [was, is] = [riskOf(before), riskOf(after)]
  const isFirst = before.grant === null && after.grant !== null
  const oldSite = before.facts?.site ?? null
  const newSite = after.facts?.site ?? null
  let { sites, counts } = fleet
  if (was !== is || wasIn !== isIn || isFirst)
    counts = summed(counts, { was, is, fleet: Number(isIn) - Number(wasIn), exposed: Number(isFirst) })
  const [wasRisk, isRisk] = [was === 'at_risk', is === 'at_risk']
  if (oldSite !== newSite || wasIn !== isIn || wasRisk !== isRisk) {
    if (oldSite !== null)
      sites = counted(state, sites, { name: oldSite, isIn: wasIn, isRisk: wasRisk, by: -1 })
    if (newSite !== null) sites = counted(state, sites, { name: newSite, isIn, isRisk, by: 1 })
  }
  return { devices: fleet.devices.with(after.device, after), sites, counts }
}

type Planned = Pick<CampaignState, 'plan'>

/** A device that left the fleet runs nothing of ours. */
function riskOf({ left, risk }: Standing): Risk {
  return left && risk === 'at_risk' ? 'returned' : risk
}

function summed(
  counts: Counts,
  { was, is, fleet, exposed }: { was: Risk; is: Risk; fleet: number; exposed: number },
): Counts {
  const step = (risk: Risk): number => Number(is === risk) - Number(was === risk)
  return {
    fleet: counts.fleet + fleet,
    exposed: counts.exposed + exposed,
    atRisk: counts.atRisk + step('at_risk'),
    proven: counts.proven + step('proven'),
    failed: counts.failed + step('failed'),
    returned: counts.returned + step('returned'),
  }
}

/** A device that goes (`by` -1) or comes (1) in the sums of its site. */
function counted(
  { plan }: Planned,
  sites: Table<SiteStanding>,
  { name, isIn, isRisk, by }: { name: string; isIn: boolean; isRisk: boolean; by: 1 | -1 },
): Table<SiteStanding> {
  const { site, devices, atRisk, bytes, window, windowBytes, fetched } = siteOf({ plan, sites }, name)
  return sites.with(name, {
    site,
    devices: devices + (isIn ? by : 0),
    atRisk: atRisk + (isRisk ? by : 0),
    bytes,
    window,
    windowBytes,
    fetched,
  })
}
