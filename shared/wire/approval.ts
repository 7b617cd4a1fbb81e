/**
 * A person's word for one release, signed with a key that never leaves them: it names the bytes, so that it is worth nothing
 * for others. And the entry by which a centre says whose key it is. Both are DSSE envelopes: verified first, parsed after.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../canonical.ts'
import { ENVIRONMENTS } from '../kernel/contract.ts'
import type { KeyPair, PublicKey } from '../signing/ed25519.ts'
import { openEnvelope, signEnvelope, type Envelope } from '../signing/envelope.ts'
import { decodeJson } from './answer.ts'
import { BundleNameSchema, VersionSchema } from './bundle.ts'

export const RELEASE_APPROVAL_TYPE = 'application/vnd.starling.release-approval.v1+json'
export const POLICY_APPROVAL_TYPE = 'application/vnd.starling.policy-approval.v1+json'
export const APPROVER_TYPE = 'application/vnd.starling.approver.v1+json'
export const PROMOTION_TYPE = 'application/vnd.starling.promotion.v1+json'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Time = v.pipe(v.string(), v.isoTimestamp())
export const PersonSchema = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$/,
    'a person is lower-case letters, digits, ".", "_", "-"',
  ),
)
export const AliasSchema = v.pipe(
  v.string(),
  v.regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'an alias is lower-case letters, digits and inner hyphens'),
)

const release = {
  name: BundleNameSchema,
  version: VersionSchema,
  /** Of the signed manifest's bytes: approval of a version is approval of its content. */
  envelopeSha256: Hash,
  environment: v.picklist(ENVIRONMENTS),
}

export const ReleaseApprovalSchema = v.strictObject({
  v: v.literal(1),
  ...release,
  person: PersonSchema,
  at: Time,
})
export type ReleaseApproval = v.InferOutput<typeof ReleaseApprovalSchema>

/** Signed by the centre's policy key: from then on this key speaks for this person. */
export const ApproverSchema = v.strictObject({
  v: v.literal(1),
  person: PersonSchema,
  /** 32 bytes, base64url. */
  publicKey: v.pipe(v.string(), v.maxLength(60)),
  environment: v.picklist(ENVIRONMENTS),
  at: Time,
})
export type Approver = v.InferOutput<typeof ApproverSchema>

const Who = v.pipe(v.string(), v.maxLength(100))

/** How it did on what was held back, and against which release that was held when the alias moved. */
export const EvaluationGroundSchema = v.strictObject({
  /** Of the statement, as the signed manifest names it. */
  sha256: Hash,
  /** Null where the alias named nothing, or where `returns` says that it named this content before. */
  against: v.nullable(
    v.strictObject({ version: VersionSchema, envelopeSha256: Hash, evaluationSha256: Hash }),
  ),
  returns: v.boolean(),
})
export type EvaluationGround = v.InferOutput<typeof EvaluationGroundSchema>

/** The campaign at whose end the alias moved: its plan, and what its gates said of each ring that passed. */
export const CampaignGroundSchema = v.strictObject({
  campaign: Who,
  planDigest: Hash,
  rings: v.pipe(v.array(v.strictObject({ ring: Who, verdictSha256: Hash })), v.minLength(1), v.maxLength(64)),
})
export type CampaignGround = v.InferOutput<typeof CampaignGroundSchema>

/** Signed by the centre's policy key: the alias names this release now, by these rules and these people's words. */
export const PromotionSchema = v.strictObject({
  v: v.literal(2),
  ...release,
  alias: AliasSchema,
  from: v.nullable(VersionSchema),
  author: Who,
  by: Who,
  /** Of whoever asked, and of the release: what the rules looked at. */
  roles: v.array(Who),
  tags: v.array(Who),
  rules: v.array(v.string()),
  needed: v.pipe(v.number(), v.integer(), v.minValue(0)),
  approvers: v.array(PersonSchema),
  policy: v.strictObject({ version: v.number(), digest: Hash }),
  evaluation: EvaluationGroundSchema,
  /** Null where somebody moved the alias without a campaign. */
  campaign: v.nullable(CampaignGroundSchema),
  at: Time,
})
export type PromotionStatement = v.InferOutput<typeof PromotionSchema>

/** A person's word for one policy, by the digest of the bytes that the centre will sign. */
export const PolicyApprovalSchema = v.strictObject({
  v: v.literal(1),
  policyDigest: Hash,
  environment: v.picklist(ENVIRONMENTS),
  at: Time,
})
type PolicyApproval = v.InferOutput<typeof PolicyApprovalSchema>

export function signStatement(
  type: string,
  statement: ReleaseApproval | PolicyApproval | Approver | PromotionStatement,
  key: KeyPair,
): Envelope {
  return signEnvelope(type, canonicalBytes(statement), [key])
}

/** Throws `BadEnvelope` unless `key` signed it as `type`, `MalformedMessage` when it is not of `schema`. */
export function openStatement<T>(
  envelope: unknown,
  trust: { readonly type: string; readonly key: PublicKey; readonly schema: v.GenericSchema<unknown, T> },
): T {
  const { type, key, schema } = trust
  return decodeJson(schema, openEnvelope(envelope, { payloadType: type, keys: [key], threshold: 1 }))
}
