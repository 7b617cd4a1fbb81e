/**
 * Publishing a bundle: it is composed or taken as built, held against itself and against what runs, signed, and kept with its
 * signed statements as content. One version is one content for ever.
 */
import * as v from 'valibot'
import { canonicalText } from '../../shared/canonical.ts'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { Environment, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import type { SigningKey } from '../../shared/signing/signing-key.ts'
import { BundleManifestSchema, BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { contentChecks, requireSound } from '../../rollout/bundle/examine.ts'
import { openFolder, type FolderBundle, type FolderFiles } from '../../rollout/bundle/folder.ts'
import {
  releaseSigner,
  signBundle,
  toSign,
  withSignatures,
  type SignedFiles,
} from '../../rollout/bundle/signatures.ts'
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import {
  MANIFEST_ENVELOPE_FILE,
  MODEL_SIGNATURE_FILE,
  UNSIGNED_FILES,
} from '../../rollout/bundle/unsigned-files.ts'
import { contentDigest, openManifest } from '../../rollout/manifest.ts'
import { centrePerformer, type CentreWork } from '../performer.ts'
import { enterRelease } from '../registry/enter-release.ts'
import type { CentreContent } from './content.ts'
import { requireNoWorse } from './incumbent.ts'
import type { BundleSource } from './source.ts'

export interface PublishParts {
  readonly content: CentreContent
  readonly clock: Clock
  /** Signs manifest and statements. */
  readonly key: KeyPair
  /** ECDSA P-256: signs the files. */
  readonly modelKey: SigningKey
  readonly environment: Environment
}

const InputSchema = v.strictObject({ name: BundleNameSchema, version: VersionSchema })
export type Published = {
  readonly name: string
  readonly version: string
  readonly envelopeSha256: string
  readonly files: number
  readonly isNew: boolean
}

/**
 * Performs `bundle.publish` for `source`. A version that is published already with the same content is left as it is. Throws
 * {@link BundleUnfit}, each reason by its own code: what it lacks, what does not fit, what does worse than what runs, a version
 * that has other content already.
 */
export function publishPerformer(
  parts: PublishParts,
  source: BundleSource,
): TransactionalPerformer<JsonObject, Published> {
  return centrePerformer('bundle.publish', InputSchema, async (work, { name, version }) => {
    if (name !== source.name || version !== source.version)
      throw new BundleUnfit('bundle_refused', 'it is not the bundle that was admitted')
    const bundle = openFolder(source.files, {
      name,
      environment: parts.environment,
      nowMs: parts.clock.nowMs(),
    })
    requireNamed(bundle, source, parts.environment)
    requireSound(contentChecks(bundle.manifest, bundle.held))
    const files = bundle.manifest.files.length
    const held = await heldVersion(work, bundle)
    if (held !== null) return { name, version, envelopeSha256: held, files, isNew: false }
    const { content, key } = parts
    await requireNoWorse({ sql: work.tx, content, releaseKey: key.publicKey }, bundle)
    const envelopeSha256 = await keep(parts, source, { work, bundle })
    const isHeld = source.held === true
    await enterRelease(work, parts.clock, { name, version, envelopeSha256, held: isHeld })
    return { name, version, envelopeSha256, files, isNew: true }
  })
}

function requireNamed({ manifest }: FolderBundle, source: BundleSource, environment: Environment): void {
  if (manifest.name !== source.name || manifest.version !== source.version)
    throw new BundleUnfit(
      'bundle_unsound',
      `its manifest calls it ${manifest.name} ${manifest.version}, it is to be ${source.name} ${source.version}`,
    )
  if (manifest.environment !== environment)
    throw new BundleUnfit(
      'bundle_foreign_environment',
      `it is for ${manifest.environment}, this centre is for ${environment}`,
    )
}

/** The envelope of this very content under this version; null for a version that is free. */
async function heldVersion({ tx }: CentreWork, { manifest }: FolderBundle): Promise<string | null> {
  const { name, version } = manifest
  const [held] = await tx.query<{ envelope_sha256: string; manifest: never }>(
    'select envelope_sha256, manifest from centre.bundle where name = $1 and version = $2',
    [name, version],
  )
  if (held === undefined) return null
  const before = v.safeParse(BundleManifestSchema, held.manifest)
  if (before.success && contentDigest(before.output) === contentDigest(manifest)) return held.envelope_sha256
  throw new BundleUnfit('bundle_version_taken', `${name} ${version} is published already, with other files`)
}

/** Signs the bundle and keeps it, its files and its signed statements; returns its name. */
async function keep(
  parts: PublishParts,
  source: BundleSource,
  { work, bundle }: { readonly work: CentreWork; readonly bundle: FolderBundle },
): Promise<string> {
  const { manifest, files } = bundle
  const signed = sign(parts, bundle, beside(source.files))
  const envelope = signed.get(MANIFEST_ENVELOPE_FILE) ?? new Uint8Array()
  // What a device would refuse is not published.
  const opened = openManifest(envelope, { releaseKeys: [parts.key.publicKey], threshold: 1 })
  if (opened.kind === 'refused') throw new BundleUnfit('bundle_refused', opened.detail)
  for (const bytes of files.values()) await parts.content.put(bytes)
  const attestations: Record<string, string> = {}
  for (const [file, bytes] of signed) attestations[file] = (await parts.content.put(bytes)).sha256
  const envelopeSha256 = sha256Hex(envelope)
  await work.tx.query(
    `insert into centre.bundle
       (name, version, envelope_sha256, envelope, manifest, published_at, held, attestations)
     values ($1, $2, $3, $4, $5::text::jsonb, $6::text::timestamptz, $7, $8::text::jsonb)`,
    [
      manifest.name,
      manifest.version,
      envelopeSha256,
      envelope,
      canonicalText(manifest),
      new Date(parts.clock.nowMs()).toISOString(),
      source.held === true,
      JSON.stringify(attestations),
    ],
  )
  return envelopeSha256
}

/** The centre signs beside whoever signed before; a model that is signed already keeps that signature. */
function sign(parts: PublishParts, bundle: FolderBundle, before: SignedFiles): SignedFiles {
  const document = toSign(bundle)
  const own = [signBundle(document, releaseSigner(parts.key))]
  if (!before.has(MODEL_SIGNATURE_FILE)) own.push(signBundle(document, parts.modelKey))
  return withSignatures(document, own, before)
}

function beside(files: FolderFiles): SignedFiles {
  const signed = [...files].filter(
    ([path]) =>
      UNSIGNED_FILES.includes(path) && (path.endsWith('.dsse.json') || path === MODEL_SIGNATURE_FILE),
  )
  return new Map(signed)
}
