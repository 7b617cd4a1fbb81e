/**
 * Failures against a concurrent control: the anytime-valid logrank test (ter Schure, Pérez-Ortiz, Ly, Grünwald,
 * "The safe logrank test", 2020), by site. At each failure: of the devices at risk, was it a treated one, and how likely was
 * that if the treated hazard is so many times the control's? Whatever else raises or lowers hazards (the hour, the day, a
 * site's outage) raises them for both and cancels.
 *
 * Where both arms are at risk at the failing device's site, only that site's devices are compared, so what its devices share
 * cancels exactly. Sites with one arm alone are compared with one another, each as ONE unit: its first failure counts, and the
 * chance under "no harm" is taken by devices or by sites, whichever says less. Assumed: which devices are treated is random
 * (salted cohorts), sites fail independently of one another, and facts of one moment come in an order that ignores the arm.
 */
import { FAILURE_RATES, RATE_RATIOS } from './grids.ts'
import { evenLikelihoods, weigh } from './likelihoods.ts'
import { own } from './own.ts'
import type { Arm, GateFact } from './fact.ts'

interface SiteAtRisk {
  treated: number
  control: number
  /** It failed while it had one arm alone: it speaks no more among such sites. */
  spent: boolean
  /** The first treated device: it alone counts for the share of treated devices that fail. */
  spokesman: string | null
}

/** Sites with one arm alone at risk, that have not failed yet. */
interface LoneSites {
  treatedDevices: number
  controlDevices: number
  treatedSites: number
  controlSites: number
}

export interface FailureState {
  readonly kind: 'failure'
  /** Likelihoods of {@link RATE_RATIOS}: as unfavourable to "harm", and to "no harm", as lone sites allow. */
  readonly harm: number[]
  readonly safe: number[]
  /** Likelihoods of {@link FAILURE_RATES} for the treated devices, one a site. */
  readonly rates: number[]
  readonly lone: LoneSites
  readonly sites: Record<string, SiteAtRisk>
}

export function openFailureGate(): FailureState {
  return {
    kind: 'failure',
    harm: evenLikelihoods(RATE_RATIOS),
    safe: evenLikelihoods(RATE_RATIOS),
    rates: evenLikelihoods(FAILURE_RATES),
    lone: { treatedDevices: 0, controlDevices: 0, treatedSites: 0, controlSites: 0 },
    sites: {},
  }
}

export function observeFailure(state: FailureState, fact: GateFact): void {
  if (fact.kind === 'shadowed') return
  if (fact.kind === 'entered') {
    const entered = own(state.sites, fact.site) ?? { treated: 0, control: 0, spent: false, spokesman: null }
    state.sites[fact.site] = entered
    if (fact.arm === 'treated') entered.spokesman ??= fact.device
    change(state.lone, entered, () => (entered[fact.arm] += 1))
    return
  }
  const site = own(state.sites, fact.site)
  if (site === undefined || site[fact.arm] === 0) return
  if (fact.arm === 'treated' && site.spokesman === fact.device && fact.value !== null) {
    const bad = fact.value > 0
    weigh(state.rates, FAILURE_RATES, (rate) => (bad ? rate : 1 - rate))
  }
  if (fact.value !== null && fact.value > 0) failed(state, site, fact.arm)
  change(state.lone, site, () => (site[fact.arm] -= 1))
}

function failed(state: FailureState, site: SiteAtRisk, arm: Arm): void {
  if (site.treated > 0 && site.control > 0) {
    const share = site.treated / (site.treated + site.control)
    tell(state.harm, arm, share)
    tell(state.safe, arm, share)
    return
  }
  if (site.spent) return
  const { treatedDevices, controlDevices, treatedSites, controlSites } = state.lone
  if (treatedSites > 0 && controlSites > 0) {
    const byDevice = treatedDevices / (treatedDevices + controlDevices)
    const bySite = treatedSites / (treatedSites + controlSites)
    tell(state.harm, arm, Math.max(byDevice, bySite))
    tell(state.safe, arm, Math.min(byDevice, bySite))
  }
  change(state.lone, site, () => (site.spent = true))
}

/** The chance that it was this arm's device, relative to the chance under an equal hazard, which leaves that at 1. */
function tell(likelihoods: number[], arm: Arm, share: number): void {
  weigh(likelihoods, RATE_RATIOS, (ratio) => (arm === 'treated' ? ratio : 1) / (ratio * share + 1 - share))
}

/** Moves a site's numbers, keeping the sum over the lone ones. */
function change(lone: LoneSites, site: SiteAtRisk, move: () => void): void {
  count(lone, site, -1)
  move()
  count(lone, site, 1)
}

function count(lone: LoneSites, site: SiteAtRisk, sign: 1 | -1): void {
  if (site.spent || (site.treated > 0 && site.control > 0)) return
  if (site.treated > 0) {
    lone.treatedDevices += sign * site.treated
    lone.treatedSites += sign
  }
  if (site.control > 0) {
    lone.controlDevices += sign * site.control
    lone.controlSites += sign
  }
}
