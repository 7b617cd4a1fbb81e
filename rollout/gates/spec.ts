/**
 * What a campaign declares about its gates: which harm each looks for, how often it may be wrong, and what it needs before
 * it says anything. Parsed once, at creation of the campaign: a gate that makes no sense is refused there, never skipped later.
 */
import * as v from 'valibot'
import { FAILURE_RATES, RATE_RATIOS, SCORE_SHIFTS } from './grids.ts'

const Share = v.pipe(v.number(), v.gtValue(0), v.ltValue(1))
/** Every null that a gate tests lies on its grid of hypotheses, so that the evidence is exact and not interpolated. */
const onGrid = (grid: readonly number[], above: number) =>
  v.pipe(
    v.number(),
    v.check(
      (value) => value > above && grid.includes(value),
      `must be one of ${grid.filter((value) => value > above).join(', ')}`,
    ),
  )
const FailureRate = onGrid(FAILURE_RATES.points, 0)

const GateTestSchema = v.variant('kind', [
  /**
   * A device fails or does not, against the concurrent control. HALT: its hazard is above the control's. PROMOTE: it is
   * below `ratio` times the control's, or (where a `ceiling` is given: for first rings, too small to compare rare failures)
   * fewer than that share of the treated devices fail.
   */
  v.strictObject({
    kind: v.literal('failure'),
    ratio: onGrid(RATE_RATIOS.points, 1),
    ceiling: v.nullable(FailureRate),
  }),
  /** As `failure` where no control exists (nobody in the control installs): HALT above `rate`, PROMOTE below `ceiling`. */
  v.pipe(
    v.strictObject({ kind: v.literal('limit'), rate: FailureRate, ceiling: FailureRate }),
    v.check(({ rate, ceiling }) => ceiling > rate, 'ceiling must be above rate'),
  ),
  /**
   * A device's score from 0 (best) to 1 (worst), 0.5 for "as before its activation" (`changeScore`), against the control's.
   * HALT: the mean difference is above 0. PROMOTE: it is below `margin`.
   */
  v.strictObject({ kind: v.literal('score'), margin: onGrid(SCORE_SHIFTS, 0) }),
  /** Both versions on the same live input: HALT when the new one is worse, PROMOTE when by less than the share `margin` of inputs. */
  v.strictObject({ kind: v.literal('shadow'), margin: onGrid(SCORE_SHIFTS, 0) }),
])
export type GateTest = v.InferOutput<typeof GateTestSchema>

export const GateSpecSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,39}$/)),
  test: GateTestSchema,
  /** The chance that this gate ever halts a ring to which nothing was done, however often one looks. */
  alpha: Share,
  /** The chance that this gate ever lets a ring pass that is worse than its margin. */
  beta: Share,
  /** With fewer judged devices an arm there is no PROMOTE. */
  minimumDevices: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** With no observation for so long there is no PROMOTE. */
  staleAfterMs: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** With a larger share of judged devices without a value there is no PROMOTE: what is silent may be what is broken. */
  maximumMissing: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
})
export type GateSpec = v.InferOutput<typeof GateSpecSchema>

/** Below so many devices an arm, a comparison between devices finds little: the ring is judged by its paired shadow. */
export const SHADOW_BELOW_DEVICES = 100

const HOUR_MS = 3_600_000

/**
 * The gates of ring `ring` (from 0) of an ordinary campaign of `rings` rings, which halts a good release in at most `falseHalts`
 * of campaigns: that share is split evenly over rings and gates (a union bound, so nothing is assumed about how they hang
 * together). Only the first ring may show by the bare share of failures that it is safe: a later one has the devices to compare.
 */
export function standardGates({
  rings,
  ring,
  falseHalts = 0.05,
}: {
  readonly rings: number
  readonly ring: number
  readonly falseHalts?: number
}): readonly GateSpec[] {
  const ceiling = ring === 0 ? 0.05 : null
  const tests: readonly (readonly [string, GateTest])[] = [
    ['install', { kind: 'limit', rate: 0.05, ceiling: 0.1 }],
    ['crash', { kind: 'failure', ratio: 2, ceiling }],
    ['latency', { kind: 'score', margin: 0.1 }],
    ['confidence', { kind: 'score', margin: 0.1 }],
    ['intervention', { kind: 'failure', ratio: 2, ceiling }],
    ['shadow', { kind: 'shadow', margin: 0.05 }],
  ]
  return tests.map(([name, test]) => ({
    name,
    test,
    alpha: falseHalts / (rings * tests.length),
    beta: 0.05,
    minimumDevices: test.kind === 'shadow' ? 1 : 30,
    staleAfterMs: 48 * HOUR_MS,
    maximumMissing: 0.1,
  }))
}

/**
 * A device's bounded score for `after` against its own `before`: 0.5 when nothing changed, 1 when it is worse by `scale` or
 * more, 0 when better by as much. `scale` is in the metric's unit; relative changes are passed as logarithms or ratios.
 */
export function changeScore(before: number, after: number, scale: number): number {
  return Math.min(1, Math.max(0, 0.5 + (after - before) / (2 * scale)))
}
