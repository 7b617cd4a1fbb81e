/**
 * How a bundle did on what was held back, as an in-toto test result (in-toto/attestation, spec/predicates/test-result.md), and
 * whether that is good enough: every quality of the contract measured, its thresholds kept, no worse than the incumbent.
 */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { BundleFile } from '../../shared/wire/bundle.ts'
import type { Metric } from '../../shared/wire/metric-contract.ts'
import type { KindContract } from './kind-contract.ts'
import type { EvaluationFacts, Figure } from './release-facts.ts'
import { Digest, STATEMENT_TYPE, statementSchema, subjectsOf } from './statement.ts'
import type { UnfitCode } from './unfit.ts'

export const EVALUATION_TYPE = 'https://in-toto.io/attestation/test-result/v0.1'

export const FigureSchema = v.object({
  name: v.string(),
  value: v.pipe(v.number(), v.finite()),
  low: v.pipe(v.number(), v.finite()),
  high: v.pipe(v.number(), v.finite()),
  of: v.number(),
})
export const EvaluationSchema = statementSchema(
  EVALUATION_TYPE,
  v.object({
    result: v.picklist(['PASSED', 'WARNED', 'FAILED']),
    /** The held-back set. */
    configuration: v.pipe(
      v.array(
        v.object({
          name: v.string(),
          digest: Digest,
          annotations: v.object({
            items: v.number(),
            licence: v.string(),
            digestOf: v.optional(v.string()),
          }),
        }),
      ),
      v.length(1),
    ),
    passedTests: v.array(v.string()),
    failedTests: v.array(v.string()),
    method: v.string(),
    figures: v.array(FigureSchema),
    incumbent: v.nullable(v.object({ version: v.string(), figures: v.array(FigureSchema) })),
  }),
)
export type Evaluation = v.InferOutput<typeof EvaluationSchema>

export function evaluationStatement(
  files: readonly BundleFile[],
  facts: EvaluationFacts,
  contract: readonly Metric[],
): JsonObject {
  const { name, sha256, items, licence, digestOf } = facts.heldBack
  const tests = testsOf(contract, facts)
  const failedTests = tests.filter(({ fault }) => fault !== null).map((test) => test.name)
  return {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(files),
    predicateType: EVALUATION_TYPE,
    predicate: {
      result: failedTests.length === 0 ? 'PASSED' : 'FAILED',
      configuration: [
        {
          name,
          digest: { sha256 },
          annotations: { items, licence, ...(digestOf === undefined ? {} : { digestOf }) },
        },
      ],
      passedTests: tests.filter(({ fault }) => fault === null).map((test) => test.name),
      failedTests,
      method: facts.method,
      figures: facts.figures,
      incumbent: facts.incumbent,
    },
  }
}

export interface EvaluationFault {
  readonly code: Extract<
    UnfitCode,
    'bundle_without_evaluation' | 'evaluation_failed' | 'evaluation_worse' | 'evaluation_not_comparable'
  >
  readonly detail: string
}

interface Measured {
  readonly figures: readonly Figure[]
  readonly incumbent: { readonly version: string; readonly figures: readonly Figure[] } | null
}

interface Test {
  readonly name: string
  readonly fault: EvaluationFault | null
}

/** Every quality of the contract as tests: against its threshold, and against what the statement names as its incumbent. */
export function testsOf(contract: readonly Metric[], { figures, incumbent }: Measured): readonly Test[] {
  return contract
    .filter(({ source }) => source === 'evaluation')
    .flatMap((metric) => {
      const figure = figures.find(({ name }) => name === metric.name)
      if (figure === undefined)
        return [
          {
            name: metric.name,
            fault: faultOf('bundle_without_evaluation', `${metric.name} was not measured`),
          },
        ]
      const tests: Test[] = [{ name: metric.name, fault: againstThreshold(metric, figure) }]
      if (incumbent !== null)
        tests.push({
          name: `${metric.name} against ${incumbent.version}`,
          fault: againstIncumbent(metric, figure, incumbent),
        })
      return tests
    })
}

function againstThreshold(metric: Metric, { value }: Figure): EvaluationFault | null {
  const { name, direction, threshold } = metric
  if (threshold === null || !isWorse(direction, value, threshold)) return null
  return faultOf('evaluation_failed', `${name} is ${value}, its threshold is ${threshold}`)
}

/** As good as the incumbent, or better, as far as the candidate's own interval can tell. */
function againstIncumbent(
  { name, direction }: Metric,
  { low, high }: Figure,
  incumbent: NonNullable<Measured['incumbent']>,
): EvaluationFault | null {
  const before = incumbent.figures.find((figure) => figure.name === name)
  if (before === undefined)
    return faultOf('evaluation_not_comparable', `${name} of ${incumbent.version} is not given`)
  if (!isWorse(direction, direction === 'higher' ? high : low, before.value)) return null
  return faultOf(
    'evaluation_worse',
    `${name} lies from ${low} to ${high}, that of ${incumbent.version} is ${before.value}`,
  )
}

function isWorse(direction: Metric['direction'], value: number, than: number): boolean {
  return direction === 'higher' ? value < than : value > than
}

/** What runs now under the bundle's name, as its own statement has it. */
export interface Incumbent {
  readonly version: string
  readonly heldBackSet: KindContract['heldBackSet']
  readonly evaluation: Evaluation
}

/**
 * Says whether a bundle may take the place of `incumbent`: no fault of its own tests, and no worse than what runs. Compared is, on
 * the same held-back set, what the incumbent's own statement says; on another, what this one says of that version.
 */
export function evaluationFault(
  evaluation: Evaluation,
  contract: readonly Metric[],
  incumbent: Incumbent | null,
): EvaluationFault | null {
  const { predicate } = evaluation
  const own = testsOf(contract, predicate).find((test) => test.fault !== null)
  if (own !== undefined) return own.fault
  if (predicate.result !== 'PASSED')
    return faultOf('evaluation_failed', `its evaluation says ${predicate.result}`)
  if (incumbent === null) return null
  const [set] = predicate.configuration
  const [setBefore] = incumbent.evaluation.predicate.configuration
  if (incumbent.heldBackSet === 'same' && set?.digest.sha256 !== setBefore?.digest.sha256) {
    // On another set, the figures that it gives for that very version have to do: its own tests held them against each other.
    if (predicate.incumbent?.version === incumbent.version) return null
    return faultOf(
      'evaluation_not_comparable',
      `${incumbent.version} runs, and its evaluation neither names that version nor uses the same held-back set`,
    )
  }
  const before = { version: incumbent.version, figures: incumbent.evaluation.predicate.figures }
  return (
    testsOf(contract, { figures: predicate.figures, incumbent: before }).find((test) => test.fault !== null)
      ?.fault ?? null
  )
}

function faultOf(code: EvaluationFault['code'], detail: string): EvaluationFault {
  return { code, detail }
}
