/**
 * Scores of treated devices against the concurrent control's, each a device's change against its own past, so that what makes
 * devices differ cancels. Compared within a site where it has both arms: what a site's devices share cancels too. A site
 * with one arm alone is compared with another such site, and speaks once. What waits too long for a partner is dropped:
 * today's treated device is not compared with yesterday's control.
 */
import { openCapitals, settle, type Capitals } from './capitals.ts'
import { own } from './own.ts'
import type { Arm, GateFact } from './fact.ts'

interface Waiting {
  readonly arm: Arm
  readonly sinceMs: number
  sum: number
  count: number
}

interface ScoredSite {
  treated: number
  control: number
  spoken: boolean
  waiting: Waiting | null
}

export interface ScoreState {
  readonly kind: 'score'
  readonly capitals: Capitals
  readonly sites: Record<string, ScoredSite>
  /** Of the sites with one arm alone. */
  readonly lone: { waiting: Waiting | null }
  pairs: number
  differences: number
}

export function openScoreGate(): ScoreState {
  return {
    kind: 'score',
    capitals: openCapitals(),
    sites: {},
    lone: { waiting: null },
    pairs: 0,
    differences: 0,
  }
}

export function observeScore(state: ScoreState, fact: GateFact, windowMs: number): void {
  if (fact.kind === 'shadowed') return
  if (fact.kind === 'entered') {
    const entered = own(state.sites, fact.site) ?? { treated: 0, control: 0, spoken: false, waiting: null }
    state.sites[fact.site] = entered
    entered[fact.arm] += 1
    return
  }
  const site = own(state.sites, fact.site)
  if (site === undefined || fact.value === null) return
  const lone = site.treated === 0 || site.control === 0
  if (lone && site.spoken) return
  if (lone) site.spoken = true
  const place = lone ? state.lone : site
  const value = Math.min(1, Math.max(0, fact.value))
  const { waiting } = place
  if (waiting === null || fact.atMs - waiting.sinceMs > windowMs) {
    place.waiting = { arm: fact.arm, sinceMs: fact.atMs, sum: value, count: 1 }
    return
  }
  if (waiting.arm === fact.arm) {
    waiting.sum += value
    waiting.count += 1
    return
  }
  place.waiting = null
  const others = waiting.sum / waiting.count
  const difference = fact.arm === 'treated' ? value - others : others - value
  settle(state.capitals, difference)
  state.pairs += 1
  state.differences += difference
}
