import nacl from 'tweetnacl'
import { describe, expect, it } from 'vitest'
import {
  BadKey,
  generateKeyPair,
  loadKeyPair,
  loadPublicKey,
  verifySignature,
} from '../../../shared/signing/ed25519.ts'
import { BadEnvelope, openEnvelope, signEnvelope } from '../../../shared/signing/envelope.ts'

const message = new TextEncoder().encode('pump seven')

describe('Ed25519', () => {
  it('agrees with tweetnacl, in both directions', () => {
    const pair = generateKeyPair()
    const seed = Buffer.from(pair.seedText, 'base64url')
    const peer = nacl.sign.keyPair.fromSeed(seed)
    expect(Buffer.from(peer.publicKey).toString('base64url')).toBe(pair.publicKey.text)
    expect(nacl.sign.detached.verify(message, new Uint8Array(pair.sign(message)), peer.publicKey)).toBe(true)
    expect(verifySignature(pair.publicKey, message, nacl.sign.detached(message, peer.secretKey))).toBe(true)
  })

  it('refuses a malleated signature, which tweetnacl accepts', () => {
    const pair = generateKeyPair()
    const signature = new Uint8Array(pair.sign(message))
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    let s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order
    for (let index = 32; index < 64; index++) {
      signature[index] = Number(s & 0xffn)
      s >>= 8n
    }
    const raw = new Uint8Array(Buffer.from(pair.publicKey.text, 'base64url'))
    expect(nacl.sign.detached.verify(message, signature, raw)).toBe(true)
    expect(verifySignature(pair.publicKey, message, signature)).toBe(false)
  })

  it('refuses public keys of small order and of wrong length', () => {
    expect(() => loadPublicKey(Buffer.alloc(32).toString('base64url'))).toThrow(BadKey)
    const identity = Buffer.alloc(32)
    identity[0] = 1
    identity[31] = 0x80
    expect(() => loadPublicKey(identity.toString('base64url'))).toThrow(BadKey)
    expect(() => loadPublicKey('AAAA')).toThrow(BadKey)
    expect(() => loadKeyPair('AAAA')).toThrow(BadKey)
  })
})

describe('the signing envelope', () => {
  const signer = generateKeyPair()
  const trust = { payloadType: 'test/one', keys: [signer.publicKey], threshold: 1 }

  it('gives back the signed bytes', () => {
    expect(Buffer.from(openEnvelope(signEnvelope('test/one', message, [signer]), trust))).toEqual(
      Buffer.from(message),
    )
  })

  it('refuses another type, a flipped byte, a stranger, and one key counted twice', () => {
    const good = signEnvelope('test/one', message, [signer])
    expect(() => openEnvelope(signEnvelope('test/two', message, [signer]), trust)).toThrow(BadEnvelope)
    expect(() =>
      openEnvelope({ ...good, payload: Buffer.from('pump eight').toString('base64') }, trust),
    ).toThrow(BadEnvelope)
    expect(() => openEnvelope(signEnvelope('test/one', message, [generateKeyPair()]), trust)).toThrow(
      BadEnvelope,
    )
    expect(() =>
      openEnvelope(signEnvelope('test/one', message, [signer, signer]), { ...trust, threshold: 2 }),
    ).toThrow(BadEnvelope)
    expect(() => openEnvelope(null, trust)).toThrow(BadEnvelope)
  })
})
