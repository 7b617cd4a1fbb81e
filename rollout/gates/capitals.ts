/**
 * Bets on the mean of differences from -1 to 1 (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
 * betting", 2024): for each shift of the grid, capitals that bet that the mean is above it and that it is below it, each a
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

/** Settles all bets by one difference from -1 to 1. */
export function settle({ above, below }: Capitals, difference: number): void {
  let at = 0
  for (const shift of SCORE_SHIFTS) {
    // The widest difference is then never more than the stake away: no capital becomes negative.
    const surplus = (difference - shift) / (1 + Math.abs(shift))
    for (const stake of STAKES) {
      above[at] = Math.min(MAX_EVIDENCE, (above[at] ?? 0) * (1 + stake * surplus))
      below[at] = Math.min(MAX_EVIDENCE, (below[at] ?? 0) * (1 - stake * surplus))
      at += 1
    }
  }
}

/** The e-value against "the mean is at most `shift`" (of {@link Capitals.above}) or "at least" (of `below`). */
export function capitalAt(capitals: readonly number[], shift: number): number {
  const first = SCORE_SHIFTS.findIndex((one) => one === shift) * STAKES.length
  const ofShift = capitals.slice(first, first + STAKES.length)
  return ofShift.reduce((sum, one) => sum + one, 0) / ofShift.length
}

/** The means that no look so far could exclude with error `alpha`. */
export function plausibleMeans(
  { above, below }: Capitals,
  alpha: number,
): { readonly low: number; readonly high: number } {
  const low = SCORE_SHIFTS.findLast((shift) => capitalAt(above, shift) >= 2 / alpha)
  const high = SCORE_SHIFTS.find((shift) => capitalAt(below, shift) >= 2 / alpha)
  return { low: low ?? -1, high: high ?? 1 }
}
