/**
 * A bundle as a folder of files, whoever read them: a source (card, release facts, golden inputs, model) or a built one, which has
 * its manifest and documents. Both come out as the same thing, so that everything is published through one path.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { BundleManifestSchema, type BundleFile, type BundleManifest } from '../../shared/wire/bundle.ts'
import { composeBundle, measuredFile } from './compose.ts'
import { measureOf, type HeldFiles } from './examine.ts'
import { CARD_FILE, readCard, readReleaseFacts } from './release-facts.ts'
import { MANIFEST_FILE, RELEASE_FILE, UNSIGNED_FILES } from './unsigned-files.ts'
import { BundleUnfit } from './unfit.ts'

/** How long a release may be installed for the first time. */
const INSTALLABLE_DAYS = 365
/** Documents are looked into, models only measured: a bill of the largest bundle is well under this. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024

/** Path within the folder, with forward slashes, and bytes. */
export type FolderFiles = ReadonlyMap<string, Uint8Array>

export interface FolderBundle {
  readonly manifest: BundleManifest
  /** Its canonical bytes: what is signed. */
  readonly payload: Uint8Array
  /** What travels, the documents among it. */
  readonly files: FolderFiles
  readonly held: HeldFiles
}

export interface Composing {
  readonly name: string
  readonly environment: Environment
  readonly nowMs: number
}

/** Throws {@link BundleUnfit}. A built folder is taken as it is, whatever `composing` says; a source is composed. */
export function openFolder(folder: FolderFiles, composing: Composing): FolderBundle {
  const built = folder.get(MANIFEST_FILE)
  return built === undefined ? composed(folder, composing) : opened(folder, built)
}

/** Version and kind before anything else is looked at. Throws {@link BundleUnfit}. */
export function versionOf(folder: FolderFiles): string {
  return readCard(json(folder, CARD_FILE)).version
}

function composed(folder: FolderFiles, { name, environment, nowMs }: Composing): FolderBundle {
  const card = readCard(json(folder, CARD_FILE))
  const facts = readReleaseFacts(folder.has(RELEASE_FILE) ? json(folder, RELEASE_FILE) : bareFacts())
  const travelling = new Map([...folder].filter(([path]) => path !== RELEASE_FILE))
  const { manifest, payload, documents } = composeBundle({
    name,
    environment,
    card,
    facts,
    files: [...travelling].map(([path, bytes]) => measured(path, bytes)),
    createdAtMs: nowMs,
    expiresAtMs: nowMs + INSTALLABLE_DAYS * 86_400_000,
  })
  return whole(manifest, payload, new Map([...travelling, ...documents]))
}

/** A folder that says nothing is refused for the first thing that it does not say. */
function bareFacts(): object {
  return { v: 1, minimalRuntime: '0.1.0' }
}

function measured(path: string, bytes: Uint8Array): BundleFile {
  if (bytes.length === 0) throw new BundleUnfit('bundle_refused', `${path} is empty`)
  return measuredFile(path, bytes)
}

function opened(folder: FolderFiles, payload: Uint8Array): FolderBundle {
  const value = json(folder, MANIFEST_FILE)
  const parsed = v.safeParse(BundleManifestSchema, value)
  if (!parsed.success)
    throw new BundleUnfit('bundle_refused', `${MANIFEST_FILE}: ${describeIssues(parsed.issues)}`)
  if (!Buffer.from(payload).equals(canonicalBytes(value as never)))
    throw new BundleUnfit('bundle_unsound', `${MANIFEST_FILE} is not in canonical form (RFC 8785)`)
  const travelling = [...folder].filter(([path]) => !UNSIGNED_FILES.includes(path))
  return whole(parsed.output, payload, new Map(travelling))
}

function whole(manifest: BundleManifest, payload: Uint8Array, files: FolderFiles): FolderBundle {
  const documents = [...files].filter(
    ([path, bytes]) => path.endsWith('.json') && bytes.length <= MAX_DOCUMENT_BYTES,
  )
  return {
    manifest,
    payload,
    files,
    held: {
      measured: new Map([...files].map(([path, bytes]) => [path, measureOf(bytes)])),
      documents: new Map(documents),
    },
  }
}

function json(folder: FolderFiles, path: string): unknown {
  const bytes = folder.get(path)
  if (bytes === undefined) throw new BundleUnfit('bundle_refused', `it has no ${path}`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new BundleUnfit('bundle_refused', `its ${path} is not JSON in UTF-8`)
  }
}
