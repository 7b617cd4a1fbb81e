/**
 * Scores of treated devices against the concurrent control's, each a device's change against its own past, so that what makes
 * devices differ cancels. A score is first compared with what was to be expected here and now, without regard to its arm; then
 * the bet is on the arm, at the odds that the devices at risk give: treated ones should not be those that surprise. So neither a
 * slow day nor a slow site moves the evidence.
 */
import { openCapitals, settle, type Capitals } from './capitals.ts'
import { own } from './own.ts'
import { enter, leave, openRiskSets, speak, type RiskSets, type TreatedShare } from './risk-sets.ts'
import type { Arm, GateFact } from './fact.ts'

/** A mean of scores, and how much of it is treated devices', so that a supposed shift can be taken out of it. */
interface Expectation {
  sum: number
  treated: number
  count: number
}

export interface ScoreState {
  readonly kind: 'score'
  readonly capitals: Capitals
  readonly risk: RiskSets
  /** Of the whole ring, what is past fading. */
  readonly ring: Expectation
  readonly sites: Record<string, Expectation>
}

export function openScoreGate(): ScoreState {
  return {
    kind: 'score',
    capitals: openCapitals(),
    risk: openRiskSets(),
    // Until there is any, "as before".
    ring: { sum: 0.5, treated: 0, count: 1 },
    sites: {},
  }
}

/** How much of the ring's mean each new score takes away of the older ones: it follows a day's drift. */
const FADING = 1 - 1 / 128
/** A site's own mean counts as many scores as it has, the ring's as many as this. */
const RING_WEIGHT = 1.5

export function observeScore(state: ScoreState, fact: GateFact): void {
  if (fact.kind === 'shadowed') return
  if (fact.kind === 'entered') {
    enter(state.risk, fact.site, fact.arm)
    return
  }
  if (fact.value !== null) {
    const value = Math.min(1, Math.max(0, fact.value))
    const site = own(state.sites, fact.site) ?? { sum: 0, treated: 0, count: 0 }
    state.sites[fact.site] = site
    const share = speak(state.risk, fact.site, fact.arm)
    if (share !== null) bet(state, { value, arm: fact.arm, share, site })
    remember(site, value, fact.arm)
    fade(state.ring)
    remember(state.ring, value, fact.arm)
  }
  leave(state.risk, fact.site, fact.arm)
}

interface Told {
  readonly value: number
  readonly arm: Arm
  readonly share: TreatedShare
  readonly site: Expectation
}

function bet({ capitals, ring }: ScoreState, { value, arm, share, site }: Told): void {
  const weight = site.count + RING_WEIGHT
  const expected = (site.sum + (RING_WEIGHT * ring.sum) / ring.count) / weight
  const treated = (site.treated + (RING_WEIGHT * ring.treated) / ring.count) / weight
  const surprise = value - expected
  // As if treated devices scored higher by the shift and nothing else: what is left knows no arm.
  const leftOf = (shift: number): number =>
    (surprise - shift * ((arm === 'treated' ? 1 : 0) - treated)) / (1 + Math.abs(shift))
  // Where the share is uncertain, each side takes the one at which it wins less.
  settle(capitals, {
    above: (shift) => {
      const left = leftOf(shift)
      return won(left, arm, left > 0 ? share.high : share.low)
    },
    below: (shift) => {
      const left = leftOf(shift)
      return -won(left, arm, left > 0 ? share.low : share.high)
    },
  })
}

/** A fair bet, if the device is a treated one with chance `share`, that it is one where `left` is positive. */
function won(left: number, arm: Arm, share: number): number {
  return (left * (arm === 'treated' ? 1 - share : -share)) / Math.max(share, 1 - share)
}

function remember(mean: Expectation, value: number, arm: Arm): void {
  mean.sum += value
  mean.count += 1
  if (arm === 'treated') mean.treated += 1
}

function fade(mean: Expectation): void {
  mean.sum *= FADING
  mean.treated *= FADING
  mean.count *= FADING
}
