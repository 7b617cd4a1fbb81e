/** What a device should run (asked for, never pushed blindly) and what it says that it runs. */
import * as v from 'valibot'
import { BundleNameSchema, MAX_MANIFEST_ENVELOPE_BYTES, VersionSchema } from './bundle.ts'

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
/** A week of hours, and more turns than a week has: a shadow is no way to run a bundle for good. */
const MAX_SHADOW_HOURS = 168
const MAX_SHADOW_TURNS = 100_000
/** A device runs a handful of bundles. */
const MAX_BUNDLES = 16

export const DesiredBundleSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  /** Digest and size of the signed manifest's bytes, which are fetched like any other content. */
  envelopeSha256: Hash,
  envelopeSizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_MANIFEST_ENVELOPE_BYTES)),
  /** The newer bundle from which it leads back, by its `envelopeSha256`; the director's metadata has to say the same. */
  returnFrom: v.exactOptional(Hash),
  /** The number of the decision by which it is wanted: a higher one for bytes that the device gave up is a retry. */
  offer: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Its files may go whole over a metered link, where no delta leads to them. */
  fullOnMetered: v.exactOptional(v.boolean()),
  /** Runs beside the present version on live input, nothing acted on, for so many turns or hours; absent: not at all. */
  shadow: v.exactOptional(
    v.strictObject({
      turns: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_SHADOW_TURNS)),
      hours: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_SHADOW_HOURS)),
    }),
  ),
})
export type DesiredBundle = v.InferOutput<typeof DesiredBundleSchema>

export const DesiredStateSchema = v.strictObject({
  v: v.literal(1),
  /** Grows with every change at the centre. */
  revision: v.pipe(v.number(), v.integer(), v.minValue(0)),
  bundles: v.pipe(v.array(DesiredBundleSchema), v.maxLength(MAX_BUNDLES)),
  /** The signed policy that the device should hold, as DSSE envelope JSON; null when the centre has none newer. */
  policy: v.nullable(v.unknown()),
})
export type DesiredState = v.InferOutput<typeof DesiredStateSchema>

const Bytes = v.pipe(v.number(), v.integer(), v.minValue(0))
/** What was moved for it, and what the files that were not held weigh whole; absent until it was planned. */
export const TransferSchema = v.exactOptional(v.strictObject({ moveBytes: Bytes, fullBytes: Bytes }))

export const ReportedBundleSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  envelopeSha256: Hash,
  /** `parked`: given up, until another bundle or a later offer comes. */
  state: v.picklist(['committed', 'installing', 'deferred', 'refused', 'parked']),
  /** Why, when it was refused or deferred: an error code. */
  code: v.nullable(v.pipe(v.string(), v.maxLength(100))),
  message: v.nullable(v.pipe(v.string(), v.maxLength(2_000))),
  transfer: TransferSchema,
  /** The number of the decision that the device follows: what `state.desired` gave it last for this name. */
  offer: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0))),
})
export type ReportedBundle = v.InferOutput<typeof ReportedBundleSchema>

/** What a device says of its copy: it holds the results of its writes up to `version`, and had made its records up to `seq` by then. */
const HeldResultsSchema = v.strictObject({ version: Count, seq: Count })
export type HeldResults = v.InferOutput<typeof HeldResultsSchema>
const Whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const Amount = v.pipe(v.number(), v.finite(), v.minValue(0))

/**
 * What a device counted while one bundle ran under one decision. The counts only grow: a report that is lost costs nothing,
 * and one that comes twice counts nothing twice.
 */
export const HealthReportSchema = v.strictObject({
  name: BundleNameSchema,
  envelopeSha256: Hash,
  offer: v.exactOptional(Whole),
  /** How long the agent ran with it, and how often it ended without having been stopped. */
  upMs: Whole,
  crashes: Whole,
  turns: Whole,
  /** Turns that a person had to decide or take back. */
  interventions: Whole,
  /** Sums over those turns, milliseconds and confidence from 0 to 1. */
  latencyMsSum: Amount,
  confidenceSum: Amount,
  /** Of the last turns; null before the first. For people: gates judge by the sums. */
  latencyMs: v.nullable(v.strictObject({ p50: Amount, p95: Amount })),
  /** Of a bundle that runs beside: inputs that both versions had, and on how many it did worse or better. */
  shadow: v.exactOptional(v.strictObject({ inputs: Whole, worse: Whole, better: Whole })),
})
export type HealthReport = v.InferOutput<typeof HealthReportSchema>

/** Which policy a device follows, and why it did not take the one that it was given last. */
export const ReportedPolicySchema = v.strictObject({
  version: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
  digest: Hash,
  /** An error code; null where nothing was refused. */
  refused: v.nullable(v.pipe(v.string(), v.maxLength(100))),
})
export type ReportedPolicy = v.InferOutput<typeof ReportedPolicySchema>

export const ReportedStateSchema = v.strictObject({
  v: v.literal(1),
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** That a policy is in force here: the acknowledgement of its publication. */
  policy: v.exactOptional(ReportedPolicySchema),
  bundles: v.pipe(v.array(ReportedBundleSchema), v.maxLength(MAX_BUNDLES)),
  results: v.exactOptional(HeldResultsSchema),
  /** Grows with each report of this device, over restarts. */
  sequence: v.exactOptional(Whole),
  device: v.exactOptional(
    v.strictObject({
      /** A class that rollouts may name: `arm64-linux`. */
      hardware: BundleNameSchema,
      /** East of Greenwich is positive. */
      utcOffsetMinutes: v.pipe(v.number(), v.integer(), v.minValue(-16 * 60), v.maxValue(16 * 60)),
    }),
  ),
  health: v.exactOptional(v.pipe(v.array(HealthReportSchema), v.maxLength(4 * MAX_BUNDLES))),
})
export type ReportedState = v.InferOutput<typeof ReportedStateSchema>

/** What the centre answers to a report: its own time, by which a device sees that its clock is off. */
export const ReportAnswerSchema = v.strictObject({
  v: v.literal(1),
  at: v.pipe(v.string(), v.isoTimestamp()),
})
