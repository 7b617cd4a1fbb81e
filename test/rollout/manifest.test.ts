import { describe, expect, it } from 'vitest'
import { contentDigest, verifyManifest, type InstallGround } from '../../rollout/manifest.ts'
import { compareVersions } from '../../rollout/version.ts'
import { canonicalBytes } from '../../shared/canonical.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { signEnvelope } from '../../shared/signing/envelope.ts'
import { BUNDLE_PAYLOAD_TYPE, type BundleManifest } from '../../shared/wire/bundle.ts'
import { DEVICE_METRICS } from '../../shared/wire/metric-contract.ts'
import { wholeManifest } from '../support/whole-bundle.ts'

const key = generateKeyPair()
const other = generateKeyPair()
const now = Date.parse('2026-11-21T00:00:00.000Z')
const ground: InstallGround = {
  releaseKeys: [key.publicKey],
  threshold: 1,
  environment: 'development',
  nowMs: now,
  runtimeVersion: '0.1.0',
  name: 'models',
  installed: null,
}
const file = (path: string, role: 'model' | 'golden' = 'model'): BundleManifest['files'][number] => ({
  path,
  sizeBytes: 3,
  sha256: sha256Hex('abc'),
  role,
  chunks: [sha256Hex('abc')],
})
const manifest = (change: JsonObject = {}): JsonObject => ({
  ...wholeManifest([file('speech/model.onnx'), file('speech/golden.json', 'golden')]),
  version: '1.2.0',
  golden: ['speech/golden.json'],
  createdAt: '2026-11-20T00:00:00.000Z',
  expiresAt: '2027-11-20T00:00:00.000Z',
  ...change,
})
const signed = (value: JsonObject, signer = key): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(signEnvelope(BUNDLE_PAYLOAD_TYPE, canonicalBytes(value), [signer])))
const reasonOf = (bytes: Uint8Array, on: Partial<InstallGround> = {}): string => {
  const verdict = verifyManifest(bytes, { ...ground, ...on })
  return verdict.kind === 'refused' ? verdict.reason : verdict.kind
}

describe('the verdict on a manifest', () => {
  it('accepts what a release key signed for this environment', () => {
    const bytes = signed(manifest())
    expect(verifyManifest(bytes, ground)).toMatchObject({
      kind: 'accepted',
      envelopeSha256: sha256Hex(bytes),
      manifest: { version: '1.2.0' },
    })
  })

  it('refuses a signature by another key, and one changed byte of the payload', () => {
    expect(reasonOf(signed(manifest(), other))).toBe('not_signed')
    const envelope = JSON.parse(new TextDecoder().decode(signed(manifest()))) as { payload: string }
    const payload = Buffer.from(envelope.payload, 'base64').toString().replace('1.2.0', '1.3.0')
    const tampered = { ...envelope, payload: Buffer.from(payload).toString('base64') }
    expect(reasonOf(new TextEncoder().encode(JSON.stringify(tampered)))).toBe('not_signed')
  })

  it('refuses what is signed as something else', () => {
    const envelope = signEnvelope('application/other', canonicalBytes(manifest()), [key])
    expect(reasonOf(new TextEncoder().encode(JSON.stringify(envelope)))).toBe('not_signed')
  })

  it.each([
    ['not JSON', new TextEncoder().encode('{'), 'not_signed'],
    ['not UTF-8', new Uint8Array([0xff, 0xfe]), 'not_signed'],
    ['empty', new Uint8Array(), 'not_signed'],
    ['too large', new Uint8Array(300_000), 'oversize'],
    ['an unknown field', signed(manifest({ extra: 1 })), 'malformed'],
    ['an unknown version of the format', signed(manifest({ v: 1 })), 'malformed'],
    ['a golden file that is not in it', signed(manifest({ golden: ['speech/none.json'] })), 'malformed'],
    ['another environment', signed(manifest({ environment: 'production' })), 'foreign_environment'],
    ['another name', signed(manifest({ name: 'others' })), 'other_bundle'],
    ['an expired one', signed(manifest({ expiresAt: '2026-11-21T00:00:00.000Z' })), 'expired'],
    ['a newer runtime', signed(manifest({ minimalRuntime: '0.2.0' })), 'runtime_too_old'],
  ])('refuses %s', (_name, bytes, reason) => {
    expect(reasonOf(bytes)).toBe(reason)
  })

  const without = (role: string): JsonObject => {
    const { files } = wholeManifest([file('speech/model.onnx')])
    return manifest({ files: files.filter((one) => one.role !== role), golden: ['golden.json'] })
  }
  const { card } = wholeManifest([])
  it.each([
    ['no provenance', without('provenance'), 'without_provenance'],
    ['no evaluation', without('evaluation'), 'without_evaluation'],
    ['no bill of materials', without('bom'), 'without_bom'],
    ['no golden inputs', manifest({ golden: [] }), 'without_golden'],
    ['no licence', manifest({ card: { ...card, licence: 'NOASSERTION' } }), 'without_licence'],
    ['a licence in prose', manifest({ card: { ...card, licence: 'as its file' } }), 'without_licence'],
    ['no metric contract', manifest({ metrics: [] }), 'without_metrics'],
    ['no quality of its own', manifest({ metrics: [...DEVICE_METRICS] }), 'without_metrics'],
  ])('refuses what was signed with %s', (_name, value, reason) => {
    expect(reasonOf(signed(value))).toBe(reason)
  })

  it('refuses a contract that was left out altogether, and a payload that is not canonical', () => {
    const { metrics: _metrics, ...rest } = manifest()
    expect(reasonOf(signed(rest))).toBe('without_metrics')
    const loose = signEnvelope(BUNDLE_PAYLOAD_TYPE, Buffer.from(JSON.stringify(manifest(), null, 1)), [key])
    expect(reasonOf(new TextEncoder().encode(JSON.stringify(loose)))).toBe('malformed')
  })

  it.each(['../escape', '/absolute', 'a/../../b', 'a//b', './a', 'a\\b', '.hidden', 'a/.', 'con\u0000', ''])(
    'refuses the path %j',
    (path) => {
      expect(reasonOf(signed(manifest({ files: [file(path) as unknown as JsonObject], golden: [] })))).toBe(
        'malformed',
      )
    },
  )

  it.each([[['a/b', 'a/b']], [['a/b', 'A/B']], [['a', 'a/b']], [['x/y/z', 'x']]])(
    'refuses files that collide: %j',
    (paths) => {
      const files = paths.map((path) => file(path) as unknown as JsonObject)
      expect(reasonOf(signed(manifest({ files, golden: [] })))).toBe('unsafe_paths')
    },
  )

  it('refuses an older version than the installed one, and the same one with other content', () => {
    const bytes = signed(manifest())
    const installed = { version: '1.2.1', envelopeSha256: 'b'.repeat(64) }
    expect(reasonOf(bytes, { installed })).toBe('version_rollback')
    expect(reasonOf(bytes, { installed: { ...installed, version: '1.2.0' } })).toBe('version_reused')
    expect(reasonOf(bytes, { installed: { version: '1.2.0', envelopeSha256: sha256Hex(bytes) } })).toBe(
      'accepted',
    )
    expect(reasonOf(bytes, { installed: { ...installed, version: '1.1.9' } })).toBe('accepted')
  })

  it('orders versions by number, not by text', () => {
    expect(compareVersions('1.10.0', '1.9.9')).toBeGreaterThan(0)
    expect(compareVersions('2.0.0', '2.0.0')).toBe(0)
  })

  it('names the same content alike whenever it was made', () => {
    const left = manifest() as unknown as BundleManifest
    expect(contentDigest({ ...left, createdAt: '2020-01-01T00:00:00.000Z', version: '9.0.0' })).toBe(
      contentDigest(left),
    )
  })
})
