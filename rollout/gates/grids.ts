/**
 * The hypotheses that the gates weigh. Evidence is kept as one number a hypothesis and moved by sums, products and quotients alone,
 * which IEEE 754 rounds the same everywhere: no logarithm, no exponential, so two machines keep the same state to the last bit.
 */

/** Hypotheses, and how much weight the evidence gives to each before anything is seen. */
export interface Grid {
  readonly points: readonly number[]
  readonly prior: readonly number[]
}

/** Hazard of a treated device over that of a control device; most weight where a release is as before, or twice as bad. */
export const RATE_RATIOS: Grid = {
  points: [0.125, 0.25, 0.5, 0.7, 0.85, 1, 1.25, 1.5, 2, 3, 4, 8],
  prior: [1, 1, 4, 6, 8, 16, 4, 10, 16, 10, 3, 2],
}
/** Share of devices that fail. */
export const FAILURE_RATES: Grid = {
  points: [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9],
  prior: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
}
/** Mean difference of two scores from 0 to 1. */
export const SCORE_SHIFTS = [
  -0.4, -0.3, -0.2, -0.15, -0.1, -0.05, -0.02, 0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4,
] as const
/** Shares of the capital that are bet on a difference; below 1, so that no capital can be lost whole. */
export const STAKES = [0.05, 0.15, 0.4, 0.9] as const
