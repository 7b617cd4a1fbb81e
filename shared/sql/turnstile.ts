/**
 * Who may use the one connection, in the order of asking. Single statements pass at once and may follow one another
 * closely; a transaction keeps the way shut behind it until it ends.
 */
import { QueueFull } from './errors.ts'

type Waiting = { readonly kind: 'single'; enter(): void } | { readonly kind: 'transaction'; enter(): void }

export class Turnstile {
  readonly #limit: number
  readonly #waiting: Waiting[] = []
  #shut = false

  constructor(limit: number) {
    this.#limit = limit
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** `enter` is called as soon as no earlier transaction is open. Throws {@link QueueFull}. */
  single(enter: () => void): void {
    if (!this.#shut) enter()
    else this.#wait({ kind: 'single', enter })
  }

  /** As {@link single}, and the way is shut until {@link open} is called. */
  transaction(enter: () => void): void {
    if (this.#shut) this.#wait({ kind: 'transaction', enter })
    else {
      this.#shut = true
      enter()
    }
  }

  /** Ends the transaction that holds the way. */
  open(): void {
    this.#shut = false
    while (!this.#shut) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (next.kind === 'transaction') this.#shut = true
      next.enter()
    }
  }

  #wait(waiting: Waiting): void {
    if (this.#waiting.length >= this.#limit) throw new QueueFull(this.#limit)
    this.#waiting.push(waiting)
  }
}
