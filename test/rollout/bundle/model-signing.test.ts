/** Held against the verifier that Sigstore itself publishes. */
import { createPublicKey } from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity, Verifier } from '@sigstore/verify'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { measuredFile } from '../../../rollout/bundle/compose.ts'
import {
  modelSignatureFault,
  modelSigningPayload,
  sigstoreBundle,
} from '../../../rollout/bundle/model-signing.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { preAuthEncoding } from '../../../shared/signing/envelope.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'

const key = generateSigningKey('ecdsa-sha2-nistp256')
const files = ['model.onnx', 'golden.json', 'sub/card.json'].map((path) =>
  measuredFile(path, Buffer.from(`the bytes of ${path}`)),
)
const signed = (payload = modelSigningPayload('speech', files), by: SigningKey = key): JsonObject =>
  sigstoreBundle(payload, {
    signature: by.sign(preAuthEncoding('application/vnd.in-toto+json', payload)),
    publicPem: by.publicText,
  })

function sigstoreVerifies(bundle: JsonObject, pem = key.publicText): boolean {
  const verifier = new Verifier(
    {
      certificateAuthorities: [],
      timestampAuthorities: [],
      tlogs: [],
      ctlogs: [],
      publicKey: (hint) => {
        if (hint !== sha256Hex(pem)) throw new Error(`no key ${hint}`)
        return { publicKey: createPublicKey(pem), validFor: () => true }
      },
    },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  )
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)))
    return true
  } catch {
    return false
  }
}

describe('an OpenSSF model signature', () => {
  it('is accepted by Sigstore’s own verifier, and by ours', () => {
    expect(sigstoreVerifies(signed())).toBe(true)
    expect(modelSignatureFault(signed(), files, [key.publicText])).toBeNull()
  })

  it('lists every file in order of name, under a root digest over their digests', () => {
    const statement = JSON.parse(new TextDecoder().decode(modelSigningPayload('speech', files))) as {
      subject: { name: string; digest: { sha256: string } }[]
      predicateType: string
      predicate: { resources: { name: string; digest: string; algorithm: string }[] }
    }
    expect(statement.predicateType).toBe('https://model_signing/signature/v1.0')
    const { resources } = statement.predicate
    expect(resources.map(({ name }) => name)).toEqual(['golden.json', 'model.onnx', 'sub/card.json'])
    const root = sha256Hex(Buffer.from(resources.map(({ digest }) => digest).join(''), 'hex'))
    expect(statement.subject).toEqual([{ name: 'speech', digest: { sha256: root } }])
  })

  it('is refused by both under another key, and with any bit of the payload or the signature turned', () => {
    const other = generateSigningKey('ecdsa-sha2-nistp256')
    expect(sigstoreVerifies(signed(undefined, other))).toBe(false)
    expect(modelSignatureFault(signed(undefined, other), files, [key.publicText])).toMatch(/not trusted/)
    const good = signed() as never as {
      dsseEnvelope: { payload: string; signatures: { sig: string; keyid: string }[] }
    }
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 7 }), (inPayload, at, bit) => {
        const bad = structuredClone(good)
        const [signature] = bad.dsseEnvelope.signatures
        if (signature === undefined) throw new Error('it is not signed')
        const text = inPayload ? bad.dsseEnvelope.payload : signature.sig
        const bytes = Buffer.from(text, 'base64')
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit)
        if (inPayload) bad.dsseEnvelope.payload = bytes.toString('base64')
        else signature.sig = bytes.toString('base64')
        expect(modelSignatureFault(bad, files, [key.publicText])).not.toBeNull()
        expect(sigstoreVerifies(bad as never)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    [
      'a changed file',
      [...files.slice(1), measuredFile('model.onnx', Buffer.from('other'))],
      /bytes of model/,
    ],
    ['a file more', [...files, measuredFile('more.txt', Buffer.from('x'))], /bytes of more/],
    ['a file less', files.slice(1), /does not hold/],
  ])('does not hold for %s', (_name, held, why) => {
    expect(modelSignatureFault(signed(), held, [key.publicText])).toMatch(why)
  })

  it.each([[null], [{}], ['text'], [{ ...signed(), mediaType: 'application/json' }]])(
    'is no signature when it is %j',
    (value) => {
      expect(modelSignatureFault(value, files, [key.publicText])).toMatch(/no Sigstore bundle/)
    },
  )
})
