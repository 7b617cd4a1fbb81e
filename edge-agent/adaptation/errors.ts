import { StarlingError } from '../../shared/errors.ts'

/** Nothing can be learnt from what was given: too few recordings, or none whose words are known. */
export class NothingToLearn extends StarlingError {
  override readonly code = 'nothing_to_learn'
}

/** The speaker has not agreed, or no longer, that recordings are kept. */
export class ConsentMissing extends StarlingError {
  override readonly code = 'consent_missing'
}
