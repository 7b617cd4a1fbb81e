import { StarlingError } from '../../shared/errors.ts'

/** The bytes are no recording that can be read: `reason` says which rule they break. */
export class AudioRefused extends StarlingError {
  override readonly code = 'audio_refused'
  readonly reason: AudioRefusal

  constructor(
    reason: AudioRefusal,
    message: string,
    remedy: string,
    details?: Readonly<Record<string, unknown>>,
  ) {
    super(message, { remedy, details: { reason, ...details } })
    this.reason = reason
  }
}

export type AudioRefusal =
  | 'empty'
  | 'not-wav'
  | 'truncated-header'
  | 'no-format'
  | 'no-data'
  | 'no-samples'
  | 'unsupported-codec'
  | 'unsupported-shape'
  | 'too-long'
  | 'damaged'

/** A model folder that is incomplete, damaged, or computes other numbers than its golden vectors. */
export class ModelRefused extends StarlingError {
  override readonly code = 'model_refused'
}

/** A grammar names words that neither the lexicon nor the given pronunciations know. */
export class WordsUnknown extends StarlingError {
  override readonly code = 'words_unknown'
}

/** A grammar that cannot be searched: no path to an end, or larger than the device may hold. */
export class GrammarRefused extends StarlingError {
  override readonly code = 'grammar_refused'
}

/** Audio arrives faster than it is decoded, or more streams are open than the device may hold. */
export class RecogniserBusy extends StarlingError {
  override readonly code = 'recogniser_busy'
}

/** The recogniser's thread ended, or was closed, while something still wanted it. */
export class RecogniserGone extends StarlingError {
  override readonly code = 'recogniser_gone'
}
