import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BadKey } from '../../../shared/signing/ed25519.ts'
import { generateSigningKey, loadSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import {
  loadEcdsaP256,
  loadEd25519,
  loadRsaPss,
  type VerificationKey,
} from '../../../shared/signing/verification-key.ts'

const message = Buffer.from('what is signed')
const LOADERS = {
  ed25519: loadEd25519,
  'ecdsa-sha2-nistp256': loadEcdsaP256,
  'rsassa-pss-sha256': loadRsaPss,
} as const

describe.each(Object.keys(LOADERS) as (keyof typeof LOADERS)[])('%s', (scheme) => {
  const key: SigningKey = generateSigningKey(scheme)
  const verifier: VerificationKey = LOADERS[scheme](key.publicText)

  it('verifies what its other half signed, and nothing else', () => {
    const signature = key.sign(message)
    expect(verifier.verifies(message, signature)).toBe(true)
    expect(verifier.verifies(Buffer.from('what is signee'), signature)).toBe(false)
    expect(verifier.verifies(message, generateSigningKey(scheme).sign(message))).toBe(false)
    for (const damaged of [
      new Uint8Array(),
      signature.subarray(1),
      Buffer.alloc(64),
      Buffer.alloc(4096, 0x30),
    ])
      expect(verifier.verifies(message, damaged)).toBe(false)
  })

  it('comes back from its PEM as the same key', () => {
    const again = loadSigningKey(key.secretPem())
    expect(again.publicText).toBe(key.publicText)
    expect(again.scheme).toBe(scheme)
    expect(verifier.verifies(message, again.sign(message))).toBe(true)
  })

  it('has one identity, however its text is laid out', () => {
    const relaid =
      scheme === 'ed25519' ? key.publicText.toUpperCase() : `\n${key.publicText.replaceAll('\n', '\r\n')}\n`
    expect(LOADERS[scheme](relaid).identity).toBe(verifier.identity)
  })
})

describe('a key of another kind is refused', () => {
  const pemOf = (key: { publicKey: { export(o: { format: 'pem'; type: 'spki' }): unknown } }): string =>
    String(key.publicKey.export({ format: 'pem', type: 'spki' }))
  const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 })

  it('another curve, a short modulus, a private key', () => {
    expect(() => loadEcdsaP256(pemOf(p384))).toThrow(BadKey)
    expect(() => loadRsaPss(pemOf(shortRsa))).toThrow(BadKey)
    expect(() => loadEcdsaP256(generateSigningKey('ecdsa-sha2-nistp256').secretPem())).toThrow(BadKey)
    expect(() => loadEd25519('00')).toThrow(BadKey)
    expect(() => loadEd25519(`01${'00'.repeat(31)}`)).toThrow(/small order/)
    expect(() => loadSigningKey(String(p384.privateKey.export({ format: 'pem', type: 'pkcs8' })))).toThrow(
      BadKey,
    )
    expect(() => loadSigningKey('nonsense')).toThrow(BadKey)
  })
})
