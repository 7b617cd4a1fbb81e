/** The policy in force at the centre and on its devices: signed here, stored with every version before it. */
import * as v from 'valibot'
import { canonicalText } from '../shared/canonical.ts'
import type { Clock } from '../shared/clock.ts'
import type { Environment } from '../shared/kernel/contract.ts'
import { fieldServicePolicy } from '../shared/policy/field-service-policy.ts'
import { PolicySchema, type PolicyDocument } from '../shared/policy/policy.ts'
import { openPolicy, signPolicy, type SignedPolicy } from '../shared/policy/signed-policy.ts'
import type { KeyPair } from '../shared/signing/ed25519.ts'
import type { Database, Queryable } from '../shared/sql/port.ts'

export interface CentrePolicy {
  /** What is in force at this moment. */
  current(): SignedPolicy
  /** Puts in force what was published since; a stored policy that does not verify, or is older, changes nothing and is thrown. */
  refresh(): Promise<SignedPolicy>
}

/**
 * The stored policy, the first one of a new centre, or the next version where this Starling came with other rules than the one
 * before. It is signed before there is a kernel, since the kernel stands on it; its version and digest are in every record.
 */
export async function openCentrePolicy(parts: {
  readonly db: Database
  readonly key: KeyPair
  readonly environment: Environment
  readonly clock: Clock
}): Promise<CentrePolicy> {
  const { db, key, environment } = parts
  let held = await firstPolicy(parts)
  return {
    current: () => held,
    refresh: async () => {
      const newest = await newestPolicy(db, { keys: [key.publicKey], environment, held })
      held = newest?.policy ?? held
      return held
    },
  }
}

/** The newest that is stored, verified; null for a new centre. Throws as `openPolicy` does. */
export async function newestPolicy(
  sql: Queryable,
  trust: Parameters<typeof openPolicy>[1],
): Promise<{ readonly policy: SignedPolicy; readonly publishedBy: string | null } | null> {
  const [row] = await sql.query<{ envelope: never; publishedBy: string | null }>(
    'select envelope, published_by as "publishedBy" from centre.policy order by version desc limit 1',
  )
  return row === undefined ? null : { policy: openPolicy(row.envelope, trust), publishedBy: row.publishedBy }
}

async function firstPolicy(parts: Parameters<typeof openCentrePolicy>[0]): Promise<SignedPolicy> {
  const trust = { keys: [parts.key.publicKey], environment: parts.environment, held: null }
  const newest = await newestPolicy(parts.db, trust)
  const stored = newest?.policy ?? null
  const nowMs = parts.clock.nowMs()
  const version = (stored?.document.version ?? 0) + 1
  const document = fieldServicePolicy({ environment: parts.environment, version, nowMs })
  // What people published has its say, whatever this Starling comes with.
  if (stored !== null && (newest?.publishedBy != null || !hasOtherRules(stored.document, document)))
    return stored
  const signed = openPolicy(signPolicy(document, [parts.key]), trust)
  await parts.db.query(
    `insert into centre.policy (version, digest, envelope, signed_at)
     values ($1, $2, $3::text::jsonb, $4::text::timestamptz)`,
    [document.version, signed.digest, JSON.stringify(signed.envelope), new Date(nowMs).toISOString()],
  )
  return signed
}

/** Whoever wrote a policy of another name has its say: only the one that Starling comes with is brought up to date. */
function hasOtherRules(held: PolicyDocument, ours: PolicyDocument): boolean {
  if (held.name !== ours.name) return false
  const rulesOf = ({ rules, promotions }: PolicyDocument): string =>
    canonicalText({ rules, promotions } as never)
  return rulesOf(held) !== rulesOf(v.parse(PolicySchema, ours))
}
