/** Bundles with everything that publishing and devices ask for: as a source folder's files, and as a manifest over any files. */
import { measuredFile } from '../../rollout/bundle/compose.ts'
import { RELEASE_FILE } from '../../rollout/bundle/unsigned-files.ts'
import type { JsonObject } from '../../shared/json.ts'
import {
  BOM_FILE,
  EVALUATION_FILE,
  PROVENANCE_FILE,
  type BundleFile,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import { DEVICE_METRICS, type Metric } from '../../shared/wire/metric-contract.ts'

export const QUALITY: Metric = {
  name: 'accuracy',
  unit: 'share',
  direction: 'higher',
  source: 'evaluation',
  threshold: 0.5,
}
export const METRICS: readonly Metric[] = [...DEVICE_METRICS, QUALITY]

/** How it did: `accuracy` with an interval of five points either side, of a hundred. */
export function figures(accuracy: number): readonly JsonObject[] {
  return [
    {
      name: QUALITY.name,
      value: accuracy,
      low: Math.max(0, accuracy - 0.05),
      high: Math.min(1, accuracy + 0.05),
      of: 100,
    },
  ]
}

/** `release.json`; `change` replaces whole sections, and an undefined one is left out. */
export function releaseFacts(change: Readonly<Record<string, unknown>> = {}): object {
  return {
    v: 1,
    minimalRuntime: '0.1.0',
    provenance: {
      recipe: 'made by a test',
      builder: 'urn:starling:test',
      parameters: { seed: 1 },
      datasets: [dataset()],
      transforms: [{ step: 'bytes written as they are', tool: 'vitest' }],
    },
    evaluation: evaluation(0.8),
    metrics: METRICS,
    ...change,
  }
}

export function dataset(change: JsonObject = {}): JsonObject {
  return {
    name: 'bytes of a test',
    use: 'training',
    sha256: 'a'.repeat(64),
    licence: 'Apache-2.0',
    consent: { state: 'not-needed', note: 'Nobody is in them.' },
    ...change,
  }
}

export function evaluation(accuracy: number, change: JsonObject = {}): JsonObject {
  return {
    method: 'counted by a test',
    heldBack: { name: 'a hundred cases', sha256: 'b'.repeat(64), items: 100, licence: 'Apache-2.0' },
    figures: figures(accuracy),
    incumbent: null,
    ...change,
  }
}

export const CARD = {
  version: '1.0.0',
  title: 'A model for tests',
  licence: 'Apache-2.0',
  languages: ['en'],
  intendedUse: 'Tests.',
  limits: 'Everything.',
}

/** A source folder's files that make a whole bundle; null leaves one out. */
export function sourceFiles(
  change: Readonly<Record<string, Uint8Array | object | string | null>> = {},
): Map<string, Uint8Array> {
  const files = {
    'card.json': CARD,
    [RELEASE_FILE]: releaseFacts(),
    'golden.json': { cases: [] },
    'model.onnx': 'a model',
    ...change,
  }
  return new Map(
    Object.entries(files).flatMap(([path, content]) => (content === null ? [] : [[path, bytesOf(content)]])),
  )
}

export function bytesOf(content: Uint8Array | object | string): Uint8Array {
  if (content instanceof Uint8Array) return content
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content))
}

/** The golden set of schema steps after which every column is as it was. */
const NO_CHANGE = { v: 1, added: [], removed: [] }

/** The documents of {@link wholeManifest}: of the right names and roles, and no more. A device believes the signature over them. */
export const DOCUMENTS: ReadonlyMap<string, Uint8Array> = new Map(
  [BOM_FILE, PROVENANCE_FILE, EVALUATION_FILE, 'golden.json'].map((path) => [
    path,
    bytesOf(path === 'golden.json' ? NO_CHANGE : path),
  ]),
)

/** A manifest over `files`, with the documents that a device asks for beside them and that are not among them. */
export function wholeManifest(
  files: readonly BundleFile[],
  change: Partial<BundleManifest> = {},
): BundleManifest {
  const documents = [...DOCUMENTS]
    .filter(([path]) => !files.some((file) => file.path === path))
    .map(([path, bytes]) => measuredFile(path, bytes))
  const { version: _version, ...card } = CARD
  return {
    v: 2,
    name: 'models',
    version: '1.0.0',
    environment: 'development',
    files: [...files, ...documents],
    golden: ['golden.json'],
    card,
    metrics: [...METRICS],
    createdAt: '2026-01-01T00:00:00.000Z',
    expiresAt: '2030-01-01T00:00:00.000Z',
    minimalRuntime: '0.1.0',
    ...change,
  }
}
