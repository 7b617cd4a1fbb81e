/** A link of a promotion's chain does not fit the next. */
import { StarlingError } from '../../shared/errors.ts'

export class ChainBroken extends StarlingError {
  override readonly code = 'chain_broken'

  constructor(why: string) {
    super(`the chain does not hold: ${why}`, {
      remedy: 'Ask the centre for it again; if it is the same, the promotion is not what it says it is.',
    })
  }
}
