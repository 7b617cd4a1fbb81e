/**
 * What an approver signs: a DSSE envelope over the digest of the campaign's plan. The signature is checked before anything is
 * read, and the statement names the plan, so that an approval of one campaign is none of another, nor of a changed plan.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { KeyPair, PublicKey } from '../../shared/signing/ed25519.ts'
import { BadEnvelope, openEnvelope, signEnvelope, type Envelope } from '../../shared/signing/envelope.ts'

export const APPROVAL_PAYLOAD_TYPE = 'application/vnd.starling.rollout-approval.v1+json'

const StatementSchema = v.strictObject({
  v: v.literal(1),
  campaign: v.string(),
  planDigest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  decision: v.literal('approve'),
})

export class ApprovalRefused extends StarlingError {
  override readonly code = 'approval_refused'
}

interface Approved {
  readonly campaign: string
  readonly planDigest: string
}

export function signApproval({ campaign, planDigest }: Approved, signer: KeyPair): Envelope {
  const statement = { v: 1, campaign, planDigest, decision: 'approve' } as const
  return signEnvelope(APPROVAL_PAYLOAD_TYPE, canonicalBytes(statement), [signer])
}

/**
 * The id of the key that approved exactly this plan: one of `keys`, the keys of those who may approve. Whether that key is the
 * author's, or counted already, the reducer decides. Throws {@link ApprovalRefused}.
 */
export function verifyApproval(envelope: unknown, wanted: Approved, keys: readonly PublicKey[]): string {
  for (const key of keys) {
    const payload = opened(envelope, key)
    if (payload === null) continue
    const statement = v.safeParse(StatementSchema, jsonOf(payload))
    if (!statement.success) throw refused('what was signed is no approval')
    const { campaign, planDigest } = statement.output
    if (campaign !== wanted.campaign || planDigest !== wanted.planDigest)
      throw refused(`what was signed approves ${campaign} with the plan ${planDigest.slice(0, 12)}…`)
    return key.id
  }
  throw refused('nobody who may approve has signed it')
}

function opened(envelope: unknown, key: PublicKey): Uint8Array | null {
  try {
    return openEnvelope(envelope, { payloadType: APPROVAL_PAYLOAD_TYPE, keys: [key], threshold: 1 })
  } catch (thrown) {
    if (thrown instanceof BadEnvelope) return null
    throw thrown
  }
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return null // It was signed, and is no JSON: no approval either.
  }
}

function refused(why: string): ApprovalRefused {
  return new ApprovalRefused(`the approval is refused: ${why}`, {
    remedy: 'Sign the plan as it stands, with a key that may approve.',
  })
}
