/** Private keys of the three kinds that TUF names; the public half is written as TUF's `keyval` has it. */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { BadKey } from './ed25519.ts'

/** TUF's names (spec 1.0.34, section 4.2). */
export type KeyScheme = 'ed25519' | 'ecdsa-sha2-nistp256' | 'rsassa-pss-sha256'

export interface SigningKey {
  readonly keytype: 'ed25519' | 'ecdsa' | 'rsa'
  readonly scheme: KeyScheme
  /** 64 hex digits for Ed25519, PEM for the others. */
  readonly publicText: string
  sign(message: Uint8Array): Uint8Array
  /** PKCS #8 in PEM: secret, written only to a file of mode 0600. */
  secretPem(): string
}

const RSA_BITS = 3072
const RAW_ED25519_BYTES = 32

export function generateSigningKey(scheme: KeyScheme): SigningKey {
  return fromHandle(generate(scheme))
}

/** Loads a private key from PKCS #8 PEM. Throws {@link BadKey} on any other kind. */
export function loadSigningKey(pem: string): SigningKey {
  let handle: KeyObject
  try {
    handle = createPrivateKey(pem)
  } catch (cause) {
    throw unusable('a PEM private key that does not parse', cause)
  }
  return fromHandle(handle)
}

function generate(scheme: KeyScheme): KeyObject {
  if (scheme === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (scheme === 'ecdsa-sha2-nistp256')
    return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  return generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey
}

function fromHandle(handle: KeyObject): SigningKey {
  const publicKey = createPublicKey(handle)
  const common = { secretPem: () => String(handle.export({ format: 'pem', type: 'pkcs8' })) }
  const pem = String(publicKey.export({ format: 'pem', type: 'spki' }))
  if (handle.asymmetricKeyType === 'ed25519') {
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-RAW_ED25519_BYTES)
    return {
      ...common,
      keytype: 'ed25519',
      scheme: 'ed25519',
      publicText: raw.toString('hex'),
      sign: (message) => sign(null, message, handle),
    }
  }
  if (handle.asymmetricKeyType === 'ec' && handle.asymmetricKeyDetails?.namedCurve === 'prime256v1')
    return {
      ...common,
      keytype: 'ecdsa',
      scheme: 'ecdsa-sha2-nistp256',
      publicText: pem,
      sign: (message) => sign('sha256', message, handle),
    }
  if (handle.asymmetricKeyType === 'rsa')
    return {
      ...common,
      keytype: 'rsa',
      scheme: 'rsassa-pss-sha256',
      publicText: pem,
      sign: (message) =>
        sign('sha256', message, {
          key: handle,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }),
    }
  throw unusable(`a ${handle.asymmetricKeyType ?? 'nameless'} key`)
}

function unusable(what: string, cause?: unknown): BadKey {
  return new BadKey(`${what} cannot sign TUF metadata`, {
    remedy: 'Use a key that starling keys made: Ed25519, ECDSA P-256 or RSA, in PKCS #8.',
    cause,
  })
}
