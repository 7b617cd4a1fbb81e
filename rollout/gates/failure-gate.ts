/**
 * Failures against a concurrent control: the anytime-valid logrank test (ter Schure, Pérez-Ortiz, Ly and Grünwald,
 * "The safe logrank test", 2020), by site. At each failure: of the devices at risk, was it a treated one, and how likely was
 * that if the treated hazard is so many times the control's?
 */
import { RATE_RATIOS } from './grids.ts'
import { evenLikelihoods, weigh } from './likelihoods.ts'
import { observeLimit, openLimitGate, type LimitState } from './limit-gate.ts'
import { enter, leave, openRiskSets, speak, type RiskSets } from './risk-sets.ts'
import type { Arm, GateFact } from './fact.ts'

export interface FailureState {
  readonly kind: 'failure'
  /** Likelihoods of {@link RATE_RATIOS}, where the share of treated devices is taken high, so that little speaks for harm. */
  readonly harm: number[]
  /** The same where it is taken low, so that little speaks for safety. */
  readonly safe: number[]
  readonly risk: RiskSets
  /** The share of treated devices that fail, whatever the control does. */
  readonly treated: LimitState
}

export function openFailureGate(): FailureState {
  return {
    kind: 'failure',
    harm: evenLikelihoods(RATE_RATIOS),
    safe: evenLikelihoods(RATE_RATIOS),
    risk: openRiskSets(),
    treated: openLimitGate(),
  }
}

export function observeFailure(state: FailureState, fact: GateFact): void {
  if (fact.kind === 'shadowed') return
  observeLimit(state.treated, fact)
  if (fact.kind === 'entered') {
    enter(state.risk, fact.site, fact.arm)
    return
  }
  if (fact.value !== null && fact.value > 0) {
    const share = speak(state.risk, fact.site, fact.arm)
    if (share !== null) {
      tell(state.harm, fact.arm, share.high)
      tell(state.safe, fact.arm, share.low)
    }
  }
  leave(state.risk, fact.site, fact.arm)
}

/** The chance that it was this arm's device, relative to the chance under an equal hazard, which leaves that at 1. */
function tell(likelihoods: number[], arm: Arm, share: number): void {
  weigh(likelihoods, RATE_RATIOS, (ratio) => (arm === 'treated' ? ratio : 1) / (ratio * share + 1 - share))
}
