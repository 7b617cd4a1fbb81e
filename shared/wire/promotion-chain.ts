/**
 * The signature chain of a promotion, as the centre hands it out: all by which somebody who trusts two keys of the centre can check,
 * without it, why an alias names a release. `rollout/promotion/verify-chain.ts` does.
 */
import * as v from 'valibot'
import { EnvelopeSchema } from '../signing/envelope.ts'

const Base64 = v.pipe(v.string(), v.maxLength(4_000_000))
const Envelopes = v.pipe(v.array(EnvelopeSchema), v.maxLength(64))

/** A release as its bytes: the signed manifest, and the evaluation that it names. */
const ReleaseSchema = v.strictObject({ manifest: Base64, evaluation: Base64 })
export type ChainedRelease = v.InferOutput<typeof ReleaseSchema>

const CampaignSchema = v.strictObject({
  plan: v.record(v.string(), v.unknown()),
  /** Each over the plan's digest. */
  approvals: Envelopes,
  /** What the gates said of each ring that passed, in the order of the promotion's own list. */
  verdicts: v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(64)),
  /** People's words for rings that passed although their gates held. */
  overrides: Envelopes,
})
export type ChainedCampaign = v.InferOutput<typeof CampaignSchema>

export const PromotionChainSchema = v.strictObject({
  v: v.literal(2),
  release: ReleaseSchema,
  /** What the alias named before; null where it was compared with nothing. */
  incumbent: v.nullable(ReleaseSchema),
  policy: EnvelopeSchema,
  approvers: Envelopes,
  /** Of the release itself. */
  approvals: Envelopes,
  campaign: v.nullable(CampaignSchema),
  promotion: EnvelopeSchema,
})
export type PromotionChain = v.InferOutput<typeof PromotionChainSchema>
