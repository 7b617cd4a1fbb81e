/** One-time enrolment tokens: 256 random bits, stored as their hash, good once, for one device, for a while. */
import { createHash, randomBytes } from 'node:crypto'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import { centrePerformer } from '../performer.ts'

/** Long enough to carry a token to a site, short enough that a lost one is soon worth nothing. */
export const TOKEN_VALID_MS = 24 * 60 * 60_000

const Name = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'a name has letters, digits and hyphens'),
)
/** The origin of the centre's own journal, and the hub's probe: a device of that name would be taken for them. */
const RESERVED = ['centre', 'hub-probe']

const InputSchema = v.strictObject({
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  device: v.pipe(
    Name,
    v.check((name) => !RESERVED.includes(name), 'that name is the centre’s own'),
  ),
  site: Name,
})

/** Makes a token: the text is for the person who carries it and is never stored. */
export function makeToken(): { readonly text: string; readonly hash: string } {
  const text = randomBytes(32).toString('base64url')
  return { text, hash: tokenHash(text) }
}

export function tokenHash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function issueTokenPerformer(
  clock: Clock,
): TransactionalPerformer<JsonObject, { readonly expiresAt: string }> {
  return centrePerformer('token.issue', InputSchema, async ({ tx }, { hash, device, site }) => {
    const nowMs = clock.nowMs()
    const expiresAt = new Date(nowMs + TOKEN_VALID_MS).toISOString()
    await tx.query(
      `insert into centre.token (hash, device, site, issued_at, expires_at)
       values ($1, $2, $3, $4::text::timestamptz, $5::text::timestamptz)`,
      [hash, device, site, new Date(nowMs).toISOString(), expiresAt],
    )
    return { expiresAt }
  })
}
