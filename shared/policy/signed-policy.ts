/** A policy as it travels and lies on the disk: a DSSE envelope. It is verified before it is parsed, and never goes back. */
import * as v from 'valibot'
import { sha256Hex } from '../digest.ts'
import { StarlingError } from '../errors.ts'
import type { Sha256Hex } from '../ids.ts'
import type { Environment } from '../kernel/contract.ts'
import type { KeyPair, PublicKey } from '../signing/ed25519.ts'
import { openEnvelope, signEnvelope, type Envelope } from '../signing/envelope.ts'
import { decodeJson, MalformedMessage } from '../wire/answer.ts'
import { POLICY_PAYLOAD_TYPE, PolicySchema, type PolicyDocument } from './policy.ts'

export class PolicyRefused extends StarlingError {
  override readonly code = 'policy_refused'
}

/** A document that was signed by who may sign it. */
export interface SignedPolicy {
  readonly document: PolicyDocument
  /** SHA-256 of the signed bytes. */
  readonly digest: Sha256Hex
  readonly envelope: Envelope
}

/** The bytes that are signed: one document has one form, whatever the order of its fields in a file. */
function policyBytes(document: v.InferInput<typeof PolicySchema>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(v.parse(PolicySchema, document)))
}

/** SHA-256 of the bytes that are signed, by which people approve a policy before it is. */
export function policyDigest(document: v.InferInput<typeof PolicySchema>): Sha256Hex {
  return sha256Hex(policyBytes(document))
}

export function signPolicy(document: PolicyDocument, keys: readonly KeyPair[]): Envelope {
  return signEnvelope(POLICY_PAYLOAD_TYPE, policyBytes(document), keys)
}

/**
 * Opens a policy. Throws `BadEnvelope` when the signatures do not hold, {@link PolicyRefused} when it is for another
 * environment, older than `held`, or no policy at all.
 */
export function openPolicy(
  envelope: unknown,
  trust: {
    readonly keys: readonly PublicKey[]
    readonly environment: Environment
    /** What is in force; a lower version is refused, the same version only with the same bytes. */
    readonly held: SignedPolicy | null
  },
): SignedPolicy {
  const bytes = openEnvelope(envelope, { payloadType: POLICY_PAYLOAD_TYPE, keys: trust.keys, threshold: 1 })
  const digest = sha256Hex(bytes)
  const document = parse(bytes)
  if (document.environment !== trust.environment)
    throw refused(`it is for ${document.environment}, and this is ${trust.environment}`)
  if (Date.parse(document.expiresAt) <= Date.parse(document.validFrom))
    throw refused('it ends before it begins')
  const { held } = trust
  if (held !== null && document.version < held.document.version)
    throw refused(`its version ${document.version} is older than ${held.document.version}, which is in force`)
  if (held !== null && document.version === held.document.version && digest !== held.digest)
    throw refused(`it is another document under the version ${document.version}, which is in force`)
  // openEnvelope has checked the shape.
  return { document, digest, envelope: envelope as Envelope }
}

function parse(bytes: Uint8Array): PolicyDocument {
  try {
    return decodeJson(PolicySchema, bytes)
  } catch (thrown) {
    throw thrown instanceof MalformedMessage ? refused(thrown.message) : thrown
  }
}

function refused(why: string): PolicyRefused {
  return new PolicyRefused(`the policy is refused: ${why}`, {
    remedy: 'Sign and publish a policy with a higher version for this environment.',
  })
}
