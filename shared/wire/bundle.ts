/**
 * A model bundle on the wire: its signed manifest, and the pieces in which its files travel.
 *
 * A file goes in pieces of {@link CHUNK_SIZE_BYTES}, each with its digest in the manifest, so that a piece is verified when it
 * arrives, a broken transfer goes on where it stopped, and no verified piece is ever fetched again.
 */
import * as v from 'valibot'
import { ENVIRONMENTS } from '../kernel/contract.ts'
import { MetricContractSchema } from './metric-contract.ts'

export const BUNDLE_PAYLOAD_TYPE = 'application/vnd.starling.bundle.v1+json'
/** 256 KiB: well under the 900 KB that a leaf link takes, and a few seconds on a poor radio link. */
export const CHUNK_SIZE_BYTES = 262_144
/** A bundle's files together: what a phone-class device has room for twice (two slots). */
export const MAX_BUNDLE_BYTES = 256 * 1024 * 1024
export const MAX_BUNDLE_FILES = 256
/** One piece: the manifest of the largest bundle needs about 100 KB. */
export const MAX_MANIFEST_ENVELOPE_BYTES = 256 * 1024

/** What a bundle is for; of a bundle without one its files say it. */
export const BUNDLE_KINDS = ['speech', 'intent', 'domain', 'schema'] as const
export type BundleKind = (typeof BUNDLE_KINDS)[number]

export const FILE_ROLES = [
  'model',
  'tokens',
  'lexicon',
  'settings',
  'golden',
  'card',
  'bom',
  'provenance',
  'evaluation',
  'data',
] as const
export type FileRole = (typeof FILE_ROLES)[number]

/** Where the documents lie that every bundle carries: its CycloneDX bill of materials and its two in-toto statements. */
export const BOM_FILE = 'bom.cdx.json'
export const PROVENANCE_FILE = 'provenance.intoto.json'
export const EVALUATION_FILE = 'evaluation.intoto.json'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Time = v.pipe(v.string(), v.isoTimestamp())
export const VersionSchema = v.pipe(
  v.string(),
  v.regex(/^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/, 'a version is three numbers: 1.4.0'),
)
export const BundleNameSchema = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/))

/** A path inside a bundle: relative, forward slashes, no `.` or `..`: it can only name something under the slot's folder. */
export const BundlePathSchema = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/,
    'a bundle path is relative and plain',
  ),
)

export const BundleFileSchema = v.strictObject({
  path: BundlePathSchema,
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_BUNDLE_BYTES)),
  sha256: Hash,
  role: v.picklist(FILE_ROLES),
  /** SHA-256 of each piece of {@link CHUNK_SIZE_BYTES}, in order; the last one is what remains. */
  chunks: v.pipe(v.array(Hash), v.minLength(1), v.maxLength(MAX_BUNDLE_BYTES / CHUNK_SIZE_BYTES)),
})
export type BundleFile = v.InferOutput<typeof BundleFileSchema>

export const BundleCardSchema = v.strictObject({
  title: v.pipe(v.string(), v.maxLength(200)),
  licence: v.pipe(v.string(), v.maxLength(100)),
  languages: v.pipe(v.array(v.pipe(v.string(), v.maxLength(20))), v.maxLength(40)),
  /** What it is for, and what it must not be used for: the facts that a reviewer asks for first. */
  intendedUse: v.pipe(v.string(), v.maxLength(2_000)),
  limits: v.pipe(v.string(), v.maxLength(2_000)),
})

/**
 * Canonical JSON (RFC 8785) when it is signed. What a bundle must hold besides its shape (golden inputs, licence, metric
 * contract, provenance, evaluation) is judged by `rollout/manifest.ts`, so that each lack is refused by its own name.
 */
export const BundleManifestSchema = v.strictObject({
  v: v.literal(2),
  name: BundleNameSchema,
  kind: v.exactOptional(v.picklist(BUNDLE_KINDS)),
  version: VersionSchema,
  environment: v.picklist(ENVIRONMENTS),
  files: v.pipe(v.array(BundleFileSchema), v.minLength(1), v.maxLength(MAX_BUNDLE_FILES)),
  /** Paths of the files of golden inputs with expected outputs, which the smoke test runs. */
  golden: v.pipe(v.array(BundlePathSchema), v.maxLength(16)),
  card: BundleCardSchema,
  metrics: v.optional(MetricContractSchema, []),
  createdAt: Time,
  /** Blocks a new install after this moment, never a model that runs already: devices are offline for weeks. */
  expiresAt: Time,
  minimalRuntime: VersionSchema,
})
export type BundleManifest = v.InferOutput<typeof BundleManifestSchema>

/** Asks for piece `index` of the content `sha256`. */
export const ChunkRequestSchema = v.strictObject({
  v: v.literal(1),
  sha256: Hash,
  index: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_BUNDLE_BYTES / CHUNK_SIZE_BYTES)),
})
