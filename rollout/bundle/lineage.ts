/** From a digest to what it is of: which bundle, made of which data, judged on what. What a record names can be walked to its source. */
import { sha256Hex } from '../../shared/digest.ts'
import type { BundleFile, BundleManifest } from '../../shared/wire/bundle.ts'
import type { Evaluation } from './evaluation.ts'
import type { Provenance } from './provenance.ts'

export interface Lineage {
  readonly name: string
  readonly version: string
  readonly environment: string
  readonly licence: string
  readonly models: readonly { readonly path: string; readonly sha256: string }[]
  /** Digests by which records name what runs from it. */
  readonly modelDigests: readonly string[]
  readonly recipe: string | null
  readonly datasets: readonly {
    readonly name: string
    readonly sha256: string | null
    readonly use: string
    readonly licence: string
    readonly consent: string
  }[]
  readonly transforms: readonly { readonly step: string; readonly tool: string }[]
  readonly evaluation: {
    readonly heldBack: string
    readonly sha256: string
    readonly result: string
    readonly figures: Evaluation['predicate']['figures']
    readonly incumbent: string | null
  } | null
}

export function lineageOf(
  manifest: BundleManifest,
  statements: { readonly provenance: Provenance | null; readonly evaluation: Evaluation | null },
): Lineage {
  const { name, version, environment, card, files } = manifest
  const build = statements.provenance?.predicate.buildDefinition
  const judged = statements.evaluation?.predicate
  const [set] = judged?.configuration ?? []
  return {
    name,
    version,
    environment,
    licence: card.licence,
    models: files.filter(({ role }) => role === 'model').map(({ path, sha256 }) => ({ path, sha256 })),
    modelDigests: modelDigests(files),
    recipe: build?.externalParameters.recipe ?? null,
    datasets: (build?.resolvedDependencies ?? []).map((data) => ({
      name: data.name,
      sha256: data.digest?.sha256 ?? null,
      use: data.annotations?.use ?? 'unknown',
      licence: data.annotations?.licence ?? 'unknown',
      consent: data.annotations?.consent?.state ?? 'unknown',
    })),
    transforms: build?.internalParameters.transforms ?? [],
    evaluation:
      judged === undefined || set === undefined
        ? null
        : {
            heldBack: set.name,
            sha256: set.digest.sha256,
            result: judged.result,
            figures: judged.figures,
            incumbent: judged.incumbent?.version ?? null,
          },
  }
}

/** The files that make a speech model what it is, in the order in which its digest takes them. */
export const SPEECH_MODEL_FILES = [
  'acoustic.onnx',
  'golden.json',
  'language.bin.br',
  'letters.bin.br',
  'lexicon.txt.br',
  'mixture.json',
  'phones.json',
  'triphones.bin.br',
] as const
/** The same of an intent model. */
export const INTENT_MODEL_FILES = ['intent.onnx', 'card.json', 'golden.json'] as const

/** The digest of a speech model: over a line `sha256  name` for each of its files. */
export function speechModelDigest(sha256Of: (name: string) => string): string {
  return sha256Hex(SPEECH_MODEL_FILES.map((name) => `${sha256Of(name)}  ${name}\n`).join(''))
}

/** The digest of an intent model: over the digests of its files. */
export function intentModelDigest(sha256Of: (name: string) => string): string {
  return sha256Hex(Buffer.concat(INTENT_MODEL_FILES.map((name) => Buffer.from(sha256Of(name), 'hex'))))
}

/** Every digest by which a device's records may name the models of these files. */
export function modelDigests(files: readonly BundleFile[]): readonly string[] {
  const sha256Of = (name: string): string => files.find(({ path }) => path === name)?.sha256 ?? ''
  const holds = (names: readonly string[]): boolean => names.every((name) => sha256Of(name) !== '')
  return [
    ...(holds(SPEECH_MODEL_FILES) ? [speechModelDigest(sha256Of)] : []),
    ...(holds(INTENT_MODEL_FILES) ? [intentModelDigest(sha256Of)] : []),
    ...files.filter(({ role }) => role === 'model').map(({ sha256 }) => sha256),
  ]
}
