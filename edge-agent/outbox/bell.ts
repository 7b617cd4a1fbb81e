import { setTimeout as delay } from 'node:timers/promises'

/** Wakes one waiting loop. A ring while nobody waits is kept, so that no news is lost between looking and waiting. */
export class Bell {
  #isRung = false
  #wake: () => void = () => undefined

  ring(): void {
    this.#isRung = true
    this.#wake()
  }

  /** Resolves at the next ring, after `limitMs`, or when `signal` aborts; never rejects. */
  async wait(limitMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted) {
      const settled = new AbortController()
      const rung = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const limit = delay(limitMs, undefined, { signal: AbortSignal.any([signal, settled.signal]) })
      await Promise.race([rung, limit.catch(() => undefined)])
      settled.abort()
    }
    this.#isRung = false
  }
}
