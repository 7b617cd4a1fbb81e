/**
 * The bill of materials: CycloneDX 1.7 (ECMA-424) with the model's card in its `modelCard`. It is composed of nothing but what
 * stands elsewhere too (files, card, provenance, evaluation), so that checking it is composing it again and comparing.
 */
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { BundleFile, BundleKind, BundleManifest } from '../../shared/wire/bundle.ts'
import type { Metric } from '../../shared/wire/metric-contract.ts'
import type { Evaluation } from './evaluation.ts'
import type { Provenance } from './provenance.ts'

export interface BomSubject {
  readonly name: string
  readonly version: string
  readonly kind: BundleKind | null
  readonly card: BundleManifest['card']
  readonly metrics: readonly Metric[]
  /** What travels, without the bill itself. */
  readonly files: readonly BundleFile[]
  readonly provenance: Provenance
  readonly evaluation: Evaluation
}

export function bomOf(subject: BomSubject): JsonObject {
  const files = subject.files.map(fileComponent)
  const datasets = subject.provenance.predicate.buildDefinition.resolvedDependencies.map(dataComponent)
  const [heldBack] = subject.evaluation.predicate.configuration
  const held = heldBack === undefined ? [] : [heldBackComponent(heldBack)]
  const components = [...files, ...datasets, ...held]
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    serialNumber: `urn:uuid:${uuidOf(subject)}`,
    version: 1,
    metadata: { component: bundleComponent(subject) },
    components,
    dependencies: [
      { ref: refOf(subject), dependsOn: components.map((component) => component['bom-ref'] ?? '') },
    ],
  }
}

function bundleComponent(subject: BomSubject): JsonObject {
  const { name, version, kind, card, metrics } = subject
  const isModel = subject.files.some(({ role }) => role === 'model')
  return {
    type: isModel ? 'machine-learning-model' : 'data',
    'bom-ref': refOf(subject),
    name,
    version,
    description: card.title,
    licenses: [{ expression: card.licence }],
    ...(isModel ? { modelCard: modelCard(subject) } : {}),
    properties: [
      property('starling:kind', kind ?? 'model'),
      ...card.languages.map((language) => property('starling:language', language)),
      ...metrics.map((metric) =>
        property(
          `starling:metric:${metric.name}`,
          `${metric.unit}, ${metric.direction} is better, ${metric.source}, threshold ${metric.threshold ?? 'none'}`,
        ),
      ),
    ],
  }
}

function modelCard({ card, metrics, provenance, evaluation }: BomSubject): JsonObject {
  const { resolvedDependencies } = provenance.predicate.buildDefinition
  const { figures, configuration } = evaluation.predicate
  return {
    modelParameters: {
      datasets: resolvedDependencies.map(({ name, digest }) => ({ ref: dataRef(name, digest?.sha256) })),
    },
    quantitativeAnalysis: {
      performanceMetrics: figures.map(({ name, value, low, high }) => ({
        type: `${name} (${metrics.find((metric) => metric.name === name)?.unit ?? 'share'})`,
        value: String(value),
        slice: configuration[0]?.name ?? '',
        confidenceInterval: { lowerBound: String(low), upperBound: String(high) },
      })),
    },
    considerations: { useCases: [card.intendedUse], technicalLimitations: [card.limits] },
  }
}

function fileComponent({ path, sha256, sizeBytes, role }: BundleFile): JsonObject {
  return {
    type: role === 'model' ? 'machine-learning-model' : 'file',
    'bom-ref': `file:${path}`,
    name: path,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    properties: [property('starling:role', role), property('starling:sizeBytes', String(sizeBytes))],
  }
}

type Dependency = Provenance['predicate']['buildDefinition']['resolvedDependencies'][number]

function dataComponent({ name, uri, digest, annotations }: Dependency): JsonObject {
  return {
    ...data(name, digest?.sha256, annotations?.licence),
    data: [{ type: 'dataset', name, ...(uri === undefined ? {} : { contents: { url: uri } }) }],
    properties: [
      property('starling:use', annotations?.use ?? 'unknown'),
      property('starling:consent', annotations?.consent?.state ?? 'unknown'),
      property('starling:consentNote', annotations?.consent?.note ?? ''),
    ],
  }
}

type HeldBack = Evaluation['predicate']['configuration'][number]

function heldBackComponent({ name, digest, annotations }: HeldBack): JsonObject {
  return {
    ...data(name, digest.sha256, annotations.licence),
    data: [{ type: 'dataset', name }],
    properties: [
      property('starling:use', 'held back'),
      property('starling:items', String(annotations.items)),
    ],
  }
}

function data(name: string, sha256: string | undefined, licence: string | undefined): JsonObject {
  return {
    type: 'data',
    'bom-ref': dataRef(name, sha256),
    name,
    ...(licence === undefined ? {} : { licenses: [{ expression: licence }] }),
    ...(sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
  }
}

function property(name: string, value: string): JsonObject {
  return { name, value }
}

function refOf({ name, version }: Pick<BomSubject, 'name' | 'version'>): string {
  return `bundle:${name}@${version}`
}

/** By name and digest: one dataset may have taught it and been steered by. */
function dataRef(name: string, sha256 = 'unknown'): string {
  return `data:${sha256Hex(`${sha256} ${name}`).slice(0, 16)}`
}

/** A UUID of version 8 (RFC 9562) out of the content: the same bundle has the same bill, on every machine. */
function uuidOf({ name, version, files }: BomSubject): string {
  const hex = digestOf({ name, version, files: files.map(({ path, sha256 }) => ({ path, sha256 })) })
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

export interface BomFault {
  /** Where in the bill, as `components[3].hashes[0].content`. */
  readonly place: string
  readonly detail: string
}

/** Every place where a bill says something else than files, card and statements do. */
export function bomFaults(bom: unknown, subject: BomSubject): readonly BomFault[] {
  return [...differences(bom, bomOf(subject), '')]
}

function* differences(said: unknown, right: Json | undefined, place: string): Generator<BomFault> {
  if (Array.isArray(said) && Array.isArray(right)) {
    const all = Math.max(said.length, right.length)
    for (let at = 0; at < all; at += 1) yield* differences(said[at], right[at] as Json, `${place}[${at}]`)
    return
  }
  if (isRecord(said) && isRecord(right)) {
    for (const key of new Set([...Object.keys(said), ...Object.keys(right)]))
      yield* differences(said[key], right[key], place === '' ? key : `${place}.${key}`)
    return
  }
  if (said !== right)
    yield { place, detail: `the bill says ${shown(said)}, the bytes and statements say ${shown(right)}` }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 120)
}
