/**
 * A change of the policy while the centre runs. It needs what the policy in force asks of a change of what everybody runs: its
 * rule for `stable` here, so that nobody alone can publish a policy by which nobody else would have to agree.
 */
import * as v from 'valibot'
import type { Clock } from '../shared/clock.ts'
import { StarlingError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import type { Environment, Principal, TransactionalPerformer } from '../shared/kernel/contract.ts'
import { PolicySchema, type PolicyDocument } from '../shared/policy/policy.ts'
import { judgePromotion } from '../shared/policy/promotion.ts'
import { openPolicy, policyDigest, signPolicy, type SignedPolicy } from '../shared/policy/signed-policy.ts'
import { policyFaults } from '../shared/policy/soundness.ts'
import type { KeyPair } from '../shared/signing/ed25519.ts'
import { EnvelopeSchema, type Envelope } from '../shared/signing/envelope.ts'
import type { Queryable } from '../shared/sql/port.ts'
import { openStatement, POLICY_APPROVAL_TYPE, PolicyApprovalSchema } from '../shared/wire/approval.ts'
import { centrePerformer } from './performer.ts'
import { newestPolicy } from './policy.ts'
import { approverOf } from './registry/approvals.ts'
import { ApprovalRefused, PromotionRefused } from './registry/errors.ts'

/** Nothing is published but the next version. */
export class PolicyVersionWrong extends StarlingError {
  override readonly code = 'policy_version_wrong'
}

/** A policy that nobody could work under, or ever change again; the message names the field. */
export class PolicyUnsound extends StarlingError {
  override readonly code = 'policy_unsound'
}

/** More than any rule asks for. */
const MAX_APPROVALS = 16

export const PolicyChangeSchema = v.strictObject({
  document: PolicySchema,
  approvals: v.optional(v.pipe(v.array(EnvelopeSchema), v.maxLength(MAX_APPROVALS)), []),
})

export interface PolicyChangeParts {
  readonly clock: Clock
  readonly environment: Environment
  readonly policyKey: KeyPair
}

export type PublishedPolicy = {
  readonly version: number
  readonly digest: string
  readonly approvers: readonly string[]
}

/**
 * Performs `policy.publish`: signed and stored as the next version. Throws {@link PolicyVersionWrong}, {@link PolicyUnsound},
 * `PolicyRefused` for another environment, `PromotionRefused` where approvals are missing, `ApprovalRefused` for one that is of
 * another policy. Whoever had it performed puts it in force afterwards (`CentrePolicy.refresh`).
 */
export function publishPolicyPerformer(
  parts: PolicyChangeParts,
): TransactionalPerformer<JsonObject, PublishedPolicy> {
  const { clock, environment, policyKey } = parts
  const keys = [policyKey.publicKey]
  return centrePerformer('policy.publish', PolicyChangeSchema, async (work, { document, approvals }) => {
    const { tx, principal, recordId } = work
    // Two who publish at once: the second one sees the first one's version.
    await tx.query('lock table centre.policy in exclusive mode')
    const held = (await newestPolicy(tx, { keys, environment, held: null }))?.policy ?? null
    requireNext(document, held)
    const nowMs = clock.nowMs()
    const [fault] = policyFaults(document, nowMs)
    if (fault !== undefined)
      throw new PolicyUnsound(`${fault.field}: ${fault.message}`, {
        remedy: fault.remedy,
        details: { field: fault.field },
      })
    const approvers = await approversOfPolicy(tx, { document, approvals }, parts)
    requireAgreed(held, { principal, approvers, environment })
    const signed = openPolicy(signPolicy(document, [policyKey]), { keys, environment, held })
    await tx.query(
      `insert into centre.policy (version, digest, envelope, signed_at, published_by, record_id, approvals)
       values ($1, $2, $3::text::jsonb, $4::text::timestamptz, $5, $6, $7::text::jsonb)`,
      [
        document.version,
        signed.digest,
        JSON.stringify(signed.envelope),
        new Date(nowMs).toISOString(),
        principal.id,
        recordId,
        JSON.stringify(approvals),
      ],
    )
    return { version: document.version, digest: signed.digest, approvers }
  })
}

function requireNext({ version }: PolicyDocument, held: SignedPolicy | null): void {
  const next = (held?.document.version ?? 0) + 1
  if (version === next) return
  throw new PolicyVersionWrong(
    `version: it is ${version}, and the version ${next - 1} is stored: the next one is ${next}`,
    {
      remedy: `See what is in force (starling policy show), make the change to that, and give it the version ${next}.`,
      details: { field: 'version', next },
    },
  )
}

function requireAgreed(
  held: SignedPolicy | null,
  of: {
    readonly principal: Principal
    readonly approvers: readonly string[]
    readonly environment: Environment
  },
): void {
  const { principal, approvers, environment } = of
  const verdict = judgePromotion(held?.document.promotions ?? [], {
    alias: 'stable',
    environment,
    tags: [],
    roles: principal.roles,
    author: principal.id,
    approvers,
  })
  if (verdict.kind === 'refused')
    throw new PromotionRefused(`the policy may not be changed: ${verdict.reason}`, {
      remedy: 'Have others sign it (starling policy approve FILE) and publish it with what they signed.',
    })
}

/** The people whose signatures over this very document hold now. */
async function approversOfPolicy(
  sql: Queryable,
  { document, approvals }: { readonly document: PolicyDocument; readonly approvals: readonly Envelope[] },
  { environment, policyKey }: PolicyChangeParts,
): Promise<readonly string[]> {
  const digest = policyDigest(document)
  const people = new Set<string>()
  for (const envelope of approvals) {
    const keyId = envelope.signatures[0]?.keyid ?? ''
    const { person, key } = await approverOf(sql, keyId, { environment, policyKey: policyKey.publicKey })
    const said = openStatement(envelope, { type: POLICY_APPROVAL_TYPE, key, schema: PolicyApprovalSchema })
    if (said.policyDigest !== digest || said.environment !== environment)
      throw new ApprovalRefused(`what ${person} signed is another policy than this one`, {
        remedy: 'Have the very file signed that is published: starling policy approve FILE.',
      })
    people.add(person)
  }
  return [...people].toSorted()
}
