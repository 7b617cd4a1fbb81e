/** Takes a device in: token, proof of its key, and then everything that it must trust and everything that it may say. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { FabricAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseSiteId, type TenantId } from '../../shared/ids.ts'
import type { Environment, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import { loadPublicKey, verifySignature } from '../../shared/signing/ed25519.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import {
  EnrolRequestSchema,
  proofBytes,
  type EnrolAnswer,
  type EnrolRequest,
} from '../../shared/wire/enrolment.ts'
import type { CentreKeys } from '../keys.ts'
import { centrePerformer } from '../performer.ts'
import type { Repositories } from '../release/repositories/repositories.ts'
import { tokenHash } from './tokens.ts'

export class EnrolmentRefused extends StarlingError {
  override readonly code:
    | 'token_unknown'
    | 'token_expired'
    | 'token_used'
    | 'token_elsewhere'
    | 'proof_wrong'
    | 'device_known'

  constructor(code: EnrolmentRefused['code'], message: string, remedy: string) {
    super(message, { remedy })
    this.code = code
  }
}

export interface EnrolmentParts {
  readonly clock: Clock
  readonly tenant: TenantId
  readonly environment: Environment
  readonly authority: FabricAuthority
  readonly keys: CentreKeys
  leafUrl(): string
  /** The envelope of the policy in force. */
  policy(): Envelope
  /** The newest roots of the two repositories; null until both were handed in. */
  roots(): ReturnType<Repositories['roots']>
}

/** What the journal keeps of a request: the token's hash, never the token. */
const InputSchema = v.strictObject({
  tokenHash: v.string(),
  device: v.string(),
  site: v.string(),
  publicKey: v.string(),
})

export type Enrolled = {
  readonly device: string
  readonly site: string
  readonly deviceJwt: string
  readonly leafJwt: string
}

/** The kernel's input for a request. */
export function enrolInput({ claim }: EnrolRequest): JsonObject {
  const { token, device, site, publicKey } = claim
  return { tokenHash: tokenHash(token), device, site, publicKey }
}

/** Performs `device.enrol` for exactly this request. Throws {@link EnrolmentRefused}; then the token is as it was. */
export function enrolPerformer(
  parts: EnrolmentParts,
  request: EnrolRequest,
): TransactionalPerformer<JsonObject, Enrolled> {
  return centrePerformer('device.enrol', InputSchema, async ({ tx }, input) => {
    const { claim } = v.parse(EnrolRequestSchema, request)
    if (input.tokenHash !== tokenHash(claim.token) || input.publicKey !== claim.publicKey)
      throw refused('proof_wrong', 'the request is not the one that was admitted')
    await takeToken(
      tx,
      { hash: input.tokenHash, device: claim.device, site: claim.site },
      parts.clock.nowMs(),
    )
    const key = loadPublicKey(claim.publicKey)
    if (!verifySignature(key, proofBytes(claim), Buffer.from(request.proof, 'base64')))
      throw refused('proof_wrong', 'the device did not prove that it holds its key')
    const device = parseDeviceId(claim.device)
    const site = parseSiteId(claim.site)
    await addDevice(tx, request, parts.clock.nowMs())
    const { userKey, leafKey } = claim
    return {
      device,
      site,
      deviceJwt: await parts.authority.issueDevice({ device, userKey }),
      leafJwt: await parts.authority.issueLeaf({ site, devices: [device], userKey: leafKey }),
    }
  })
}

/** The answer for a device that was just enrolled. */
export async function enrolAnswer(parts: EnrolmentParts, enrolled: Enrolled): Promise<EnrolAnswer> {
  const { keys, tenant, environment } = parts
  const roots = await parts.roots()
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return {
    v: 1,
    tenant,
    environment,
    ...enrolled,
    leafUrl: parts.leafUrl(),
    trust: parts.authority.trust,
    keys: {
      release: [keys.release.publicKey.text],
      policy: [keys.policy.publicKey.text],
      receipt: keys.receipt.publicKey.text,
    },
    policy: parts.policy(),
    ...(roots === null ? {} : { roots: { image: text(roots.image), director: text(roots.director) } }),
  }
}

async function takeToken(
  tx: Transaction,
  shown: { readonly hash: string; readonly device: string; readonly site: string },
  nowMs: number,
): Promise<void> {
  const [token] = await tx.query<{
    device: string
    site: string
    expires_at: string
    used_at: string | null
  }>('select device, site, expires_at, used_at from centre.token where hash = $1 for update', [shown.hash])
  if (token === undefined) throw refused('token_unknown', 'the token is not one of this centre')
  if (token.used_at !== null) throw refused('token_used', 'the token was used before')
  if (Date.parse(token.expires_at) <= nowMs)
    throw refused('token_expired', `the token expired at ${token.expires_at}`)
  if (token.device !== shown.device || token.site !== shown.site)
    throw refused('token_elsewhere', `the token is for ${token.device} at ${token.site}`)
  await tx.query('update centre.token set used_at = $2::text::timestamptz where hash = $1', [
    shown.hash,
    new Date(nowMs).toISOString(),
  ])
}

async function addDevice(tx: Transaction, { claim }: EnrolRequest, nowMs: number): Promise<void> {
  const rows = await tx.query(
    `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at)
     values ($1, $2, $3, $4, $5, $6::text::timestamptz) on conflict (id) do nothing returning id`,
    [claim.device, claim.site, claim.publicKey, claim.userKey, claim.leafKey, new Date(nowMs).toISOString()],
  )
  if (rows.length === 0)
    throw new EnrolmentRefused(
      'device_known',
      `a device called ${claim.device} is enrolled already`,
      'Choose another name: the journal of a name belongs to one key.',
    )
}

function refused(code: EnrolmentRefused['code'], message: string): EnrolmentRefused {
  return new EnrolmentRefused(
    code,
    message,
    'Make a new token with `starling token`, for this device and site.',
  )
}
