/**
 * Likelihoods of a grid of hypotheses, up to a common factor. A mean of likelihoods over that of one hypothesis is a test
 * martingale under it, whoever looks whenever; where the evidence falls monotonically in the parameter it covers every
 * hypothesis beyond. The same numbers give the confidence sequence.
 */

/** No evidence is kept beyond this: it decides nothing more, and infinity has no JSON form. */
export const MAX_EVIDENCE = 1e12

/** Where the largest entry passes this, all are scaled down (by a power of two: exactly). */
const SCALE_AT = 2 ** 400

export function evenLikelihoods(grid: readonly number[]): number[] {
  return grid.map(() => 1)
}

/** Multiplies each hypothesis's likelihood by what `chance` says that the fact had under it. */
export function weigh(
  likelihoods: number[],
  grid: readonly number[],
  chance: (hypothesis: number) => number,
): void {
  let largest = 0
  for (const [at, hypothesis] of grid.entries()) {
    const moved = (likelihoods[at] ?? 0) * chance(hypothesis)
    likelihoods[at] = moved
    if (moved > largest) largest = moved
  }
  if (largest < SCALE_AT && largest > 1 / SCALE_AT) return
  const scale = largest < 1 ? SCALE_AT : 1 / SCALE_AT
  for (const at of likelihoods.keys()) likelihoods[at] = (likelihoods[at] ?? 0) * scale
}

/** The e-value against "at most `boundary`": the mean likelihood above it over the one at it. */
export function evidenceAbove(
  likelihoods: readonly number[],
  grid: readonly number[],
  boundary: number,
): number {
  return ratio(likelihoods, grid, { boundary, taken: (hypothesis) => hypothesis > boundary })
}

/** The e-value against "at least `boundary`". */
export function evidenceBelow(
  likelihoods: readonly number[],
  grid: readonly number[],
  boundary: number,
): number {
  return ratio(likelihoods, grid, { boundary, taken: (hypothesis) => hypothesis < boundary })
}

/**
 * The lowest hypothesis that no look could exclude as too low, and the highest that none could as too high, with error `alpha`
 * together. Two sets of likelihoods, where evidence upwards and downwards was weighed with different caution.
 */
export function plausible(
  { upwards, downwards }: { readonly upwards: readonly number[]; readonly downwards: readonly number[] },
  grid: readonly number[],
  alpha: number,
): { readonly low: number; readonly high: number } {
  const low = grid.find((one) => one === grid.at(-1) || evidenceAbove(upwards, grid, one) < 2 / alpha)
  const high = grid.findLast((one) => one === grid[0] || evidenceBelow(downwards, grid, one) < 2 / alpha)
  return { low: low ?? Number.NEGATIVE_INFINITY, high: high ?? Number.POSITIVE_INFINITY }
}

function ratio(
  likelihoods: readonly number[],
  grid: readonly number[],
  { boundary, taken }: { boundary: number; taken: (hypothesis: number) => boolean },
): number {
  let sum = 0
  let count = 0
  let at = 0
  for (const [index, hypothesis] of grid.entries()) {
    const likelihood = likelihoods[index] ?? 0
    if (hypothesis === boundary) at = likelihood
    if (!taken(hypothesis)) continue
    sum += likelihood
    count += 1
  }
  return Math.min(MAX_EVIDENCE, sum / count / Math.max(at, Number.MIN_VALUE))
}
