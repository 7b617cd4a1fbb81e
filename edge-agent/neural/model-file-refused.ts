import { StarlingError } from '../../shared/errors.ts'

export type RefusalReason =
  | 'unreadable'
  | 'too-large'
  | 'not-onnx'
  | 'malformed'
  | 'external-weights'
  | 'unknown-contract'
  | 'metadata-missing'
  | 'metadata-malformed'
  | 'graph-mismatch'
  | 'files-missing'
  | 'tokens-missing'
  | 'tokens-malformed'
  | 'tokens-mismatch'
  | 'does-not-run'

/** A model's file that is none of those that can be run: says what was found and what was expected. */
export class ModelFileRefused extends StarlingError {
  override readonly code = 'model_file_refused'
  readonly reason: RefusalReason

  constructor(
    reason: RefusalReason,
    about: {
      readonly file: string
      readonly found: string
      readonly expected: string
      readonly remedy?: string
      readonly cause?: unknown
    },
  ) {
    const { file, found, expected, cause } = about
    super(`${file}: found ${found}; expected ${expected}`, {
      remedy: about.remedy ?? 'Give the files of a streaming model that sherpa-onnx loads, unchanged.',
      details: { reason, file, found, expected },
      ...(cause === undefined ? {} : { cause }),
    })
    this.reason = reason
  }
}
