/**
 * What the gates of a ring say now. Evidence of harm halts, whatever else is missing. A gate that cannot be evaluated holds,
 * and says why. A ring is promoted only when each gate that it needs has evidence that the release is safe.
 */
import { capitalAt, plausibleMeans } from './capitals.ts'
import { FAILURE_RATES, RATE_RATIOS } from './grids.ts'
import { evidenceAbove, evidenceBelow, plausible } from './likelihoods.ts'
import { own } from './own.ts'
import { SHADOW_BELOW_DEVICES, type GateSpec } from './spec.ts'
import type { ArmCounts, GateLedger, GateState } from './ledger.ts'
import type { Arm } from './fact.ts'

export type GateDecision = 'HALT' | 'PROMOTE' | 'HOLD'

export type HoldReason =
  /** Nothing was observed in the arm that was released to. */
  | 'missing_treated'
  /** The gate compares with a control, and there is none. */
  | 'missing_control'
  | 'too_few_devices'
  /** Too many devices gave no value. */
  | 'missing_metric'
  | 'stale_observations'
  /** All there, and it shows neither harm nor safety yet. */
  | 'undecided'
  /** The ring is too small for comparisons between devices, and nobody declared a shadow. */
  | 'shadow_not_declared'
  /** The ring has no gate at all. */
  | 'no_gates'

/** What an estimate is of. */
export type EstimateKind = 'hazard_ratio' | 'failure_share' | 'score_difference' | 'net_worse_share'

export interface Estimate {
  readonly of: EstimateKind
  /** Null while nothing can be said. */
  readonly value: number | null
  /** A confidence sequence: covers the truth at all times together with 95 %, on the gate's grid of hypotheses. */
  readonly low: number
  readonly high: number
}

/** Why one gate says what it says. Numbers are rounded to six digits; the ledger has them whole. */
export interface GateEvidence {
  readonly gate: string
  readonly test: GateSpec['test']['kind']
  readonly decision: GateDecision
  /** True where the ring needs this gate's PROMOTE: by its size, comparisons between devices or their shadow. */
  readonly needed: boolean
  readonly holdReason: HoldReason | null
  /** Evidence against "no harm"; halts from {@link haltAt}. */
  readonly harmEvidence: number
  readonly haltAt: number
  /** Evidence against "worse than the margin"; promotes from {@link promoteAt}. */
  readonly safeEvidence: number
  readonly promoteAt: number
  readonly arms: Readonly<Record<Arm, Readonly<ArmCounts>>>
  readonly estimate: Estimate
  /** One sentence for people. */
  readonly text: string
}

export interface GateVerdict {
  readonly decision: GateDecision
  /** Why the ring as a whole holds; null where it does not. */
  readonly holdReason: HoldReason | null
  readonly evidence: readonly GateEvidence[]
}

/** When one looks, and at what: how many devices each arm of the ring has by plan. */
export interface Look {
  readonly nowMs: number
  readonly planned: Readonly<Record<Arm, number>>
}

/** The verdict on one ring. Total: a gate without a state, or no gate at all, holds. May be asked as often as one likes. */
export function judge(gates: readonly GateSpec[], ledger: GateLedger, look: Look): GateVerdict {
  const small = Math.min(look.planned.treated, look.planned.control) < SHADOW_BELOW_DEVICES
  const evidence = gates.map((gate) => {
    const needed = gate.test.kind === 'limit' || (gate.test.kind === 'shadow') === small
    return judgeGate(gate, own(ledger, gate.name), { ...look, needed })
  })
  if (evidence.some(({ decision }) => decision === 'HALT'))
    return { decision: 'HALT', holdReason: null, evidence }
  const holdReason = ringHolds(evidence, small)
  return { decision: holdReason === null ? 'PROMOTE' : 'HOLD', holdReason, evidence }
}

/**
 * After the last ring: evidence of harm halts as ever. What was shown to be safe need not be shown again, but somebody has to
 * have looked: as long as no treated device was judged it holds.
 */
export function judgeBake(gates: readonly GateSpec[], ledger: GateLedger, look: Look): GateVerdict {
  const evidence = gates.map((gate) =>
    judgeGate(gate, own(ledger, gate.name), { ...look, needed: isOverRunning(gate.test.kind) }),
  )
  if (evidence.some(({ decision }) => decision === 'HALT'))
    return { decision: 'HALT', holdReason: null, evidence }
  const isSeen = evidence.some(({ needed, arms }) => needed && arms.treated.judged > arms.treated.missing)
  return isSeen
    ? { decision: 'PROMOTE', holdReason: null, evidence }
    : { decision: 'HOLD', holdReason: 'missing_treated', evidence }
}

/** Gates that look at devices which run, and not at how the candidate came there. */
export function isOverRunning(kind: GateSpec['test']['kind']): boolean {
  return kind === 'failure' || kind === 'score'
}

function ringHolds(evidence: readonly GateEvidence[], small: boolean): HoldReason | null {
  const needed = evidence.filter((one) => one.needed)
  if (needed.length === 0) return small && evidence.length > 0 ? 'shadow_not_declared' : 'no_gates'
  if (small && !needed.some(({ test }) => test === 'shadow')) return 'shadow_not_declared'
  return needed.find(({ decision }) => decision !== 'PROMOTE')?.holdReason ?? null
}

interface Weighed {
  readonly harm: number
  readonly safe: number
  readonly estimate: Estimate
}

function judgeGate(
  gate: GateSpec,
  state: GateState | undefined,
  look: Look & { needed: boolean },
): GateEvidence {
  const none: ArmCounts = { entered: 0, judged: 0, missing: 0, sum: 0 }
  const arms = {
    treated: { ...(state?.arms.treated ?? none) },
    control: { ...(state?.arms.control ?? none) },
  }
  const weighed = state === undefined ? NOTHING : weighGate(gate, state)
  const haltAt = 1 / gate.alpha
  const promoteAt = 1 / gate.beta
  const lack = state === undefined ? 'missing_treated' : lacking(gate, state, look.nowMs)
  const halts = weighed.harm >= haltAt
  const decision = halts ? 'HALT' : lack === null && weighed.safe >= promoteAt ? 'PROMOTE' : 'HOLD'
  const holdReason = decision === 'HOLD' ? (lack ?? 'undecided') : null
  const known = {
    gate: gate.name,
    test: gate.test.kind,
    decision,
    needed: look.needed,
    holdReason,
    harmEvidence: rounded(weighed.harm),
    haltAt: rounded(haltAt),
    safeEvidence: rounded(weighed.safe),
    promoteAt: rounded(promoteAt),
    arms,
    estimate: weighed.estimate,
  } as const
  return { ...known, text: sentence(known) }
}

/** What is missing for a PROMOTE, if anything is. */
function lacking(gate: GateSpec, { arms, lastAtMs }: GateState, nowMs: number): HoldReason | null {
  const { kind } = gate.test
  const { treated, control } = arms
  if (treated.judged === 0) return 'missing_treated'
  const compared = kind === 'failure' || kind === 'score'
  if (compared && control.entered === 0) return 'missing_control'
  const counted = compared ? [treated, control] : [treated]
  if (counted.some(({ judged, missing }) => judged > 0 && missing > gate.maximumMissing * judged))
    return 'missing_metric'
  if (counted.some(({ judged, missing }) => judged - missing < gate.minimumDevices)) return 'too_few_devices'
  if (lastAtMs === null || nowMs - lastAtMs > gate.staleAfterMs) return 'stale_observations'
  return null
}

const NOTHING: Weighed = {
  harm: 1,
  safe: 1,
  estimate: { of: 'failure_share', value: null, low: 0, high: 1 },
}
/** The error of a confidence sequence, its two sides together. */
const SEQUENCE_ERROR = 0.05

function weighGate({ test }: GateSpec, { arms, evidence }: GateState): Weighed {
  const { treated, control } = arms
  if (test.kind === 'failure' && evidence.kind === 'failure') {
    const byRatio = evidenceBelow(evidence.safe, RATE_RATIOS, test.ratio)
    const byShare =
      test.ceiling === null ? null : evidenceBelow(evidence.treated.safe, FAILURE_RATES, test.ceiling)
    return {
      harm: evidenceAbove(evidence.harm, RATE_RATIOS, 1),
      // Worse than the margin is worse than both: the mean of evidence against either is evidence against it.
      safe: byShare === null ? byRatio : (byRatio + byShare) / 2,
      estimate: {
        of: 'hazard_ratio',
        value: control.sum > 0 && treated.judged > 0 ? rounded(mean(treated) / mean(control)) : null,
        ...plausible({ upwards: evidence.harm, downwards: evidence.safe }, RATE_RATIOS, SEQUENCE_ERROR),
      },
    }
  }
  if (test.kind === 'limit' && evidence.kind === 'limit') {
    return {
      harm: evidenceAbove(evidence.harm, FAILURE_RATES, test.rate),
      safe: evidenceBelow(evidence.safe, FAILURE_RATES, test.ceiling),
      estimate: {
        of: 'failure_share',
        value: treated.judged > treated.missing ? rounded(mean(treated)) : null,
        ...plausible({ upwards: evidence.harm, downwards: evidence.safe }, FAILURE_RATES, SEQUENCE_ERROR),
      },
    }
  }
  if (test.kind === 'score' && evidence.kind === 'score') {
    const { capitals } = evidence
    const seen = [treated, control].every(({ judged, missing }) => judged > missing)
    return {
      harm: capitalAt(capitals.above, 0),
      safe: capitalAt(capitals.below, test.margin),
      estimate: {
        of: 'score_difference',
        value: seen ? rounded(mean(treated) - mean(control)) : null,
        ...plausibleMeans(capitals, SEQUENCE_ERROR),
      },
    }
  }
  if (test.kind === 'shadow' && evidence.kind === 'shadow') {
    const { signs, shares, inputs, worse, better } = evidence
    return {
      harm: capitalAt(signs.above, 0),
      safe: capitalAt(shares.below, test.margin),
      estimate: {
        of: 'net_worse_share',
        value: inputs > 0 ? rounded((worse - better) / inputs) : null,
        ...plausibleMeans(shares, SEQUENCE_ERROR),
      },
    }
  }
  // The state was opened for another test: what it holds is no evidence of this gate.
  return NOTHING
}

function mean({ judged, missing, sum }: ArmCounts): number {
  return sum / (judged - missing)
}

/** Six significant digits: `toPrecision` is exact by the standard, so this is the same everywhere. */
function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

const WHY: Readonly<Record<HoldReason, string>> = {
  missing_treated: 'no device of the ring has been judged',
  missing_control: 'there is no control to compare with',
  too_few_devices: 'too few devices have been judged',
  missing_metric: 'too many devices gave no value',
  stale_observations: 'the last observation is too old',
  undecided: 'the evidence shows neither harm nor safety yet',
  shadow_not_declared: 'the ring is too small for comparisons between devices and no shadow was declared',
  no_gates: 'no gate was declared',
}

const MEANS: Readonly<Record<EstimateKind, string>> = {
  hazard_ratio: 'treated devices fail at',
  failure_share: 'the share of treated devices that fail is',
  score_difference: 'treated devices score above the control by',
  net_worse_share: 'the share of inputs that became worse, less better, is',
}

function sentence(one: Omit<GateEvidence, 'text'>): string {
  const { estimate, arms } = one
  const said = estimate.value === null ? 'unknown' : String(estimate.value)
  const range = `${MEANS[estimate.of]} ${said}${estimate.of === 'hazard_ratio' ? ' times the rate of the control' : ''} (between ${estimate.low} and ${estimate.high})`
  const looked = `${arms.treated.judged} treated and ${arms.control.judged} control devices judged`
  const evidence = `evidence of harm ${one.harmEvidence} (halts at ${one.haltAt}), of safety ${one.safeEvidence} (promotes at ${one.promoteAt})`
  const why = one.holdReason === null ? '' : `: ${WHY[one.holdReason]}`
  return `${one.gate} says ${one.decision}${why}; ${range}; ${evidence}; ${looked}`
}
