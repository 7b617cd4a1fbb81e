import { StarlingError } from '../../shared/errors.ts'

export const DELTA_REFUSALS = [
  /** The bytes are no delta of this format, or do not say what the format needs. */
  'malformed',
  /** The delta was made from other bytes than those held. */
  'wrong_base',
  /** The delta makes another file than the one that was asked for, or other bytes than it says. */
  'wrong_target',
  /** More output, or a longer list of parts, than the caller allows. */
  'too_large',
  'too_many_tensors',
  /** A part of the base was named that the base does not have. */
  'out_of_range',
  /** A model whose weights lie in another file. */
  'external_data',
] as const
export type DeltaRefusal = (typeof DELTA_REFUSALS)[number]

/** A delta, or a file to make one from, that is not taken. Nothing of what was put out before may be used. */
export class DeltaRefused extends StarlingError {
  override readonly code = 'delta_refused'
  readonly reason: DeltaRefusal

  constructor(reason: DeltaRefusal, detail: string) {
    super(`the delta is refused: ${detail}`, {
      remedy:
        reason === 'external_data'
          ? 'Save the model with its weights inside (onnx.save with save_as_external_data=False).'
          : 'Fetch another delta, or the full file.',
      details: { reason },
    })
    this.reason = reason
  }
}
