/** Why a bundle is not published: one class, one literal code for each reason, each with what to do about it. */
import { StarlingError } from '../../shared/errors.ts'

const REMEDIES = {
  bundle_without_provenance:
    'Write under "provenance" in release.json where it comes from: recipe, builder, parameters, datasets, transforms.',
  bundle_without_licence: 'Name its licence in card.json as an SPDX expression: "Apache-2.0".',
  bundle_without_golden:
    'Put golden.json beside the card: inputs, and what is expected of them. Devices run it before they take the bundle.',
  bundle_without_metrics:
    'Write under "metrics" in release.json what is measured of it: what devices report, and a quality of its own.',
  bundle_without_evaluation:
    'Write under "evaluation" in release.json how it did on what was held back: set, figures, incumbent.',
  bundle_without_bom: 'Build it again: starling bundle build writes the bill of materials.',
  provenance_incomplete:
    'Give every dataset a digest, a licence and a word on consent; what taught a model must have consent or need none.',
  evaluation_failed: 'Publish one that keeps the thresholds of its own metric contract.',
  evaluation_worse: 'Keep what runs, or publish one that does as well on what was held back.',
  evaluation_not_comparable:
    'Measure it and what runs now on one held-back set, and write both under "evaluation" in release.json.',
  bundle_unsound: 'Build it again from its files: starling bundle build.',
  bundle_foreign_environment: 'Build it for the environment that it is to run in: --environment.',
  bundle_version_taken: 'Publish changed content under a new version.',
  bundle_refused:
    'Mend what the message names and build it again; starling bundle --help says what a folder holds.',
} as const

export type UnfitCode = keyof typeof REMEDIES

export class BundleUnfit extends StarlingError {
  override readonly code: UnfitCode

  constructor(code: UnfitCode, why: string) {
    super(`the bundle is refused: ${why}`, { remedy: REMEDIES[code] })
    this.code = code
  }
}
