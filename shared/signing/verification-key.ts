/**
 * Public keys of the three kinds that TUF names, each as one function that says whether a signature holds. Only what is
 * asked for is accepted: an RSA key under the name of ECDSA, another curve, or a short RSA modulus is a bad key.
 */
import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto'
import { sha256Hex } from '../digest.ts'
import { BadKey, loadPublicKey, verifySignature } from './ed25519.ts'

export interface VerificationKey {
  /** SHA-256 of the key's SubjectPublicKeyInfo: one key has one identity, however it is written or called. */
  readonly identity: string
  verifies(message: Uint8Array, signature: Uint8Array): boolean
}

/** Below this a modulus counts as broken (NIST SP 800-131A). */
const MIN_RSA_BITS = 2048
const PEM_HEADER = '-----BEGIN PUBLIC KEY-----'

/** Loads an Ed25519 key from 64 hex digits. Throws {@link BadKey}. */
export function loadEd25519(hex: string): VerificationKey {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw unusable('an Ed25519 key that is not 64 hex digits')
  const key = loadPublicKey(Buffer.from(hex, 'hex').toString('base64url'))
  return {
    identity: identityOf(key.handle),
    verifies: (message, signature) => verifySignature(key, message, signature),
  }
}

/** Loads an ECDSA key on P-256 from PEM; signatures are DER over SHA-256. Throws {@link BadKey}. */
export function loadEcdsaP256(pem: string): VerificationKey {
  const handle = fromPem(pem)
  if (handle.asymmetricKeyType !== 'ec' || handle.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw unusable('a key that is not ECDSA on P-256')
  return {
    identity: identityOf(handle),
    verifies: (message, signature) => verify('sha256', message, handle, signature),
  }
}

/** Loads an RSA key from PEM for PSS over SHA-256 with any salt length. Throws {@link BadKey}. */
export function loadRsaPss(pem: string): VerificationKey {
  const handle = fromPem(pem)
  if (handle.asymmetricKeyType !== 'rsa' || (handle.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS)
    throw unusable(`a key that is not RSA of at least ${MIN_RSA_BITS} bits`)
  const options = {
    key: handle,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  }
  return {
    identity: identityOf(handle),
    verifies: (message, signature) => verify('sha256', message, options, signature),
  }
}

function fromPem(pem: string): KeyObject {
  // Node would also take a private key or a certificate here.
  if (!pem.trimStart().startsWith(PEM_HEADER)) throw unusable('a key that is no PEM public key')
  try {
    return createPublicKey(pem)
  } catch (cause) {
    throw unusable('a PEM public key that does not parse', cause)
  }
}

function identityOf(handle: KeyObject): string {
  return sha256Hex(handle.export({ format: 'der', type: 'spki' }))
}

function unusable(what: string, cause?: unknown): BadKey {
  return new BadKey(`${what} cannot verify`, {
    remedy: 'Use an Ed25519, ECDSA P-256 or RSA-PSS public key in the form that TUF prescribes.',
    cause,
  })
}
