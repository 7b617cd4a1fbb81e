/** A bundle out of its files and what is known of them: the three documents that travel with it, and its manifest. */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import {
  BOM_FILE,
  BundleManifestSchema,
  CHUNK_SIZE_BYTES,
  EVALUATION_FILE,
  PROVENANCE_FILE,
  type BundleFile,
  type BundleManifest,
  type FileRole,
} from '../../shared/wire/bundle.ts'
import { bomOf } from './bom.ts'
import { EvaluationSchema, evaluationStatement } from './evaluation.ts'
import { ProvenanceSchema, provenanceStatement } from './provenance.ts'
import type { Draft } from './release-facts.ts'
import { BundleUnfit } from './unfit.ts'

export interface Composed {
  readonly manifest: BundleManifest
  /** The manifest's canonical bytes: what is signed. */
  readonly payload: Uint8Array
  /** The documents by their path inside the bundle. */
  readonly documents: ReadonlyMap<string, Uint8Array>
}

/** Throws {@link BundleUnfit} where it would be refused for what it lacks. The same draft gives the same bytes. */
export function composeBundle(draft: Draft): Composed {
  const { name, environment, facts } = draft
  const { version, kind, card } = draft.card
  const files = draft.files.toSorted(byPath)
  const golden = files.filter(({ role }) => role === 'golden').map(({ path }) => path)
  if (golden.length === 0) throw new BundleUnfit('bundle_without_golden', 'no file of it is called golden')
  const provenance = provenanceStatement(files, facts.provenance)
  const evaluation = evaluationStatement(files, facts.evaluation, facts.metrics)
  const statements = new Map([
    [PROVENANCE_FILE, canonicalBytes(provenance)],
    [EVALUATION_FILE, canonicalBytes(evaluation)],
  ])
  const listed = [...files, ...measured(statements)].toSorted(byPath)
  const bom = canonicalBytes(
    bomOf({
      name,
      version,
      kind: kind ?? null,
      card,
      metrics: facts.metrics,
      files: listed,
      provenance: v.parse(ProvenanceSchema, provenance),
      evaluation: v.parse(EvaluationSchema, evaluation),
    }),
  )
  const parsed = v.safeParse(BundleManifestSchema, {
    v: 2,
    name,
    ...(kind === undefined ? {} : { kind }),
    version,
    environment,
    files: [...listed, measuredFile(BOM_FILE, bom)].toSorted(byPath),
    golden,
    card,
    metrics: facts.metrics,
    createdAt: new Date(draft.createdAtMs).toISOString(),
    expiresAt: new Date(draft.expiresAtMs).toISOString(),
    minimalRuntime: facts.minimalRuntime,
  })
  if (!parsed.success) throw new BundleUnfit('bundle_refused', describeIssues(parsed.issues))
  return {
    manifest: parsed.output,
    payload: canonicalBytes(parsed.output),
    documents: new Map([...statements, [BOM_FILE, bom]]),
  }
}

/** One file as a manifest names it: size, digest, digests of its pieces, and its role by its path. */
export function measuredFile(path: string, bytes: Uint8Array): BundleFile {
  const chunks: string[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE_BYTES)
    chunks.push(sha256Hex(bytes.subarray(at, at + CHUNK_SIZE_BYTES)))
  return { path, sizeBytes: bytes.length, sha256: sha256Hex(bytes), role: roleOf(path), chunks }
}

function measured(documents: ReadonlyMap<string, Uint8Array>): BundleFile[] {
  return [...documents].map(([path, bytes]) => measuredFile(path, bytes))
}

const DOCUMENT_ROLES: Readonly<Record<string, FileRole>> = {
  [BOM_FILE]: 'bom',
  [PROVENANCE_FILE]: 'provenance',
  [EVALUATION_FILE]: 'evaluation',
}

function roleOf(path: string): FileRole {
  const document = DOCUMENT_ROLES[path]
  if (document !== undefined) return document
  if (path.endsWith('.onnx')) return 'model'
  if (path.includes('lexicon')) return 'lexicon'
  if (path.includes('golden')) return 'golden'
  if (path.endsWith('tokens.txt') || path.endsWith('vocab.txt')) return 'tokens'
  if (path === 'card.json') return 'card'
  return path.endsWith('.yaml') ? 'settings' : 'data'
}

function byPath(a: BundleFile, b: BundleFile): number {
  return a.path < b.path ? -1 : 1
}
