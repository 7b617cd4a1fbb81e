/**
 * What is known of a model and stands in none of its bytes: where it comes from and how it did on what was held back. The file
 * `release.json` beside a card; a bundle's statements are made of it, and the file itself does not travel.
 */
import * as v from 'valibot'
import type { Environment } from '../../shared/kernel/contract.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import {
  BUNDLE_KINDS,
  BundleCardSchema,
  VersionSchema,
  type BundleFile,
  type BundleKind,
} from '../../shared/wire/bundle.ts'
import { contractFault, MetricContractSchema } from '../../shared/wire/metric-contract.ts'
import { isLicence } from './licence.ts'
import { BundleUnfit } from './unfit.ts'
import { RELEASE_FILE } from './unsigned-files.ts'

export const CARD_FILE = 'card.json'

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(2_000))
const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 hex digits'))
const Share = v.pipe(v.number(), v.finite())
const MetricName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,59}$/))

/** What went into a model. `base` is somebody else's model that ours is made of; `training` taught it; `configuration` steered it. */
const DatasetSchema = v.strictObject({
  name: Text,
  use: v.picklist(['training', 'base', 'configuration']),
  sha256: Hash,
  /** Of what the digest is, where it is not of one file. */
  digestOf: v.exactOptional(Text),
  uri: v.exactOptional(v.pipe(v.string(), v.url(), v.maxLength(500))),
  licence: v.pipe(v.string(), v.check(isLicence, 'a licence is an SPDX expression')),
  consent: v.strictObject({
    /** `not-needed` where no person's speech or words are in it. */
    state: v.picklist(['given', 'not-needed', 'unknown']),
    note: Text,
  }),
})
export type Dataset = v.InferOutput<typeof DatasetSchema>

const ProvenanceFactsSchema = v.strictObject({
  /** The command that makes it. */
  recipe: Text,
  /** Who ran it, as a URI. */
  builder: v.pipe(
    v.string(),
    v.regex(/^[a-z][a-z0-9+.-]*:\S+$/, 'a builder is named by a URI'),
    v.maxLength(200),
  ),
  parameters: v.record(v.pipe(v.string(), v.maxLength(60)), v.union([v.string(), v.number(), v.boolean()])),
  datasets: v.pipe(v.array(DatasetSchema), v.minLength(1), v.maxLength(64)),
  /** What was done to the data on the way to the files, in order. */
  transforms: v.pipe(v.array(v.strictObject({ step: Text, tool: Text })), v.minLength(1), v.maxLength(32)),
})
export type ProvenanceFacts = v.InferOutput<typeof ProvenanceFactsSchema>

/** One figure with its 95 % interval; equal ends where nothing is left to chance. */
const FigureSchema = v.pipe(
  v.strictObject({
    name: MetricName,
    value: Share,
    low: Share,
    high: Share,
    /** Of how many recordings, sentences, steps. */
    of: v.pipe(v.number(), v.integer(), v.minValue(1)),
  }),
  v.check(({ low, value, high }) => low <= value && value <= high, 'a figure lies within its interval'),
)
export type Figure = v.InferOutput<typeof FigureSchema>

const EvaluationFactsSchema = v.strictObject({
  /** How it was measured, so that somebody else can. */
  method: Text,
  heldBack: v.strictObject({
    name: Text,
    sha256: Hash,
    digestOf: v.exactOptional(Text),
    items: v.pipe(v.number(), v.integer(), v.minValue(1)),
    licence: v.pipe(v.string(), v.check(isLicence, 'a licence is an SPDX expression')),
  }),
  figures: v.pipe(v.array(FigureSchema), v.minLength(1), v.maxLength(32)),
  /** What ran before, on the same set; null when nothing did. */
  incumbent: v.nullable(
    v.strictObject({
      version: VersionSchema,
      figures: v.pipe(v.array(FigureSchema), v.minLength(1), v.maxLength(32)),
    }),
  ),
})
export type EvaluationFacts = v.InferOutput<typeof EvaluationFactsSchema>

export interface ReleaseFacts {
  readonly minimalRuntime: string
  readonly task: string | null
  readonly provenance: ProvenanceFacts
  readonly evaluation: EvaluationFacts
  readonly metrics: v.InferOutput<typeof MetricContractSchema>
}

const OuterSchema = v.strictObject({
  v: v.literal(1),
  minimalRuntime: VersionSchema,
  /** What it does, in the words of its trade: "speech recognition". */
  task: v.exactOptional(Text),
  provenance: v.optional(v.unknown()),
  evaluation: v.optional(v.unknown()),
  metrics: v.optional(v.unknown()),
})

/** Reads `release.json`. Throws {@link BundleUnfit}, each lack by its own code. */
export function readReleaseFacts(value: unknown): ReleaseFacts {
  const outer = parsed(OuterSchema, value, 'bundle_refused')
  const contract = section(MetricContractSchema, outer.metrics, 'bundle_without_metrics')
  const fault = contractFault(contract)
  if (fault !== null) throw new BundleUnfit('bundle_without_metrics', fault)
  return {
    minimalRuntime: outer.minimalRuntime,
    task: outer.task ?? null,
    provenance: section(ProvenanceFactsSchema, outer.provenance, 'bundle_without_provenance'),
    evaluation: section(EvaluationFactsSchema, outer.evaluation, 'bundle_without_evaluation'),
    metrics: contract,
  }
}

const CardFileSchema = v.object({
  kind: v.exactOptional(v.picklist(BUNDLE_KINDS)),
  version: VersionSchema,
  ...BundleCardSchema.entries,
})

/** A model's card: the fields that the manifest carries; the whole card travels as a file. */
export interface ReleaseCard {
  readonly version: string
  readonly kind?: BundleKind
  readonly card: v.InferOutput<typeof BundleCardSchema>
}

/** Reads `card.json`. Throws {@link BundleUnfit} for one that says too little. */
export function readCard(value: unknown): ReleaseCard {
  if (typeof value === 'object' && value !== null && !('licence' in value))
    throw new BundleUnfit('bundle_without_licence', 'its card.json names none')
  const { version, kind, ...rest } = parsed(CardFileSchema, value, 'bundle_refused', 'its card.json: ')
  const card = v.parse(BundleCardSchema, rest)
  if (!isLicence(card.licence))
    throw new BundleUnfit('bundle_without_licence', `"${card.licence}" is no SPDX expression that names one`)
  return { version, card, ...(kind === undefined ? {} : { kind }) }
}

/** Everything of which a bundle is composed; nothing of it is read from a disk here. */
export interface Draft {
  readonly name: string
  readonly environment: Environment
  readonly card: ReleaseCard
  readonly facts: ReleaseFacts
  /** The files beside the documents, measured. */
  readonly files: readonly BundleFile[]
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

function section<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  code: BundleUnfit['code'],
): v.InferOutput<S> {
  if (value === undefined)
    throw new BundleUnfit(code, `it has no ${code.replace('bundle_without_', '')} in its ${RELEASE_FILE}`)
  return parsed(schema, value, code)
}

function parsed<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  code: BundleUnfit['code'],
  where = `its ${RELEASE_FILE}: `,
): v.InferOutput<S> {
  const outcome = v.safeParse(schema, value)
  if (outcome.success) return outcome.output
  throw new BundleUnfit(code, `${where}${describeIssues(outcome.issues)}`)
}
