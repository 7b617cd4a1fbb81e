/**
 * What can happen to a campaign. The centre appends these to its log and hands each to the reducer; the same events make the
 * same state. Only `ticked` moves the campaign's time: a report that is late or comes twice moves nothing.
 */
import * as v from 'valibot'

/** As shared/ids.ts has names. */
const Name = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/))
const Text100 = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const Amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const Text = v.pipe(v.string(), v.maxLength(2_000))
/** Since 1970 in UTC by the centre's clock, which may jump. */
const AtMs = v.pipe(v.number(), v.integer())

/** What a device has counted by one version. The counts only grow, so that a report which is lost costs nothing. */
const HealthSchema = v.strictObject({
  /** How long the agent has run. */
  upMs: Whole,
  crashes: Whole,
  /** Times that a person had to step in: a rollback by hand, a restart, a report of a fault. */
  interventions: Whole,
  turns: Whole,
  /** Sums over those turns, of which the means follow. */
  latencyMsSum: Amount,
  confidenceSum: Amount,
})
export type Health = v.InferOutput<typeof HealthSchema>

/** What the shadow of the candidate counted on the inputs that the running version answered; of one generation. */
const ShadowSchema = v.strictObject({ inputs: Whole, worse: Whole, better: Whole })
export type ShadowCount = v.InferOutput<typeof ShadowSchema>

export const DEVICE_STANDS = [
  /** Runs what it ran, and nothing is under way. */
  'last_good',
  'installing',
  /** Waits for a link or for room, which is nobody's fault. */
  'deferred',
  /** The candidate answers, and is not confirmed yet. */
  'active',
  'committed',
  /** The candidate failed; the device is back on what it ran, and tries again. */
  'refused',
  /** Its tries are used up; it runs what it ran. */
  'parked',
] as const

const ReportSchema = v.strictObject({
  kind: v.literal('reported'),
  device: Name,
  /** Grows with each report of this device; a report that is not newer changes nothing. */
  sequence: Whole,
  /** The generation of the assignment that it follows. */
  generation: Whole,
  stands: v.picklist(DEVICE_STANDS),
  code: v.nullable(v.pipe(v.string(), v.maxLength(100))),
  /** By the version that it runs without the candidate, for ever; it stands still while the candidate runs. */
  usual: HealthSchema,
  /**
   * By the candidate since it was activated under the last generation that gave it; null where that never came to it. It stays
   * while the device goes back by a newer generation.
   */
  candidate: v.nullable(HealthSchema),
  shadow: v.nullable(ShadowSchema),
})
export type DeviceReport = v.InferOutput<typeof ReportSchema>

/** A command of a person. `id` is its own: the same one twice is one command. */
const command = { id: Text100, atMs: AtMs, by: Text100 }

export const CampaignEventSchema = v.variant('kind', [
  /** A device is in the fleet, or moved: another site, another time zone. */
  v.strictObject({
    kind: v.literal('joined'),
    device: Name,
    sequence: Whole,
    site: Name,
    hardware: Name,
    utcOffsetMinutes: v.pipe(v.number(), v.integer(), v.minValue(-16 * 60), v.maxValue(16 * 60)),
  }),
  /** It was revoked or scrapped. */
  v.strictObject({ kind: v.literal('left'), device: Name }),
  /** A device asked what to run, so it is online and may begin. */
  v.strictObject({ kind: v.literal('asked'), device: Name }),
  ReportSchema,
  v.strictObject({ kind: v.literal('ticked'), sequence: Whole, atMs: AtMs }),
  /** `keyId` signed a statement that names `planDigest` (approval.ts). */
  v.strictObject({ kind: v.literal('approved'), ...command, keyId: Hash, planDigest: Hash }),
  v.strictObject({ kind: v.literal('paused'), ...command, reason: Text }),
  v.strictObject({ kind: v.literal('resumed'), ...command, reason: Text }),
  v.strictObject({ kind: v.literal('halted'), ...command, reason: Text }),
  v.strictObject({ kind: v.literal('cancelled'), ...command, reason: Text }),
  v.strictObject({ kind: v.literal('superseded'), ...command, reason: Text }),
  /** `keyId` signed that the open ring may pass although its gates hold, and named what they said (override.ts). */
  v.strictObject({
    kind: v.literal('overridden'),
    ...command,
    keyId: Hash,
    ring: Name,
    verdictDigest: Hash,
    reason: Text,
  }),
  /** The director signed that the fleet follows `generation` of this campaign: what `needOf` asked for. */
  v.strictObject({ kind: v.literal('stated'), generation: Whole, statement: Hash, keyId: Hash }),
])
export type CampaignEvent = v.InferOutput<typeof CampaignEventSchema>
export type CampaignEventKind = CampaignEvent['kind']
export type EventOf<K extends CampaignEventKind> = Extract<CampaignEvent, { readonly kind: K }>

/** What a person may ask for; refused with a reason where it may not be. */
export const COMMAND_KINDS = [
  'approved',
  'paused',
  'resumed',
  'halted',
  'cancelled',
  'superseded',
  'overridden',
] as const
export type CommandKind = (typeof COMMAND_KINDS)[number]
export type CampaignCommand = EventOf<CommandKind>
