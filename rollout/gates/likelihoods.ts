/**
 * Likelihoods of a grid of hypotheses, up to a common factor. A mean of likelihoods over that of one hypothesis is a test
 * martingale under it, whoever looks whenever; where the evidence falls monotonically in the parameter it covers every
 * hypothesis beyond. The same numbers give the confidence sequence.
 */

import type { Grid } from './grids.ts'

/** No evidence is kept beyond this: it decides nothing more, and infinity has no JSON form. */
export const MAX_EVIDENCE = 1e12

/** Where the largest entry passes this, all are scaled down (by a power of two: exactly). */
const SCALE_AT = 2 ** 400

export function evenLikelihoods(grid: Grid): number[] {
  return grid.points.map(() => 1)
}

/** Multiplies each hypothesis's likelihood by what `chance` says that the fact had under it. */
export function weigh(likelihoods: number[], grid: Grid, chance: (hypothesis: number) => number): void {
  let largest = 0
  for (let at = 0; at < likelihoods.length; at += 1) {
    const moved = (likelihoods[at] ?? 0) * chance(grid.points[at] ?? 0)
    likelihoods[at] = moved
    if (moved > largest) largest = moved
  }
  if (largest < SCALE_AT && largest > 1 / SCALE_AT) return
  const scale = largest < 1 ? SCALE_AT : 1 / SCALE_AT
  for (const at of likelihoods.keys()) likelihoods[at] = (likelihoods[at] ?? 0) * scale
}

/** The e-value against "at most `boundary`": the mean likelihood above it over the one at it. */
export function evidenceAbove(likelihoods: readonly number[], grid: Grid, boundary: number): number {
  return ratio(likelihoods, grid, { boundary, taken: (hypothesis) => hypothesis > boundary })
}

/** The e-value against "at least `boundary`". */
export function evidenceBelow(likelihoods: readonly number[], grid: Grid, boundary: number): number {
  return ratio(likelihoods, grid, { boundary, taken: (hypothesis) => hypothesis < boundary })
}

/**
 * The lowest hypothesis that no look could exclude as too low, and the highest that none could as too high, with error `alpha`
 * together. Two sets of likelihoods, where evidence upwards and downwards was weighed with different caution.
 */
export function plausible(
  { upwards, downwards }: { readonly upwards: readonly number[]; readonly downwards: readonly number[] },
  grid: Grid,
  alpha: number,
): { readonly low: number; readonly high: number } {
  const { points } = grid
  const low = points.find((one) => one === points.at(-1) || evidenceAbove(upwards, grid, one) < 2 / alpha)
  const high = points.findLast((one) => one === points[0] || evidenceBelow(downwards, grid, one) < 2 / alpha)
  return { low: low ?? Number.NEGATIVE_INFINITY, high: high ?? Number.POSITIVE_INFINITY }
}

function ratio(
  likelihoods: readonly number[],
  { points, prior }: Grid,
  { boundary, taken }: { boundary: number; taken: (hypothesis: number) => boolean },
): number {
  let sum = 0
  let weights = 0
  for (const [index, hypothesis] of points.entries()) {
    if (!taken(hypothesis)) continue
    const weight = prior[index] ?? 0
    sum += weight * (likelihoods[index] ?? 0)
    weights += weight
  }
  const at = likelihoods[points.indexOf(boundary)] ?? 0
  return Math.min(MAX_EVIDENCE, sum / weights / Math.max(at, Number.MIN_VALUE))
}
