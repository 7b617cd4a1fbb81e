/**
 * The signature chain of a promotion, verified without the centre: the promotion's statement (policy key) names the release by
 * the digest of its signed manifest (release key), and people whose approvals (their keys) the centre once vouched for.
 */
import * as v from 'valibot'
import { sha256Hex } from '../digest.ts'
import { StarlingError } from '../errors.ts'
import { loadPublicKey, type PublicKey } from '../signing/ed25519.ts'
import { EnvelopeSchema, openEnvelope } from '../signing/envelope.ts'
import {
  APPROVER_TYPE,
  ApproverSchema,
  openStatement,
  PROMOTION_TYPE,
  PromotionSchema,
  RELEASE_APPROVAL_TYPE,
  ReleaseApprovalSchema,
  type PromotionStatement,
} from './approval.ts'
import { BUNDLE_PAYLOAD_TYPE } from './bundle.ts'

export const PromotionChainSchema = v.strictObject({
  v: v.literal(1),
  /** The signed manifest, as it is read and as its very bytes. */
  release: EnvelopeSchema,
  releaseBytes: v.pipe(v.string(), v.maxLength(4_000_000)),
  approvers: v.pipe(v.array(EnvelopeSchema), v.maxLength(64)),
  approvals: v.pipe(v.array(EnvelopeSchema), v.maxLength(64)),
  promotion: EnvelopeSchema,
})
export type PromotionChain = v.InferOutput<typeof PromotionChainSchema>

export class ChainBroken extends StarlingError {
  override readonly code = 'chain_broken'
}

/**
 * What the chain proves. Throws `BadEnvelope` for a signature that does not hold, {@link ChainBroken} where a link does not fit the
 * next: other bytes, an approval that is missing, the author among the approvers.
 */
export function verifyPromotionChain(
  chain: PromotionChain,
  trust: { readonly policyKey: PublicKey; readonly releaseKey: PublicKey },
): PromotionStatement {
  const bytes = Buffer.from(chain.releaseBytes, 'base64')
  const envelope: unknown = JSON.parse(bytes.toString('utf8'))
  openEnvelope(envelope, { payloadType: BUNDLE_PAYLOAD_TYPE, keys: [trust.releaseKey], threshold: 1 })
  const promotion = openStatement(chain.promotion, {
    type: PROMOTION_TYPE,
    key: trust.policyKey,
    schema: PromotionSchema,
  })
  const { envelopeSha256, environment, author, needed } = promotion
  if (sha256Hex(bytes) !== envelopeSha256)
    throw broken('it promotes another release than the one that is here')
  const roster = chain.approvers.map((entry) =>
    openStatement(entry, { type: APPROVER_TYPE, key: trust.policyKey, schema: ApproverSchema }),
  )
  const people = new Set<string>()
  for (const approval of chain.approvals) {
    const keyId = approval.signatures[0]?.keyid
    const entry = roster.find(({ publicKey }) => loadPublicKey(publicKey).id === keyId)
    if (entry === undefined) throw broken('an approval is signed by a key that the centre never vouched for')
    const said = openStatement(approval, {
      type: RELEASE_APPROVAL_TYPE,
      key: loadPublicKey(entry.publicKey),
      schema: ReleaseApprovalSchema,
    })
    if (said.person !== entry.person) throw broken(`${entry.person}'s key speaks for ${said.person}`)
    if (said.envelopeSha256 === envelopeSha256 && said.environment === environment) people.add(entry.person)
  }
  const missing = promotion.approvers.find((person) => !people.has(person))
  if (missing !== undefined) throw broken(`the approval of ${missing} is not here`)
  const others = promotion.approvers.filter((person) => person !== author)
  if (new Set(others).size < needed)
    throw broken(`${needed} approvals were needed, ${others.length} are here`)
  return promotion
}

function broken(why: string): ChainBroken {
  return new ChainBroken(`the chain does not hold: ${why}`, {
    remedy: 'Ask the centre for it again; if it is the same, the promotion is not what it says it is.',
  })
}
