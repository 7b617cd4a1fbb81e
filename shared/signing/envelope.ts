/**
 * DSSE, the signing envelope of in-toto (github.com/secure-systems-lab/dsse, protocol.md): what is signed is the type
 * and the payload's bytes together, so that bytes signed for one purpose never verify for another, and the payload is
 * verified BEFORE it is parsed.
 */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { verifySignature, type KeyPair, type PublicKey } from './ed25519.ts'

export const EnvelopeSchema = v.strictObject({
  payloadType: v.pipe(v.string(), v.maxLength(120)),
  /** base64 */
  payload: v.pipe(v.string(), v.maxLength(8_000_000)),
  signatures: v.pipe(
    v.array(v.strictObject({ keyid: v.string(), sig: v.pipe(v.string(), v.maxLength(100)) })),
    v.minLength(1),
    v.maxLength(16),
  ),
})
export type Envelope = v.InferOutput<typeof EnvelopeSchema>

export class BadEnvelope extends StarlingError {
  override readonly code = 'bad_envelope'
}

/** DSSE pre-authentication encoding. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8')
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ])
}

export function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signers: readonly KeyPair[],
): Envelope {
  const message = preAuthEncoding(payloadType, payload)
  return {
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: signers.map((signer) => ({
      keyid: signer.publicKey.id,
      sig: Buffer.from(signer.sign(message)).toString('base64'),
    })),
  }
}

/**
 * Returns the payload's bytes when at least `threshold` distinct trusted keys signed them as `payloadType`.
 * Throws {@link BadEnvelope} otherwise; a repeated key counts once.
 */
export function openEnvelope(
  value: unknown,
  trust: { payloadType: string; keys: readonly PublicKey[]; threshold: number },
): Uint8Array {
  const parsed = v.safeParse(EnvelopeSchema, value)
  if (!parsed.success) throw refused('it is not a signed envelope')
  const envelope = parsed.output
  if (envelope.payloadType !== trust.payloadType)
    throw refused(`it is a ${envelope.payloadType}, not a ${trust.payloadType}`)
  const payload = Buffer.from(envelope.payload, 'base64')
  const message = preAuthEncoding(envelope.payloadType, payload)
  const signedBy = new Set<string>()
  for (const { keyid, sig } of envelope.signatures) {
    const key = trust.keys.find((candidate) => candidate.id === keyid)
    if (key && verifySignature(key, message, Buffer.from(sig, 'base64'))) signedBy.add(key.id)
  }
  if (trust.threshold < 1 || signedBy.size < trust.threshold)
    throw refused(`${signedBy.size} of ${trust.threshold} trusted signatures hold`)
  return payload
}

function refused(why: string): BadEnvelope {
  return new BadEnvelope(`the envelope is refused: ${why}`, {
    remedy: 'Fetch it again; if it is refused again, whoever sent it does not hold a trusted key.',
  })
}
