/** Work that is done again and again: at an interval, sooner when woken, later and later while it fails. */
import { reportError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'

export interface RoundsOptions {
  readonly name: string
  readonly everyMs: number
  /** The longest pause after failures. */
  readonly atMostMs: number
  readonly log: Log
  /** One round; rejections are logged once until a round succeeds. */
  round(signal: AbortSignal): Promise<void>
}

export interface Rounds {
  /** Asks for a round now; during one, for another after it. */
  wake(): void
  /** Aborts the round under way and waits for it. */
  stop(): Promise<void>
}

export function startRounds(options: RoundsOptions): Rounds {
  const controller = new AbortController()
  const { signal } = controller
  let wake: (() => void) | null = null
  let isWoken = false
  let failures = 0
  const pause = async (): Promise<void> => {
    if (isWoken || signal.aborted) return
    const waitMs = Math.min(options.everyMs * 2 ** Math.min(failures, 16), options.atMostMs)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    wake = null
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      isWoken = false
      try {
        await options.round(signal)
        failures = 0
      } catch (thrown) {
        if (signal.aborted) return
        failures += 1
        const { code, message, remedy } = reportError(thrown)
        if (failures === 1) options.log.warn(`${options.name} failed: ${message}`, { code, remedy })
      }
      await pause()
    }
  }
  const running = run()
  return {
    wake: () => {
      isWoken = true
      wake?.()
    },
    stop: async () => {
      controller.abort()
      wake?.()
      await running
    },
  }
}
