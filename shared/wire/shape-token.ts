/**
 * What a device shows to follow its shapes: a claim of who it is, for a short while, signed with the key that it enrolled with. The
 * bytes are verified before they are read, under the key of the device that the token names.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../canonical.ts'
import { verifySignature, type KeyPair, type PublicKey } from '../signing/ed25519.ts'
import { preAuthEncoding } from '../signing/envelope.ts'

const TOKEN_TYPE = 'application/vnd.starling.shape-token.v1+json'
/** One minted at each request costs nothing; a stolen one is soon worth nothing. */
export const SHAPE_TOKEN_VALID_MS = 10 * 60_000
/** Clocks of devices that were long without a network. */
const CLOCK_SKEW_MS = 5 * 60_000
const TOKEN_LIMIT_CHARS = 2_000

export const ShapeClaimSchema = v.strictObject({
  v: v.literal(1),
  tenant: v.string(),
  device: v.string(),
  issuedAtMs: v.pipe(v.number(), v.safeInteger()),
})

export interface ShapeTokenHolder {
  readonly tenant: string
  readonly device: string
}

export function mintShapeToken(key: KeyPair, { tenant, device }: ShapeTokenHolder, nowMs: number): string {
  const payload = canonicalBytes({ v: 1, tenant, device, issuedAtMs: Math.round(nowMs) })
  const signature = key.sign(preAuthEncoding(TOKEN_TYPE, payload))
  return [
    device,
    Buffer.from(payload).toString('base64url'),
    Buffer.from(signature).toString('base64url'),
  ].join('.')
}

/** The device that the token names, not verified; null where it is no token at all. */
export function claimedDevice(token: string): string | null {
  if (token.length > TOKEN_LIMIT_CHARS) return null
  return /^([a-z0-9-]{1,40})\.[\w-]+\.[\w-]+$/.exec(token)?.[1] ?? null
}

/** Who holds the token; null for any that is forged, expired, from the future, or of another tenant or device. */
export function openShapeToken(
  token: string,
  trust: { readonly key: PublicKey; readonly tenant: string; readonly nowMs: number },
): ShapeTokenHolder | null {
  const [named = '', payloadText = '', signatureText = ''] = token.split('.')
  const payload = Buffer.from(payloadText, 'base64url')
  const signature = Buffer.from(signatureText, 'base64url')
  if (!verifySignature(trust.key, preAuthEncoding(TOKEN_TYPE, payload), signature)) return null
  const claim = v.safeParse(ShapeClaimSchema, JSON.parse(payload.toString('utf8')))
  if (!claim.success) return null
  const { tenant, device, issuedAtMs } = claim.output
  const ageMs = trust.nowMs - issuedAtMs
  if (ageMs > SHAPE_TOKEN_VALID_MS + CLOCK_SKEW_MS || ageMs < -CLOCK_SKEW_MS) return null
  return tenant === trust.tenant && device === named ? { tenant, device } : null
}
