/** The policy in force at the centre and on its devices: signed here, stored with every version before it. */
import type { Clock } from '../shared/clock.ts'
import type { Environment } from '../shared/kernel/contract.ts'
import { fieldServicePolicy } from '../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy, type SignedPolicy } from '../shared/policy/signed-policy.ts'
import type { KeyPair } from '../shared/signing/ed25519.ts'
import type { Database } from '../shared/sql/port.ts'

/**
 * The stored policy, or the first one of a new centre. The first is signed before there is a kernel, since the kernel
 * stands on it; its version and digest are in every record from the first on.
 */
export async function openCentrePolicy(parts: {
  readonly db: Database
  readonly key: KeyPair
  readonly environment: Environment
  readonly clock: Clock
}): Promise<SignedPolicy> {
  const trust = { keys: [parts.key.publicKey], environment: parts.environment, held: null }
  const [row] = await parts.db.query<{ envelope: never }>(
    'select envelope from centre.policy order by version desc limit 1',
  )
  if (row !== undefined) return openPolicy(row.envelope, trust)
  const nowMs = parts.clock.nowMs()
  const document = fieldServicePolicy({ environment: parts.environment, version: 1, nowMs })
  const signed = openPolicy(signPolicy(document, [parts.key]), trust)
  await parts.db.query(
    `insert into centre.policy (version, digest, envelope, signed_at)
     values ($1, $2, $3::text::jsonb, $4::text::timestamptz)`,
    [document.version, signed.digest, JSON.stringify(signed.envelope), new Date(nowMs).toISOString()],
  )
  return signed
}
