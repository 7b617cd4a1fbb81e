/**
 * Ed25519 keys and signatures (RFC 8032).
 *
 * node:crypto signs and verifies; it accepts small-order public keys, under which one signature fits many messages, so
 * such keys are refused when they are loaded. OpenSSL refuses S >= L; the check here keeps that true whatever verifies.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as nodeSign,
  verify as nodeVerify,
  type KeyObject,
} from 'node:crypto'
import { sha256Hex } from '../digest.ts'
import { StarlingError } from '../errors.ts'
import type { Sha256Hex } from '../ids.ts'

export class BadKey extends StarlingError {
  override readonly code = 'bad_key'
}

/** A public key that has passed {@link loadPublicKey}; `id` is the SHA-256 of its 32 raw bytes. */
export interface PublicKey {
  readonly id: Sha256Hex
  /** The 32 raw bytes, base64url without padding. */
  readonly text: string
  readonly handle: KeyObject
}

export interface KeyPair {
  readonly publicKey: PublicKey
  /** The 32-byte seed, base64url: secret, written only to a file of mode 0600. */
  readonly seedText: string
  sign(message: Uint8Array): Uint8Array
}

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** The canonical and non-canonical encodings of the points of order 1, 2, 4 and 8 (the y coordinates; the sign bit is masked). */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

export function generateKeyPair(): KeyPair {
  const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  return loadKeyPair(der.subarray(PKCS8_PREFIX.length).toString('base64url'))
}

/** Loads a key pair from its base64url seed. Throws {@link BadKey}. */
export function loadKeyPair(seedText: string): KeyPair {
  const seed = Buffer.from(seedText, 'base64url')
  if (seed.length !== 32) throw badKey(`a seed of ${seed.length} bytes`)
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: loadPublicKey(spki.subarray(SPKI_PREFIX.length).toString('base64url')),
    seedText,
    sign: (message) => nodeSign(null, message, privateKey),
  }
}

/** Loads a public key from base64url. Throws {@link BadKey} on a wrong length or a small-order point. */
export function loadPublicKey(text: string): PublicKey {
  const raw = Buffer.from(text, 'base64url')
  if (raw.length !== 32) throw badKey(`a public key of ${raw.length} bytes`)
  if (isSmallOrder(raw)) throw badKey('a public key of small order')
  const handle = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, raw]),
    format: 'der',
    type: 'spki',
  })
  return { id: sha256Hex(raw), text: raw.toString('base64url'), handle }
}

/** True for the 32 raw bytes of a point of order 1, 2, 4 or 8, in every encoding. */
export function isSmallOrder(raw: Uint8Array): boolean {
  const y = Buffer.from(raw)
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER_Y.has(y.toString('hex'))
}

/** True only for a 64-byte signature with S < L that verifies under `key`. */
export function verifySignature(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`)
  if (s >= GROUP_ORDER) return false
  return nodeVerify(null, message, key.handle, signature)
}

function badKey(what: string): BadKey {
  return new BadKey(`${what} is no usable Ed25519 key`, {
    remedy: 'Use a key that Starling made: 32 bytes, base64url.',
  })
}
