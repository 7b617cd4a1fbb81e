/**
 * What a campaign declares before anybody approves it: which bundle, which rings, what may be at risk, when, and what the
 * gates ask. Parsed once; a plan that makes no sense is refused here and never read as something weaker.
 */
import * as v from 'valibot'
import { digestOf } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Sha256Hex } from '../../shared/ids.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { DesiredBundleSchema } from '../../shared/wire/state.ts'
import { isOverRunning } from '../gates/judge.ts'
import { GateSpecSchema, type GateSpec } from '../gates/spec.ts'
import { compareVersions } from '../version.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** More rings than anybody watches; the gates share their error rates among them. */
const MAX_RINGS = 12
/** What an emergency may not go below either: time in which a broken device falls silent and is noticed. */
const SHORTEST_DWELL_MS = { usual: HOUR_MS, emergency: 5 * MINUTE_MS } as const
/** An emergency is its author and one other at least, like everything; a usual campaign may ask for more. */
const MAX_APPROVALS = 5

/** What devices tell, and by which test it is weighed; a gate's name is its metric's. */
export const METRICS: Readonly<Record<string, GateSpec['test']['kind']>> = {
  install: 'limit',
  crash: 'failure',
  intervention: 'failure',
  latency: 'score',
  confidence: 'score',
  shadow: 'shadow',
}
const METRIC_LIST = Object.entries(METRICS)
  .map(([name, test]) => `${name} (${test})`)
  .join(', ')

const Name = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/))
const Person = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1))
const Duration = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(90 * DAY_MS))
const Bytes = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER))
const Count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000))
const TimeOfDay = v.pipe(v.string(), v.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time of day is HH:MM'))
const LocalDate = v.pipe(v.string(), v.isoDate())

const GatesSchema = v.pipe(v.array(GateSpecSchema), v.minLength(1), v.maxLength(16))

const RingSchema = v.strictObject({
  name: Name,
  /** Of the fleet that the plan is for, with the rings before it. */
  share: Share,
  /** At least so long is a ring watched, whatever the gates say. */
  dwellMs: Duration,
  /** A ring of a small fleet holds so many devices, even where its share is less. */
  leastDevices: v.optional(Count, 1),
  /** Its own gates; null: the plan's. */
  gates: v.optional(v.nullable(GatesSchema), null),
})

/** When no device begins, in the device's own time: every week on days (1 is Monday), or from one date up to another. */
const FreezeSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('weekly'),
    days: v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(7))),
      v.minLength(1),
      v.maxLength(7),
    ),
    /** When `to` is not after `from`, the window ends on the next day. */
    from: TimeOfDay,
    to: TimeOfDay,
  }),
  /** Both dates belong to it. */
  v.strictObject({ kind: v.literal('dates'), from: LocalDate, to: LocalDate }),
])
export type Freeze = v.InferOutput<typeof FreezeSchema>

const PlanSchema = v.strictObject({
  v: v.literal(1),
  campaign: Name,
  /** Who made it: never one of its approvers (R6). */
  author: Person,
  /** The key that the author signs with, where there is one: it approves nothing either. */
  authorKeyId: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), null),
  urgency: v.picklist(['usual', 'emergency']),
  candidate: DesiredBundleSchema,
  /** What devices run before it, and go back to. */
  lastGood: DesiredBundleSchema,
  /** The generation of the statement by which devices run what they run now; the campaign's own are above it. */
  baseGeneration: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** The campaign's own (R4). */
  salt: v.pipe(v.string(), v.minLength(8), v.maxLength(100)),
  rings: v.pipe(v.array(RingSchema), v.minLength(1), v.maxLength(MAX_RINGS)),
  /** The share of the fleet that gets the candidate last, and is compared with those which have it. */
  controlShare: v.pipe(v.number(), v.minValue(0), v.maxValue(0.5)),
  budget: v.strictObject({
    /** So many devices at most have begun and not yet proven it or gone back (R1). */
    devicesAtRisk: Count,
    /** And of one site at most this share, one device at least. */
    siteShare: Share,
    /** Over the links, counted once a site, because a site's leaf keeps what it fetched. Null: no limit. */
    bytes: v.nullable(
      v.strictObject({ windowMs: Duration, total: v.nullable(Bytes), site: v.nullable(Bytes) }),
    ),
  }),
  /** What one site fetches: the delta where there is one. */
  transferBytes: Bytes,
  /** Classes of hardware that may take it; null: all. */
  hardware: v.nullable(v.pipe(v.array(Name), v.minLength(1), v.maxLength(64))),
  freezes: v.pipe(v.array(FreezeSchema), v.maxLength(32)),
  approvals: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_APPROVALS)),
  /** How long a device is watched after it activated, and how long its silence is suffered beyond that. */
  probationMs: Duration,
  silenceMs: Duration,
  /**
   * Where the candidate first runs beside the running version: on so many inputs of each device, of which each
   * `windowInputs` are one observation.
   */
  shadow: v.strictObject({ inputs: v.pipe(Count, v.maxValue(100_000)), windowInputs: Count }),
  /** A change of mean latency of so many milliseconds, or of mean confidence of so much, is the widest that a score tells apart. */
  scales: v.strictObject({
    latencyMs: v.pipe(v.number(), v.gtValue(0)),
    confidence: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  }),
  gates: GatesSchema,
  /**
   * How long, after the last ring passed, the control is still held back and devices are observed anew, before the campaign is
   * complete: what breaks only after days shows there. Absent in plans that were made before there was one.
   */
  bakeMs: v.exactOptional(Duration),
})
export type CampaignPlan = v.InferOutput<typeof PlanSchema>
/** A plan as somebody writes it. */
export type CampaignPlanInput = v.InferInput<typeof PlanSchema>

export class BadPlan extends StarlingError {
  override readonly code = 'bad_plan'
}

/** Reads a plan and holds it against itself. Throws {@link BadPlan}, which names the field. */
export function parsePlan(value: unknown): CampaignPlan {
  const parsed = v.safeParse(PlanSchema, value)
  if (!parsed.success) throw bad(describeIssues(parsed.issues))
  const plan = parsed.output
  const fault = contradictionIn(plan)
  if (fault !== null) throw bad(fault)
  return plan
}

/** What approvals and statements name. */
export function planDigest(plan: CampaignPlan): Sha256Hex {
  return digestOf(plan)
}

/** The name of the stretch after the last ring. */
export const BAKE = 'bake'

/**
 * Of the false halts that a ring may cost, the bake may cost so much more: little, because many devices are observed in it, so
 * that what is really wrong shows all the same.
 */
export const BAKE_ALPHA = 0.1

/** The gates of the bake: those of the last ring, which have to be surer of harm. */
export function bakeGatesOf(plan: CampaignPlan): readonly GateSpec[] {
  return gatesOf(plan, plan.rings.length - 1).map((gate) => ({ ...gate, alpha: gate.alpha * BAKE_ALPHA }))
}

/** The gates of ring number `ring`. */
export function gatesOf(plan: CampaignPlan, ring: number): readonly GateSpec[] {
  return plan.rings[ring]?.gates ?? plan.gates
}

function contradictionIn(plan: CampaignPlan): string | null {
  const { rings, candidate, lastGood, controlShare, gates } = plan
  if (candidate.name !== lastGood.name)
    return `candidate: it is ${candidate.name}, and the last good bundle is ${lastGood.name}`
  if (candidate.envelopeSha256 === lastGood.envelopeSha256)
    return 'candidate: it is the last good bundle itself'
  if (compareVersions(candidate.version, lastGood.version) <= 0)
    return `candidate: ${candidate.version} is not newer than ${lastGood.version}; to go back is a rollback, no campaign`
  for (const [at, ring] of rings.entries()) {
    const before = rings[at - 1]
    if (before !== undefined && ring.share <= before.share)
      return `rings.${at}.share: ${ring.share} is not above ${before.share}: a ring contains the one before it`
    if (before !== undefined && ring.leastDevices < before.leastDevices)
      return `rings.${at}.leastDevices: fewer than in the ring before it`
    if (ring.dwellMs < SHORTEST_DWELL_MS[plan.urgency])
      return `rings.${at}.dwellMs: under the ${SHORTEST_DWELL_MS[plan.urgency]} ms of a campaign that is ${plan.urgency}`
  }
  if (rings.at(-1)?.share !== 1) return 'rings: the last one has the share 1'
  if (rings.length > 1 && (rings[0]?.share ?? 1) > 1 - controlShare)
    return 'controlShare: it leaves nothing for the first ring'
  for (const declared of [gates, ...rings.flatMap((ring) => (ring.gates === null ? [] : [ring.gates]))]) {
    if (new Set(declared.map(({ name }) => name)).size < declared.length) return 'gates: two have one name'
    const unknown = declared.find(({ name, test }) => METRICS[name] !== test.kind)
    if (unknown !== undefined)
      return `gates: no metric ${unknown.name} is weighed by ${unknown.test.kind}; there are ${METRIC_LIST}`
  }
  if (new Set(rings.map(({ name }) => name)).size < rings.length) return 'rings: two have one name'
  if (plan.bakeMs !== undefined) {
    if (rings.some(({ name }) => name === BAKE)) return `rings: "${BAKE}" is what follows the last one`
    if (!gatesOf(plan, rings.length - 1).some(({ test }) => isOverRunning(test.kind)))
      return 'bakeMs: no gate of the last ring looks at devices that run'
  }
  for (const [at, freeze] of plan.freezes.entries())
    if (freeze.kind === 'dates' && freeze.to < freeze.from) return `freezes.${at}: it ends before it begins`
  return null
}

function bad(why: string): BadPlan {
  return new BadPlan(`this is no campaign plan: ${why}`, { remedy: 'Correct the field that is named.' })
}
