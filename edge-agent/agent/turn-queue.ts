/** One turn at a time: each reads what the one before remembered. Few may wait, since nobody speaks faster than they are answered. */
import { StarlingError } from '../../shared/errors.ts'

const MAX_WAITING = 8

export class TooManyTurns extends StarlingError {
  override readonly code = 'too_many_turns'
}

export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Runs `turn` after those before it, however they end. Throws {@link TooManyTurns} when too many wait. */
  async run<T>(turn: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new TooManyTurns(`${MAX_WAITING} turns wait already`, {
        remedy: 'Wait for their answers, then speak again.',
      })
    this.#waiting += 1
    const before = this.#last
    const mine = (async () => {
      await before.catch(() => undefined)
      return await turn()
    })()
    this.#last = mine.finally(() => {
      this.#waiting -= 1
    })
    this.#last.catch(() => undefined)
    return await mine
  }
}
