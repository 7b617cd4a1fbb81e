/** What the API takes and shows of campaigns, as schemas. */
import * as v from 'valibot'
import { PHASES } from '../../rollout/campaign/state.ts'
import { STAGES } from '../../rollout/campaign/progress.ts'
import { EnvelopeSchema } from '../../shared/signing/envelope.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { SummarySchema } from '../rollouts/summary.ts'
import { BundleView, Find, Limit } from './fleet.ts'

const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const CampaignName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    'a campaign is called by lower-case letters, digits and inner hyphens, 40 at most',
  ),
)
const Phase = v.picklist(PHASES)
const Verdict = v.nullable(
  v.object({
    decision: v.picklist(['HALT', 'PROMOTE', 'HOLD']),
    holdReason: v.nullable(v.string()),
    evidence: v.array(
      v.object({
        gate: v.string(),
        test: v.string(),
        decision: v.picklist(['HALT', 'PROMOTE', 'HOLD']),
        needed: v.boolean(),
        holdReason: v.nullable(v.string()),
        harmEvidence: v.number(),
        haltAt: v.number(),
        safeEvidence: v.number(),
        promoteAt: v.number(),
        arms: v.record(v.string(), v.record(v.string(), v.number())),
        estimate: v.object({
          of: v.string(),
          value: v.nullable(v.number()),
          low: v.number(),
          high: v.number(),
        }),
        text: v.string(),
      }),
    ),
  }),
)
const Outcome = v.picklist(['open', 'promoted', 'halted'])
const Decision = v.looseObject({ kind: v.string(), atMs: v.number() })

const Stage = v.picklist(STAGES)
const Stages = v.record(Stage, Count)

export const CampaignParams = v.strictObject({ campaign: CampaignName })
export const CommandBody = v.strictObject({
  reason: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
})
/** After a halt, what the person who resumes has signed. */
export const ResumeBody = v.strictObject({
  ...CommandBody.entries,
  envelope: v.exactOptional(EnvelopeSchema),
})
export const ApproveBody = v.strictObject({ envelope: EnvelopeSchema })

export const CampaignView = v.object({
  campaign: CampaignName,
  phase: Phase,
  /** The open ring. */
  ring: v.nullable(v.string()),
  generation: Count,
  /** What the fleet follows. */
  runs: v.picklist(['candidate', 'last_good']),
  /** The number of the last event in its log, and the hash of the state that all of them make. */
  seq: Count,
  stateHash: Sha256,
  planDigest: Sha256,
  counts: v.object({
    fleet: Count,
    exposed: Count,
    atRisk: Count,
    proven: Count,
    failed: Count,
    returned: Count,
  }),
  exposedShare: v.number(),
  rings: v.array(
    v.object({
      name: v.string(),
      openedMs: v.number(),
      closedMs: v.nullable(v.number()),
      cut: v.number(),
      outcome: Outcome,
      planned: v.object({ treated: Count, control: Count }),
      verdict: Verdict,
      /** Only of the stretch after the last ring, the bake. */
      baking: v.exactOptional(v.object({ below: v.number() })),
      /** By whose signed word it may pass although its gates hold. */
      override: v.exactOptional(
        v.object({ by: v.string(), keyId: Sha256, verdictDigest: Sha256, reason: v.string() }),
      ),
    }),
  ),
  approvals: v.object({ needed: Count, by: v.array(v.string()) }),
  resumersNeeded: Count,
  /** Who asked for it so far. */
  resumers: v.array(v.string()),
  /** Since when it is in its phase; null while it awaits approval. */
  sinceMs: v.nullable(v.number()),
  /** The campaign's time at its last tick. */
  nowMs: v.number(),
  progress: v.object({
    rings: v.array(
      v.object({
        name: v.string(),
        share: v.number(),
        dwellMs: v.number(),
        opened: v.boolean(),
        devices: Count,
        stages: Stages,
      }),
    ),
    control: v.object({ devices: Count, stages: Stages }),
    ineligible: Count,
  }),
  load: v.object({
    transferBytes: Count,
    givenBytes: Count,
    sites: Count,
    sitesServed: Count,
    window: v.nullable(
      v.object({
        usedBytes: Count,
        totalBytes: v.nullable(Count),
        siteBytes: v.nullable(Count),
        windowMs: Count,
        endsMs: v.number(),
      }),
    ),
  }),
  plan: v.looseObject({
    campaign: CampaignName,
    author: v.string(),
    urgency: v.picklist(['usual', 'emergency']),
    candidate: v.looseObject({ name: BundleNameSchema, version: VersionSchema, envelopeSha256: Sha256 }),
    lastGood: v.looseObject({ name: BundleNameSchema, version: VersionSchema, envelopeSha256: Sha256 }),
  }),
  decisions: v.array(Decision),
  stragglers: v.array(
    v.object({ device: v.string(), site: v.string(), why: v.string(), code: v.nullable(v.string()) }),
  ),
})
export type CampaignAnswer = v.InferInput<typeof CampaignView>

export const CampaignListView = v.object({
  rollouts: v.array(
    v.object({
      campaign: CampaignName,
      bundle: BundleNameSchema,
      version: VersionSchema,
      /** What devices ran before it, and go back to. */
      from: VersionSchema,
      phase: v.string(),
      urgency: v.string(),
      author: v.string(),
      createdAt: v.string(),
      /** As of its last decision or tick. */
      summary: v.nullable(SummarySchema),
    }),
  ),
})

export const DevicesQuery = v.object({
  /** A ring's name, or `control`. */
  ring: v.optional(CampaignName),
  stage: v.optional(Stage),
  find: Find,
  after: v.optional(v.pipe(v.string(), v.maxLength(100))),
  limit: Limit,
})
export const CampaignDevicesView = v.object({
  campaign: CampaignName,
  bundle: BundleNameSchema,
  matching: Count,
  devices: v.array(
    v.object({
      device: v.string(),
      site: v.string(),
      ring: v.nullable(v.string()),
      stage: Stage,
      why: v.nullable(v.string()),
      code: v.nullable(v.string()),
      seenAt: v.nullable(v.string()),
      /** What the device last said of the bundle. */
      said: v.nullable(BundleView),
    }),
  ),
})

export const EvidenceView = v.object({
  campaign: CampaignName,
  points: v.array(
    v.object({
      seq: Count,
      ring: v.string(),
      round: Count,
      atMs: v.number(),
      /** By gate: evidence of harm, evidence of safety. */
      gates: v.record(v.string(), v.array(v.number())),
    }),
  ),
})

export const ExplainView = v.object({
  campaign: CampaignName,
  phase: Phase,
  seq: Count,
  now: v.nullable(v.object({ ring: v.string(), outcome: Outcome, verdict: Verdict })),
  /** What would end a hold of the open ring; null while none is open. */
  outlook: v.nullable(
    v.object({
      dwellLeftHours: v.number(),
      probationHours: v.number(),
      awaits: v.array(
        v.object({
          gate: v.string(),
          of: v.picklist(['devices', 'shadow_windows']),
          needed: v.nullable(Count),
          toCome: Count,
          text: v.string(),
        }),
      ),
      endsByItself: v.boolean(),
      text: v.string(),
    }),
  ),
  kept: v.array(
    v.object({ seq: Count, ring: v.string(), outcome: Outcome, at: v.string(), verdict: Verdict }),
  ),
  decisions: v.array(Decision),
})
export type ExplainAnswer = v.InferInput<typeof ExplainView>
