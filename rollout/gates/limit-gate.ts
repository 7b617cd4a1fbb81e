/**
 * Failures of treated devices against a declared share, where no control does the same thing (nobody else installs). Without a
 * control nothing tells a bad bundle from a bad site, so each site speaks once: by the treated device that entered first, chosen
 * before anything is known of it. Sites are assumed to be independent of one another.
 *
 * Failures are heard of at once and their absence only at the end. So, for harm, whoever entered counts as unharmed until it
 * failed; for safety, only whoever came to the end unharmed does. Each is at most the martingale that knows all ends.
 */
import { FAILURE_RATES } from './grids.ts'
import { evenLikelihoods, weigh } from './likelihoods.ts'
import { own } from './own.ts'
import type { GateFact } from './fact.ts'

export interface LimitState {
  readonly kind: 'limit'
  /** Likelihoods of {@link FAILURE_RATES}, those still observed taken as unharmed. */
  readonly harm: number[]
  /** The same of those alone that were judged. */
  readonly safe: number[]
  /** The device that speaks for its site; null once it has. */
  readonly spokesmen: Record<string, string | null>
}

export function openLimitGate(): LimitState {
  return {
    kind: 'limit',
    harm: evenLikelihoods(FAILURE_RATES),
    safe: evenLikelihoods(FAILURE_RATES),
    spokesmen: {},
  }
}

export function observeLimit(state: LimitState, fact: GateFact): void {
  if (fact.kind === 'shadowed' || fact.arm === 'control') return
  const spokesman = own(state.spokesmen, fact.site)
  if (fact.kind === 'entered') {
    if (spokesman !== undefined) return
    state.spokesmen[fact.site] = fact.device
    weigh(state.harm, FAILURE_RATES, (rate) => 1 - rate)
    return
  }
  if (spokesman !== fact.device) return
  state.spokesmen[fact.site] = null
  if (fact.value === null) return
  const failed = fact.value > 0
  if (failed) weigh(state.harm, FAILURE_RATES, (rate) => rate / (1 - rate))
  weigh(state.safe, FAILURE_RATES, (rate) => (failed ? rate : 1 - rate))
}
