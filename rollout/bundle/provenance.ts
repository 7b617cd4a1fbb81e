/**
 * Where a bundle comes from, as SLSA provenance v1 (slsa.dev/spec/v1.0/provenance) in an in-toto statement: its files are the
 * subjects, its datasets the resolved dependencies, each with its licence and its word on consent.
 */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { BundleFile } from '../../shared/wire/bundle.ts'
import type { Dataset, ProvenanceFacts } from './release-facts.ts'
import { STATEMENT_TYPE, statementSchema, subjectsOf } from './statement.ts'

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'
/** How our recipes and builders make a bundle: `externalParameters` hold the command and what it was given. */
const BUILD_TYPE = 'urn:starling:bundle-build:v1'

const Digest = v.object({ sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })
const DependencySchema = v.object({
  name: v.string(),
  uri: v.optional(v.string()),
  digest: v.optional(Digest),
  annotations: v.optional(
    v.object({
      use: v.optional(v.string()),
      digestOf: v.optional(v.string()),
      licence: v.optional(v.string()),
      consent: v.optional(v.object({ state: v.string(), note: v.string() })),
    }),
  ),
})
export const ProvenanceSchema = statementSchema(
  PROVENANCE_TYPE,
  v.object({
    buildDefinition: v.object({
      buildType: v.literal(BUILD_TYPE),
      externalParameters: v.object({ recipe: v.string(), parameters: v.record(v.string(), v.unknown()) }),
      internalParameters: v.object({
        transforms: v.array(v.object({ step: v.string(), tool: v.string() })),
      }),
      resolvedDependencies: v.array(DependencySchema),
    }),
    runDetails: v.object({ builder: v.object({ id: v.string() }) }),
  }),
)
export type Provenance = v.InferOutput<typeof ProvenanceSchema>

export function provenanceStatement(files: readonly BundleFile[], facts: ProvenanceFacts): JsonObject {
  return {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(files),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { recipe: facts.recipe, parameters: facts.parameters },
        internalParameters: { transforms: facts.transforms },
        resolvedDependencies: facts.datasets.map(dependencyOf),
      },
      runDetails: { builder: { id: facts.builder } },
    },
  }
}

function dependencyOf({ name, use, sha256, digestOf, uri, licence, consent }: Dataset): JsonObject {
  return {
    name,
    ...(uri === undefined ? {} : { uri }),
    digest: { sha256 },
    annotations: { use, licence, consent, ...(digestOf === undefined ? {} : { digestOf }) },
  }
}

/** What a provenance does not say that a promotion asks for (digest, licence, consent, transform chain); null for a whole one. */
export function provenanceGap({ predicate }: Provenance): string | null {
  const { resolvedDependencies: datasets, internalParameters } = predicate.buildDefinition
  if (datasets.length === 0) return 'it names no dataset'
  if (internalParameters.transforms.length === 0) return 'it names no step from the data to the files'
  for (const { name, digest, annotations } of datasets) {
    if (digest === undefined) return `${name} has no digest`
    if (annotations?.licence === undefined) return `${name} has no licence`
    const { consent, use } = annotations
    if (consent === undefined) return `nothing is said on consent for ${name}`
    // What a stranger's base model was taught on may be unknown, and is then said to be; what we teach with may not.
    if (consent.state !== 'given' && consent.state !== 'not-needed' && use !== 'base')
      return `${name} taught it, and whether its people agreed is ${consent.state}`
  }
  return null
}
