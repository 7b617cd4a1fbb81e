/**
 * How often enrolment may be refused to one address. Tokens of 256 bits are not guessed; but every refusal is a record, and
 * whoever has no token at all must not be able to fill the journal with them.
 */
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'

/** A person who mistypes needs a few; a site that enrols its devices by a script needs none. */
const MAX_REFUSALS = 20
const WINDOW_MS = 60_000
/** Addresses that are remembered: beyond it the one that was quiet longest is forgotten. */
const MAX_ADDRESSES = 1_000

export class TooManyAttempts extends StarlingError {
  override readonly code = 'too_many_attempts'
}

export class EnrolmentAttempts {
  readonly #clock: Clock
  readonly #taken = new Map<string, readonly number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes one attempt for `address`; the returned function gives it back, for one that was not refused. Attempts under way
   * count, so that many at once are held as well. Throws {@link TooManyAttempts}.
   */
  take(address: string): () => void {
    const nowMs = this.#clock.monotonicMs()
    const recent = (this.#taken.get(address) ?? []).filter((at) => nowMs - at < WINDOW_MS)
    if (recent.length >= MAX_REFUSALS)
      throw new TooManyAttempts('too many enrolments were refused to this address', {
        remedy: 'Wait a minute, then use a new token of `starling token`.',
      })
    this.#taken.delete(address)
    this.#taken.set(address, [...recent, nowMs])
    const [quietest] = this.#taken.keys()
    if (this.#taken.size > MAX_ADDRESSES && quietest !== undefined) this.#taken.delete(quietest)
    return () => {
      const held = this.#taken.get(address) ?? []
      const at = held.lastIndexOf(nowMs)
      if (at >= 0) this.#taken.set(address, held.toSpliced(at, 1))
    }
  }
}
