/** The director's word for what a campaign's fleet follows: signed, kept, and only then an event (SPEC.md, R5). */
import { statementNeeded } from '../../rollout/campaign/assignment.ts'
import { canonicalBytes } from '../../shared/canonical.ts'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import { signEnvelope } from '../../shared/signing/envelope.ts'
import type { CentreWork } from '../performer.ts'
import { append, type Held } from './event-log.ts'

export const DIRECTION_TYPE = 'application/vnd.starling.rollout-direction.v1+json'

/** Signs the direction that the campaign waits for, if it waits for one. */
export async function signedFor(
  work: CentreWork,
  parts: { readonly clock: Clock; readonly policyKey: KeyPair },
  { id, held }: { readonly id: string; readonly held: Held },
): Promise<Held> {
  const need = statementNeeded(held.state)
  if (need === null) return held
  const { generation, runs, campaign, planDigest, bundle } = need
  const statement = {
    v: 1,
    campaign,
    planDigest,
    generation,
    runs,
    name: bundle.name,
    version: bundle.version,
  }
  const bytes = canonicalBytes({ ...statement, envelopeSha256: bundle.envelopeSha256 })
  const envelope = signEnvelope(DIRECTION_TYPE, bytes, [parts.policyKey])
  const digest = sha256Hex(canonicalBytes({ ...envelope }))
  await work.tx.query(
    `insert into rollout.statement (campaign, generation, digest, envelope, record_id)
     values ($1, $2, $3, $4::text::jsonb, $5)`,
    [id, generation, digest, JSON.stringify(envelope), work.recordId],
  )
  const keyId = parts.policyKey.publicKey.id
  return await append(work, parts.clock, {
    id,
    held,
    events: [{ kind: 'stated', generation, statement: digest, keyId }],
  })
}
