/**
 * Whether a signed manifest may be installed. Signature first, then shape, then meaning: bytes that nobody trusted signed
 * are never parsed (shared/signing/envelope.ts), and each refusal names the attack or the mistake that it stops.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../shared/canonical.ts'
import { digestOf, sha256Hex } from '../shared/digest.ts'
import type { Sha256Hex } from '../shared/ids.ts'
import type { Json } from '../shared/json.ts'
import type { Environment } from '../shared/kernel/contract.ts'
import type { PublicKey } from '../shared/signing/ed25519.ts'
import { BadEnvelope, openEnvelope } from '../shared/signing/envelope.ts'
import {
  BUNDLE_PAYLOAD_TYPE,
  BundleManifestSchema,
  CHUNK_SIZE_BYTES,
  MAX_BUNDLE_BYTES,
  MAX_MANIFEST_ENVELOPE_BYTES,
  type BundleManifest,
} from '../shared/wire/bundle.ts'
import { describeIssues } from '../shared/wire/answer.ts'
import { contractFault } from '../shared/wire/metric-contract.ts'
import { isLicence } from './bundle/licence.ts'
import { compareVersions } from './version.ts'

export const MANIFEST_REFUSALS = [
  'oversize',
  'not_signed',
  'malformed',
  'unsafe_paths',
  'without_provenance',
  'without_licence',
  'without_golden',
  'without_metrics',
  'without_evaluation',
  'without_bom',
  'foreign_environment',
  'expired',
  'runtime_too_old',
  'version_rollback',
  'version_reused',
  'other_bundle',
] as const
export type ManifestRefusal = (typeof MANIFEST_REFUSALS)[number]

export type ManifestVerdict =
  | { readonly kind: 'accepted'; readonly manifest: BundleManifest; readonly envelopeSha256: Sha256Hex }
  | { readonly kind: 'refused'; readonly reason: ManifestRefusal; readonly detail: string }

/** What the device knows by itself, against which a manifest is held. */
export interface InstallGround {
  readonly releaseKeys: readonly PublicKey[]
  readonly threshold: number
  readonly environment: Environment
  readonly nowMs: number
  readonly runtimeVersion: string
  /** The bundle's name that was asked for; null takes any. */
  readonly name: string | null
  /** What is committed now under that name. */
  readonly installed: { readonly version: string; readonly envelopeSha256: string } | null
}

/** Verifies the bytes of a DSSE envelope against what the device knows. Never throws for a bad envelope. */
export function verifyManifest(envelopeBytes: Uint8Array, ground: InstallGround): ManifestVerdict {
  if (envelopeBytes.length > MAX_MANIFEST_ENVELOPE_BYTES)
    return refuse('oversize', `the envelope has ${envelopeBytes.length} bytes`)
  const opened = openManifest(envelopeBytes, ground)
  if (opened.kind === 'refused') return opened
  const { manifest } = opened
  const envelopeSha256 = sha256Hex(envelopeBytes)
  // A development bundle is signed by keys that many hold: it must not reach production, nor the other way round.
  if (manifest.environment !== ground.environment)
    return refuse('foreign_environment', `it is for ${manifest.environment}, this is ${ground.environment}`)
  if (ground.name !== null && manifest.name !== ground.name)
    return refuse('other_bundle', `it is ${manifest.name}, not ${ground.name}`)
  // Freeze: an old, once good release must not be offered for ever.
  if (Date.parse(manifest.expiresAt) <= ground.nowMs)
    return refuse('expired', `it expired at ${manifest.expiresAt}`)
  if (compareVersions(ground.runtimeVersion, manifest.minimalRuntime) < 0)
    return refuse('runtime_too_old', `it needs ${manifest.minimalRuntime}, this is ${ground.runtimeVersion}`)
  const { installed } = ground
  if (installed !== null) {
    const order = compareVersions(manifest.version, installed.version)
    // Rollback: a signed release with a known fault must not come back.
    if (order < 0) return refuse('version_rollback', `${manifest.version} is older than ${installed.version}`)
    if (order === 0 && installed.envelopeSha256 !== envelopeSha256)
      return refuse('version_reused', `${manifest.version} is installed with other content`)
  }
  return { kind: 'accepted', manifest, envelopeSha256 }
}

/** Signature and shape alone: what a publisher checks before it stores a bundle. */
export function openManifest(
  envelopeBytes: Uint8Array,
  trust: { readonly releaseKeys: readonly PublicKey[]; readonly threshold: number },
):
  | { readonly kind: 'opened'; readonly manifest: BundleManifest }
  | Extract<ManifestVerdict, { kind: 'refused' }> {
  let payload: Uint8Array
  try {
    const envelope: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(envelopeBytes))
    payload = openEnvelope(envelope, {
      payloadType: BUNDLE_PAYLOAD_TYPE,
      keys: trust.releaseKeys,
      threshold: trust.threshold,
    })
  } catch (thrown) {
    return refuse('not_signed', thrown instanceof BadEnvelope ? thrown.message : 'it is not JSON in UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return refuse('malformed', 'the payload is not JSON in UTF-8')
  }
  const parsed = v.safeParse(BundleManifestSchema, value)
  if (!parsed.success) return refuse('malformed', describeIssues(parsed.issues))
  // One content, one byte string: what two machines build, sign and compare is the same.
  if (!Buffer.from(payload).equals(canonicalBytes(value as Json)))
    return refuse('malformed', 'the payload is not in canonical form (RFC 8785)')
  const fault = manifestFault(parsed.output) ?? manifestLack(parsed.output)
  return fault === null ? { kind: 'opened', manifest: parsed.output } : fault
}

function manifestFault(manifest: BundleManifest): Extract<ManifestVerdict, { kind: 'refused' }> | null {
  const seen = new Set<string>()
  let totalBytes = 0
  for (const file of manifest.files) {
    // Lower case: two names that differ in case only would be one file on some file systems.
    const path = file.path.toLowerCase()
    if (seen.has(path)) return refuse('unsafe_paths', `${file.path} is named twice`)
    seen.add(path)
    totalBytes += file.sizeBytes
    const pieces = Math.ceil(file.sizeBytes / CHUNK_SIZE_BYTES)
    if (file.chunks.length !== pieces)
      return refuse('malformed', `${file.path} has ${file.chunks.length} pieces, its size makes ${pieces}`)
  }
  for (const path of seen)
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1))
      if (seen.has(path.slice(0, cut)))
        return refuse('unsafe_paths', `${path.slice(0, cut)} is both a file and a folder`)
  if (totalBytes > MAX_BUNDLE_BYTES) return refuse('oversize', `its files have ${totalBytes} bytes together`)
  const golden = new Set(manifest.files.filter(({ role }) => role === 'golden').map(({ path }) => path))
  const missing = manifest.golden.find((path) => !golden.has(path))
  if (missing !== undefined) return refuse('malformed', `the golden file ${missing} is not in it`)
  return null
}

/** What a manifest lacks that a device must not go without, whoever signed it; null for a whole one. */
export function manifestLack(manifest: BundleManifest): Extract<ManifestVerdict, { kind: 'refused' }> | null {
  for (const [role, reason, what] of DOCUMENTS) {
    const held = manifest.files.filter((file) => file.role === role).length
    if (held !== 1) return refuse(reason, `it holds ${held} files of ${what}, not one`)
  }
  if (!isLicence(manifest.card.licence))
    return refuse('without_licence', `"${manifest.card.licence}" is no SPDX expression that names a licence`)
  if (manifest.golden.length === 0)
    return refuse('without_golden', 'it names no golden inputs with what is expected of them')
  const contract = contractFault(manifest.metrics)
  return contract === null ? null : refuse('without_metrics', `its metric contract: ${contract}`)
}

const DOCUMENTS = [
  ['provenance', 'without_provenance', 'provenance'],
  ['evaluation', 'without_evaluation', 'evaluation'],
  ['bom', 'without_bom', 'materials'],
] as const

/** Names a manifest's content apart from when it was made, so that publishing the same files twice changes nothing. */
export function contentDigest(manifest: BundleManifest): Sha256Hex {
  const { name, kind = null, environment, files, golden, card, metrics, minimalRuntime } = manifest
  return digestOf({ name, kind, environment, files, golden, card, metrics, minimalRuntime })
}

function refuse(reason: ManifestRefusal, detail: string): Extract<ManifestVerdict, { kind: 'refused' }> {
  return { kind: 'refused', reason, detail }
}
