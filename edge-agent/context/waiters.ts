/** Those who wait for something to hold, and are told when it may. */
export class Waiters {
  readonly #looks = new Set<() => void>()

  /** To be called whenever what somebody waits for may have come to hold. */
  look(): void {
    for (const look of this.#looks) look()
  }

  /** Resolves when `holds` does; rejects with the signal's reason. */
  async until(holds: () => boolean, signal: AbortSignal | null = null): Promise<void> {
    signal?.throwIfAborted()
    if (holds()) return
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#looks.delete(look)
        signal?.removeEventListener('abort', aborted)
      }
      const look = (): void => {
        if (!holds()) return
        end()
        resolve()
      }
      const aborted = (): void => {
        end()
        reject(signal?.reason as Error)
      }
      this.#looks.add(look)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}
