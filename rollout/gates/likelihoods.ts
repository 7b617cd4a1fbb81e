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

/** The e-value against "at most `boundary`", a point of the grid: the mean likelihood above it over the one at it. */
export function evidenceAbove(likelihoods: readonly number[], grid: Grid, boundary: number): number {
  const at = grid.points.indexOf(boundary)
  return evidence(likelihoods, grid, { at, from: at + 1, to: grid.points.length })
}

/** The e-value against "at least `boundary`". */
export function evidenceBelow(likelihoods: readonly number[], grid: Grid, boundary: number): number {
  const at = grid.points.indexOf(boundary)
  return evidence(likelihoods, grid, { at, from: 0, to: at })
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
  const last = grid.points.length - 1
  let low = 0
  while (low < last && evidence(upwards, grid, { at: low, from: low + 1, to: last + 1 }) >= 2 / alpha)
    low += 1
  let high = last
  while (high > 0 && evidence(downwards, grid, { at: high, from: 0, to: high }) >= 2 / alpha) high -= 1
  return { low: grid.points[low] ?? 0, high: grid.points[high] ?? 0 }
}

function evidence(
  likelihoods: readonly number[],
  { prior }: Grid,
  { at, from, to }: { at: number; from: number; to: number },
): number {
  let sum = 0
  let weights = 0
  for (let index = from; index < to; index += 1) {
    const weight = prior[index] ?? 0
    sum += weight * (likelihoods[index] ?? 0)
    weights += weight
  }
  return Math.min(MAX_EVIDENCE, sum / weights / Math.max(likelihoods[at] ?? 0, Number.MIN_VALUE))
}
