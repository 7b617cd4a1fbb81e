/**
 * Enrolment: a device that made its own keys shows a one-time token and proves that it holds them; the centre answers with
 * everything that the device must trust and everything that it may say. No private key ever travels.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../canonical.ts'
import { FabricTrustSchema, UserKeySchema } from '../fabric/credentials.ts'
import { ENVIRONMENTS } from '../kernel/contract.ts'
import { EnvelopeSchema, preAuthEncoding } from '../signing/envelope.ts'
import { RootTextSchema } from './repository.ts'

export const ENROL_PATH = '/api/enrol'
const PROOF_TYPE = 'application/vnd.starling.enrolment.v1+json'

const Name = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/))
/** 32 raw bytes of Ed25519, base64url. */
const KeyText = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/))
const Jwt = v.pipe(v.string(), v.maxLength(20_000))

const ClaimSchema = v.strictObject({
  v: v.literal(1),
  /** 256 random bits, base64url: good once, for this device at this site, for a while. */
  token: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'a token has 43 letters, digits, - or _')),
  device: Name,
  site: Name,
  /** The device's identity: it signs journals. */
  publicKey: KeyText,
  /** NATS user keys, of the device and of its site's leaf server. */
  userKey: UserKeySchema,
  leafKey: UserKeySchema,
})
export type EnrolClaim = v.InferOutput<typeof ClaimSchema>

export const EnrolRequestSchema = v.strictObject({
  claim: ClaimSchema,
  /** Ed25519 under `publicKey` over {@link proofBytes}; base64. */
  proof: v.pipe(v.string(), v.maxLength(100)),
})
export type EnrolRequest = v.InferOutput<typeof EnrolRequestSchema>

export const EnrolAnswerSchema = v.strictObject({
  v: v.literal(1),
  tenant: Name,
  environment: v.picklist(ENVIRONMENTS),
  device: Name,
  site: Name,
  /** Where the site's leaf connects: `nats-leaf://127.0.0.1:7423`. */
  leafUrl: v.pipe(v.string(), v.maxLength(500)),
  deviceJwt: Jwt,
  leafJwt: Jwt,
  trust: FabricTrustSchema,
  /** Whose signatures the device believes, and about what. */
  keys: v.strictObject({
    release: v.pipe(v.array(KeyText), v.minLength(1), v.maxLength(8)),
    policy: v.pipe(v.array(KeyText), v.minLength(1), v.maxLength(8)),
    receipt: KeyText,
  }),
  policy: EnvelopeSchema,
  /** The first roots of both repositories; absent where the centre has none, and in identities from before them. */
  roots: v.exactOptional(v.strictObject({ image: RootTextSchema, director: RootTextSchema })),
})
export type EnrolAnswer = v.InferOutput<typeof EnrolAnswerSchema>

/** What the device signs to prove that it holds its key. */
export function proofBytes(claim: EnrolClaim): Uint8Array {
  return preAuthEncoding(PROOF_TYPE, canonicalBytes(claim))
}
