/** Publishing a bundle: its files become content, its manifest is made, signed and stored; one version is one content for ever. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Environment, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import { signEnvelope } from '../../shared/signing/envelope.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import {
  BUNDLE_PAYLOAD_TYPE,
  BundleManifestSchema,
  BundleNameSchema,
  VersionSchema,
  type BundleFile,
  type BundleKind,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import { openManifest } from '../../rollout/manifest.ts'
import { centrePerformer } from '../performer.ts'
import { enterRelease } from '../registry/enter-release.ts'
import type { CentreContent } from './content.ts'

export class BundleRefused extends StarlingError {
  override readonly code = 'bundle_refused'
}

/** How long a release may be installed for the first time. */
const INSTALLABLE_DAYS = 365

export interface BundleSource {
  readonly name: string
  readonly kind?: BundleKind
  readonly version: string
  /** Folders whose files go in (or `only` these of them), each under a prefix ('' for none). */
  readonly folders: readonly {
    readonly path: string
    readonly prefix: string
    readonly only?: readonly string[]
  }[]
  readonly golden: readonly string[]
  readonly card: BundleManifest['card']
  readonly minimalRuntime: string
  /** Not even as the first of its name does it become what everybody runs. */
  readonly held?: boolean
}

export interface PublishParts {
  readonly content: CentreContent
  readonly clock: Clock
  readonly key: KeyPair
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
 * Performs `bundle.publish` for `source`. A version that is published already with the same files is left as it is; with
 * other files it is refused ({@link BundleRefused}), because devices rely on a version naming one content.
 */
export function publishPerformer(
  parts: PublishParts,
  source: BundleSource,
): TransactionalPerformer<JsonObject, Published> {
  return centrePerformer('bundle.publish', InputSchema, async (work, { name, version }) => {
    const { tx } = work
    if (name !== source.name || version !== source.version)
      throw refused(source, 'it is not the bundle that was admitted')
    const files = await storeFiles(parts.content, source)
    const [held] = await tx.query<{ envelope_sha256: string; manifest: never }>(
      'select envelope_sha256, manifest from centre.bundle where name = $1 and version = $2',
      [name, version],
    )
    if (held !== undefined) {
      const before = v.parse(BundleManifestSchema, held.manifest)
      if (JSON.stringify(before.files) !== JSON.stringify(files))
        throw refused(source, `version ${version} is published already, with other files`)
      return { name, version, envelopeSha256: held.envelope_sha256, files: files.length, isNew: false }
    }
    const { manifest, envelope } = signedManifest(parts, source, files)
    const envelopeSha256 = sha256Hex(envelope)
    await parts.content.put(envelope)
    await tx.query(
      `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at, held)
       values ($1, $2, $3, $4, $5::text::jsonb, $6::text::timestamptz, $7)`,
      [
        name,
        version,
        envelopeSha256,
        envelope,
        JSON.stringify(manifest),
        manifest.createdAt,
        source.held === true,
      ],
    )
    await enterRelease(work, parts.clock, { name, version, envelopeSha256, held: source.held === true })
    return { name, version, envelopeSha256, files: files.length, isNew: true }
  })
}

function signedManifest(
  parts: PublishParts,
  source: BundleSource,
  files: readonly BundleFile[],
): { readonly manifest: BundleManifest; readonly envelope: Uint8Array } {
  const nowMs = parts.clock.nowMs()
  const parsed = v.safeParse(BundleManifestSchema, {
    v: 1,
    name: source.name,
    ...(source.kind === undefined ? {} : { kind: source.kind }),
    version: source.version,
    environment: parts.environment,
    files: [...files],
    golden: [...source.golden],
    card: source.card,
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + INSTALLABLE_DAYS * 86_400_000).toISOString(),
    minimalRuntime: source.minimalRuntime,
  })
  if (!parsed.success) throw refused(source, describeIssues(parsed.issues))
  const payload = new TextEncoder().encode(JSON.stringify(parsed.output))
  const envelope = new TextEncoder().encode(
    JSON.stringify(signEnvelope(BUNDLE_PAYLOAD_TYPE, payload, [parts.key])),
  )
  // What a device would refuse is not published.
  const opened = openManifest(envelope, { releaseKeys: [parts.key.publicKey], threshold: 1 })
  if (opened.kind === 'refused') throw refused(source, opened.detail)
  return { manifest: opened.manifest, envelope }
}

async function storeFiles(content: CentreContent, source: BundleSource): Promise<readonly BundleFile[]> {
  const files: BundleFile[] = []
  for (const { path: folder, prefix, only } of source.folders)
    for (const path of await filesUnder(folder)) {
      if (only !== undefined && !only.includes(relative(folder, path))) continue
      const bytes = await readFile(path)
      const { sha256, chunks } = await content.put(bytes)
      const inside = prefix + relative(folder, path).split(sep).join('/')
      files.push({ path: inside, sizeBytes: bytes.length, sha256, role: roleOf(inside), chunks: [...chunks] })
    }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

function roleOf(path: string): BundleFile['role'] {
  if (path.endsWith('.onnx')) return 'model'
  if (path.includes('lexicon')) return 'lexicon'
  if (path.includes('golden')) return 'golden'
  if (path.endsWith('card.json')) return 'card'
  return path.endsWith('.yaml') ? 'settings' : 'data'
}

function refused(source: BundleSource, why: string): BundleRefused {
  return new BundleRefused(`the bundle ${source.name} ${source.version} was not published: ${why}`, {
    remedy: 'Publish changed content under a new version.',
  })
}
