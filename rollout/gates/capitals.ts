/**
 * Bets on a mean difference (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024): for
 * each shift of the grid, capitals that bet that the mean is above it and that it is below it, each a
 * non-negative supermartingale while it is not. Stakes are fixed beforehand and averaged, so nothing is fitted to the past.
 */
import { SCORE_SHIFTS, STAKES } from './grids.ts'
import { MAX_EVIDENCE } from './likelihoods.ts'

export interface Capitals {
  /** One number a shift and stake, the stakes of a shift side by side. */
  readonly above: number[]
  readonly below: number[]
}

export function openCapitals(): Capitals {
  const even = SCORE_SHIFTS.flatMap(() => STAKES.map(() => 1))
  return { above: even, below: [...even] }
}

/** What a bet on one shift wins or loses by a fact, from -1 to 1; its mean is at most 0 where the bet's claim does not hold. */
export type Surplus = (shift: number) => number

/** Settles the bets on all shifts. */
export function settle(
  capitals: Capitals,
  { above, below }: Readonly<Record<keyof Capitals, Surplus>>,
): void {
  settleSide(capitals.above, above)
  settleSide(capitals.below, below)
}

function settleSide(capitals: number[], surplusOf: Surplus): void {
  let at = 0
  for (const shift of SCORE_SHIFTS) {
    const surplus = surplusOf(shift)
    for (const stake of STAKES) {
      capitals[at] = Math.min(MAX_EVIDENCE, (capitals[at] ?? 0) * (1 + stake * surplus))
      at += 1
    }
  }
}

/** The e-value against "the mean is at most `shift`" (of {@link Capitals.above}) or "at least" (of `below`). */
export function capitalAt(capitals: readonly number[], shift: number): number {
  return meanCapital(
    capitals,
    SCORE_SHIFTS.findIndex((one) => one === shift),
  )
}

/** The means that no look so far could exclude with error `alpha`. */
export function plausibleMeans(
  { above, below }: Capitals,
  alpha: number,
): { readonly low: number; readonly high: number } {
  const low = SCORE_SHIFTS.findLast((_, at) => meanCapital(above, at) >= 2 / alpha)
  const high = SCORE_SHIFTS.find((_, at) => meanCapital(below, at) >= 2 / alpha)
  return { low: low ?? -1, high: high ?? 1 }
}

function meanCapital(capitals: readonly number[], at: number): number {
  let sum = 0
  for (let stake = 0; stake < STAKES.length; stake += 1) sum += capitals[at * STAKES.length + stake] ?? 0
  return sum / STAKES.length
}
