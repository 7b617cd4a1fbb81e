/**
 * A bundle held against itself: every file against the manifest, every document against the files, every statement against what it
 * speaks of. Signatures are another matter (`signatures.ts`). Nothing is taken on trust because something else was right.
 */
import * as v from 'valibot'
import { sha256Hex } from '../../shared/digest.ts'
import {
  BOM_FILE,
  CHUNK_SIZE_BYTES,
  EVALUATION_FILE,
  PROVENANCE_FILE,
  type BundleFile,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import { manifestLack } from '../manifest.ts'
import { bomFaults } from './bom.ts'
import { EvaluationSchema, evaluationFault, type Evaluation } from './evaluation.ts'
import { kindFault } from './kind-contract.ts'
import { ProvenanceSchema, provenanceGap, type Provenance } from './provenance.ts'
import { CARD_FILE, readCard } from './release-facts.ts'
import { subjectFault } from './statement.ts'
import { BundleUnfit, type UnfitCode } from './unfit.ts'

export interface Check {
  readonly check: string
  /** Null when it holds. */
  readonly fault: { readonly code: UnfitCode | 'signature_refused'; readonly detail: string } | null
  /** What was looked at, for people. */
  readonly looked: string
}

/** The files of a bundle as they lie somewhere: what was measured of each, and the small ones' bytes. */
export interface HeldFiles {
  readonly measured: ReadonlyMap<string, Pick<BundleFile, 'sizeBytes' | 'sha256'>>
  readonly documents: ReadonlyMap<string, Uint8Array>
}

/** The checks of what a bundle holds, in a fixed order, every one of them whatever the others say. */
export function contentChecks(manifest: BundleManifest, held: HeldFiles): readonly Check[] {
  const provenance = read(held, PROVENANCE_FILE, ProvenanceSchema)
  const evaluation = read(held, EVALUATION_FILE, EvaluationSchema)
  return [
    lacks(manifest),
    files(manifest, held),
    card(manifest, held),
    provenanceCheck(manifest, provenance),
    evaluationCheck(manifest, evaluation),
    bom(manifest, held, { provenance, evaluation }),
  ]
}

/** Throws {@link BundleUnfit} for the first check that does not hold. */
export function requireSound(checks: readonly Check[]): void {
  const fault = checks.find((check) => check.fault !== null)?.fault ?? null
  if (fault === null) return
  throw new BundleUnfit(fault.code === 'signature_refused' ? 'bundle_unsound' : fault.code, fault.detail)
}

/** The evaluation that a sound bundle carries; null where its file is none. */
export function evaluationOf(bytes: Uint8Array): Evaluation | null {
  const parsed = v.safeParse(EvaluationSchema, jsonOf(bytes))
  return parsed.success ? parsed.output : null
}

/** The provenance that a sound bundle carries; null where its file is none. */
export function provenanceOf(bytes: Uint8Array): Provenance | null {
  const parsed = v.safeParse(ProvenanceSchema, jsonOf(bytes))
  return parsed.success ? parsed.output : null
}

function lacks(manifest: BundleManifest): Check {
  const lack = manifestLack(manifest)
  const kind = kindFault(manifest)
  const looked = `licence ${manifest.card.licence}, ${manifest.golden.length} golden files, ${manifest.metrics.length} metrics`
  if (lack === null)
    return kind === null ? holds('complete', looked) : fails('complete', looked, 'bundle_refused', kind)
  const code = `bundle_${lack.reason}`
  return fails('complete', looked, isLackCode(code) ? code : 'bundle_refused', lack.detail)
}

const LACK_CODES = [
  'bundle_without_provenance',
  'bundle_without_licence',
  'bundle_without_golden',
  'bundle_without_metrics',
  'bundle_without_evaluation',
  'bundle_without_bom',
] as const

function isLackCode(code: string): code is (typeof LACK_CODES)[number] {
  return LACK_CODES.some((one) => one === code)
}

function files(manifest: BundleManifest, { measured }: HeldFiles): Check {
  const bytes = manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const looked = `${manifest.files.length} files, ${bytes} bytes`
  const faults: string[] = []
  for (const file of manifest.files) {
    const found = measured.get(file.path)
    if (found === undefined) faults.push(`${file.path} is not there`)
    else if (found.sizeBytes !== file.sizeBytes)
      faults.push(`${file.path} has ${found.sizeBytes} bytes, the manifest says ${file.sizeBytes}`)
    else if (found.sha256 !== file.sha256) faults.push(`${file.path} has other bytes than the manifest says`)
    if (file.chunks.length === 1 && file.sizeBytes <= CHUNK_SIZE_BYTES && file.chunks[0] !== file.sha256)
      faults.push(`${file.path} is one piece with another digest than the file's`)
  }
  const listed = new Set(manifest.files.map(({ path }) => path))
  for (const path of measured.keys()) if (!listed.has(path)) faults.push(`${path} is not in the manifest`)
  return faults.length === 0
    ? holds('files', looked)
    : fails('files', looked, 'bundle_unsound', faults.slice(0, 8).join('; '))
}

function card(manifest: BundleManifest, held: HeldFiles): Check {
  const looked = `${CARD_FILE} against name, version, licence and use in the manifest`
  const bytes = held.documents.get(CARD_FILE)
  if (bytes === undefined) return fails('card', looked, 'bundle_unsound', `${CARD_FILE} is not there`)
  try {
    const found = readCard(jsonOf(bytes))
    const same =
      found.version === manifest.version &&
      found.kind === manifest.kind &&
      JSON.stringify(found.card) === JSON.stringify(sameOrder(manifest.card))
    return same
      ? holds('card', looked)
      : fails('card', looked, 'bundle_unsound', 'the manifest says something else than the card')
  } catch (thrown) {
    if (!(thrown instanceof BundleUnfit)) throw thrown
    return fails('card', looked, thrown.code, thrown.message)
  }
}

function sameOrder({ title, licence, languages, intendedUse, limits }: BundleManifest['card']): object {
  return { title, licence, languages, intendedUse, limits }
}

function provenanceCheck(manifest: BundleManifest, provenance: Provenance | null): Check {
  const looked =
    provenance === null
      ? PROVENANCE_FILE
      : `${provenance.predicate.buildDefinition.resolvedDependencies.length} datasets, each with digest, licence, consent`
  if (provenance === null)
    return fails(
      'provenance',
      looked,
      'bundle_without_provenance',
      `${PROVENANCE_FILE} is no SLSA provenance v1`,
    )
  const about = subjectFault(provenance.subject, contentFiles(manifest))
  if (about !== null) return fails('provenance', looked, 'bundle_unsound', `the provenance: ${about}`)
  const gap = provenanceGap(provenance)
  return gap === null
    ? holds('provenance', looked)
    : fails('provenance', looked, 'provenance_incomplete', `the provenance: ${gap}`)
}

function evaluationCheck(manifest: BundleManifest, evaluation: Evaluation | null): Check {
  const looked =
    evaluation === null
      ? EVALUATION_FILE
      : `${evaluation.predicate.figures.length} figures on "${evaluation.predicate.configuration[0]?.name ?? ''}"`
  if (evaluation === null)
    return fails(
      'evaluation',
      looked,
      'bundle_without_evaluation',
      `${EVALUATION_FILE} is no in-toto test result`,
    )
  const about = subjectFault(evaluation.subject, contentFiles(manifest))
  if (about !== null) return fails('evaluation', looked, 'bundle_unsound', `the evaluation: ${about}`)
  const fault = evaluationFault(evaluation, manifest.metrics, null)
  return fault === null ? holds('evaluation', looked) : fails('evaluation', looked, fault.code, fault.detail)
}

function bom(
  manifest: BundleManifest,
  held: HeldFiles,
  statements: { readonly provenance: Provenance | null; readonly evaluation: Evaluation | null },
): Check {
  const looked = `every field of ${BOM_FILE}`
  const bytes = held.documents.get(BOM_FILE)
  if (bytes === undefined) return fails('bom', looked, 'bundle_without_bom', `${BOM_FILE} is not there`)
  const { provenance, evaluation } = statements
  if (provenance === null || evaluation === null)
    return fails('bom', looked, 'bundle_unsound', 'there are no statements to hold it against')
  const { name, version, kind = null, metrics } = manifest
  // Against the bytes as they lie there, not against what the manifest says of them.
  const found = manifest.files
    .filter(({ role }) => role !== 'bom')
    .map((file) => ({ ...file, ...held.measured.get(file.path) }))
  const faults = bomFaults(jsonOf(bytes), {
    name,
    version,
    kind,
    card: manifest.card,
    metrics,
    files: found,
    provenance,
    evaluation,
  })
  if (faults.length === 0) return holds('bom', looked)
  const told = faults.slice(0, 4).map(({ place, detail }) => `${place}: ${detail}`)
  return fails('bom', looked, 'bundle_unsound', `the bill of materials: ${told.join('; ')}`)
}

/** What statements speak of: everything but the documents about it. */
export function contentFiles(manifest: BundleManifest): readonly BundleFile[] {
  return manifest.files.filter(({ role }) => role !== 'bom' && role !== 'provenance' && role !== 'evaluation')
}

function read<S extends v.GenericSchema>(
  { documents }: HeldFiles,
  path: string,
  schema: S,
): v.InferOutput<S> | null {
  const bytes = documents.get(path)
  if (bytes === undefined) return null
  const parsed = v.safeParse(schema, jsonOf(bytes))
  return parsed.success ? parsed.output : null
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // Every schema refuses it.
  }
}

export function holds(check: string, looked: string): Check {
  return { check, looked, fault: null }
}

export function fails(
  check: string,
  looked: string,
  code: UnfitCode | 'signature_refused',
  detail: string,
): Check {
  return { check, looked, fault: { code, detail } }
}

/** What is measured of a file for {@link HeldFiles}. */
export function measureOf(bytes: Uint8Array): Pick<BundleFile, 'sizeBytes' | 'sha256'> {
  return { sizeBytes: bytes.length, sha256: sha256Hex(bytes) }
}
