/**
 * Whether one release may take the place of another by what their evaluations say. Each is held against its own signed manifest
 * first: a statement that the manifest does not name, or that is about other files, says nothing.
 */
import { sha256Hex } from '../../shared/digest.ts'
import { EVALUATION_FILE, type BundleManifest } from '../../shared/wire/bundle.ts'
import { evaluationFault, type Evaluation } from '../bundle/evaluation.ts'
import { contentFiles, evaluationOf } from '../bundle/examine.ts'
import { kindContract } from '../bundle/kind-contract.ts'
import { CARD_FILE } from '../bundle/release-facts.ts'
import { subjectFault } from '../bundle/statement.ts'
import { BundleUnfit } from '../bundle/unfit.ts'

export interface Evaluated {
  readonly manifest: BundleManifest
  readonly evaluation: Evaluation
  readonly evaluationSha256: string
}

/** Throws {@link BundleUnfit} where the bytes are not the evaluation that the manifest names, or it is about other files. */
export function evaluated(manifest: BundleManifest, bytes: Uint8Array): Evaluated {
  const file = manifest.files.find(({ path }) => path === EVALUATION_FILE)
  const evaluationSha256 = sha256Hex(bytes)
  const of = `${manifest.name} ${manifest.version}`
  if (file?.sha256 !== evaluationSha256)
    throw new BundleUnfit('bundle_unsound', `the evaluation that is here is not the one that ${of} names`)
  const evaluation = evaluationOf(bytes)
  if (evaluation === null)
    throw new BundleUnfit('bundle_without_evaluation', `the evaluation of ${of} cannot be read`)
  const fault = subjectFault(evaluation.subject, contentFiles(manifest))
  if (fault !== null) throw new BundleUnfit('bundle_unsound', `the evaluation of ${of}: ${fault}`)
  return { manifest, evaluation, evaluationSha256 }
}

/** Throws {@link BundleUnfit}: `evaluation_worse`, `evaluation_not_comparable` or `evaluation_failed`. */
export function requireNoWorseThan(candidate: Evaluated, incumbent: Evaluated | null): void {
  const before =
    incumbent === null
      ? null
      : {
          version: incumbent.manifest.version,
          evaluation: incumbent.evaluation,
          heldBackSet: kindContract(incumbent.manifest.kind).heldBackSet,
        }
  const fault = evaluationFault(candidate.evaluation, candidate.manifest.metrics, before)
  if (fault !== null) throw new BundleUnfit(fault.code, fault.detail)
}

/** The same files but for the card, which says the version, and the same claims: better figures are a claim of their own. */
export function isSameAgain(a: Evaluated, b: Evaluated): boolean {
  const digests = ({ manifest }: Evaluated): string =>
    contentFiles(manifest)
      .filter(({ path }) => path !== CARD_FILE)
      .map(({ path, sha256 }) => `${path} ${sha256}`)
      .join('\n')
  const claims = ({ evaluation }: Evaluated): string => JSON.stringify(evaluation.predicate)
  return digests(a) === digests(b) && claims(a) === claims(b)
}
