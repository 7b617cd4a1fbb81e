/**
 * Who is still under observation, by site. Whenever a device is judged, the gates ask how likely it was, under "the release does
 * nothing", that it was a treated one: the share of treated devices among those at risk. Whatever else moves what devices
 * show (the hour, the day, a site's outage) moves it for both arms and cancels.
 *
 * Where a site has both arms at risk only its own devices are compared, so what they share cancels exactly. Sites with one arm
 * alone are compared with one another, each as ONE unit that speaks once; their share is taken by devices or by sites,
 * whichever the gate can rely on less. Assumed: which devices are treated is random (salted cohorts), sites are independent of
 * one another, and facts of one moment come in an order that ignores the arm.
 */
import { own } from './own.ts'
import type { Arm } from './fact.ts'

export interface SiteAtRisk {
  treated: number
  control: number
  /** It spoke while it had one arm alone. */
  spent: boolean
}

export interface RiskSets {
  readonly sites: Record<string, SiteAtRisk>
  /** Sums over the sites with one arm alone that have not spoken. */
  readonly lone: {
    treatedDevices: number
    controlDevices: number
    treatedSites: number
    controlSites: number
  }
}

/** Between which bounds the chance lies that it was a treated device; both the same where the site has both arms. */
export interface TreatedShare {
  readonly low: number
  readonly high: number
}

export function openRiskSets(): RiskSets {
  return { sites: {}, lone: { treatedDevices: 0, controlDevices: 0, treatedSites: 0, controlSites: 0 } }
}

export function enter(risk: RiskSets, name: string, arm: Arm): void {
  const site = own(risk.sites, name) ?? { treated: 0, control: 0, spent: false }
  risk.sites[name] = site
  count(risk, site, -1)
  site[arm] += 1
  count(risk, site, 1)
}

export function leave(risk: RiskSets, name: string, arm: Arm): void {
  const site = own(risk.sites, name)
  if (site === undefined || site[arm] === 0) return
  count(risk, site, -1)
  site[arm] -= 1
  count(risk, site, 1)
}

/**
 * The chance that the device of `arm` that now speaks is a treated one, before it leaves. Null where nothing can be compared:
 * it was not at risk, its site has spoken, or no site has the other arm. A site with one arm alone has spoken after this.
 */
export function speak(risk: RiskSets, name: string, arm: Arm): TreatedShare | null {
  const site = own(risk.sites, name)
  if (site === undefined || site[arm] === 0) return null
  if (site.treated > 0 && site.control > 0) {
    const share = site.treated / (site.treated + site.control)
    return { low: share, high: share }
  }
  if (site.spent) return null
  const { treatedDevices, controlDevices, treatedSites, controlSites } = risk.lone
  count(risk, site, -1)
  site.spent = true
  if (treatedSites === 0 || controlSites === 0) return null
  const byDevice = treatedDevices / (treatedDevices + controlDevices)
  const bySite = treatedSites / (treatedSites + controlSites)
  return { low: Math.min(byDevice, bySite), high: Math.max(byDevice, bySite) }
}

function count({ lone }: RiskSets, { treated, control, spent }: SiteAtRisk, sign: 1 | -1): void {
  if (spent || (treated > 0 && control > 0)) return
  if (treated > 0) {
    lone.treatedDevices += sign * treated
    lone.treatedSites += sign
  }
  if (control > 0) {
    lone.controlDevices += sign * control
    lone.controlSites += sign
  }
}
