import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentChecks } from '../../../rollout/bundle/examine.ts'
import { openFolder } from '../../../rollout/bundle/folder.ts'
import {
  signatureChecks,
  signBundle,
  toSign,
  toSignBytes,
  withSignatures,
  type BundleTrust,
  type SignedFiles,
} from '../../../rollout/bundle/signatures.ts'
import { BundleUnfit } from '../../../rollout/bundle/unfit.ts'
import { loadPublicKey } from '../../../shared/signing/ed25519.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { sourceFiles } from '../../support/whole-bundle.ts'

const composing = { name: 'speech', environment: 'production', nowMs: 0 } as const
const bundle = openFolder(sourceFiles(), composing)
const document = toSign(bundle)
const [alice, bob, carol] = [1, 2, 3].map(() => generateSigningKey('ed25519')) as [
  SigningKey,
  SigningKey,
  SigningKey,
]
const model = generateSigningKey('ecdsa-sha2-nistp256')
const publicKeys = [alice, bob, carol].map(({ publicText }) =>
  loadPublicKey(Buffer.from(publicText, 'hex').toString('base64url')),
)
const trust: BundleTrust = { releaseKeys: publicKeys, threshold: 2, modelKeys: [model.publicText] }
const refused = (signed: SignedFiles, by = trust, of = bundle): readonly string[] =>
  signatureChecks(of, signed, by).flatMap(({ check, fault }) => (fault === null ? [] : [check]))
const ALL = ['manifest signature', 'provenance signature', 'evaluation signature', 'model signature']

describe('the signatures of a bundle', () => {
  it('hold when as many as the threshold asks for signed, each on a machine of its own, in any order', () => {
    const [a, b, m] = [alice, bob, model].map((key) => signBundle(document, key)) as [never, never, never]
    expect(refused(withSignatures(document, [a, b, m]))).toEqual([])
    const later = withSignatures(document, [m], withSignatures(document, [b], withSignatures(document, [a])))
    expect(refused(later)).toEqual([])
    expect(refused(withSignatures(document, [b], later))).toEqual([])
  })

  it('do not hold under the threshold, with one key twice, by strangers, or without the model’s key', () => {
    const by = (...keys: SigningKey[]): SignedFiles =>
      withSignatures(
        document,
        keys.map((key) => signBundle(document, key)),
      )
    const three = ALL.slice(0, 3)
    expect(refused(by(alice, model))).toEqual(three)
    expect(refused(by(alice, alice, model))).toEqual(three)
    expect(refused(by(alice, generateSigningKey('ed25519'), model))).toEqual(three)
    expect(refused(by(alice, bob))).toEqual(['model signature'])
    expect(refused(by(alice, bob, generateSigningKey('ecdsa-sha2-nistp256')))).toEqual(['model signature'])
    expect(refused(new Map())).toEqual(ALL)
  })

  it('are of this bundle alone: another version, another model, another environment has none', () => {
    const signed = withSignatures(
      document,
      [alice, bob, model].map((key) => signBundle(document, key)),
    )
    for (const other of [
      openFolder(sourceFiles({ 'model.onnx': 'other' }), composing),
      openFolder(sourceFiles(), { ...composing, environment: 'development' }),
      openFolder(sourceFiles(), { ...composing, name: 'intent' }),
    ])
      expect(refused(signed, trust, other)).toContain('manifest signature')
    const elsewhere = toSign(openFolder(sourceFiles({ 'model.onnx': 'other' }), composing))
    expect(() => withSignatures(elsewhere, [signBundle(document, alice)])).toThrow(/a signature is over/)
  })

  it('are made without the model, and never by an RSA key', () => {
    const carried = JSON.parse(JSON.stringify(document)) as typeof document
    expect(signBundle(carried, alice).over).toBe(signBundle(document, bob).over)
    expect(JSON.stringify(document)).not.toContain(Buffer.from('a model').toString('base64'))
    expect(() => signBundle(document, generateSigningKey('rsassa-pss-sha256'))).toThrow(/not by RSA/)
  })

  it('leave no byte of the folder that could be changed unseen', () => {
    const keys = [alice, bob, model].map((key) => signBundle(document, key))
    const folder = new Map([
      ...bundle.files,
      ['manifest.json', bundle.payload],
      ['to-sign.json', toSignBytes(document)],
      ...withSignatures(document, keys),
    ])
    const holding = (files: ReadonlyMap<string, Uint8Array>): boolean => {
      try {
        const opened = openFolder(files, composing)
        const checks = [
          ...signatureChecks(opened, files, trust),
          ...contentChecks(opened.manifest, opened.held),
        ]
        return checks.every(({ fault }) => fault === null)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(BundleUnfit)
        return false
      }
    }
    expect(holding(folder)).toBe(true)
    const places = [...folder.keys()]
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (file, byte, change) => {
        const path = places[file % places.length] ?? ''
        const bytes = Buffer.from(folder.get(path) ?? [])
        const at = byte % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ change
        expect([path, at, holding(new Map([...folder, [path, bytes]]))]).toEqual([path, at, false])
      }),
      { numRuns: 600 },
    )
  })
})
