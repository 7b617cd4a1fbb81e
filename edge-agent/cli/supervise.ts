/** Keeps a part running: starts it again when it ends by itself, a few times, and gives up aloud. */
import { StarlingError } from '../../shared/errors.ts'
import type { Output } from './output.ts'
import type { PartProcess } from './part-process.ts'

/** More crashes than this within {@link CRASH_WINDOW_MS} are not bad luck. */
const MAX_CRASHES = 5
const CRASH_WINDOW_MS = 60_000
const FIRST_PAUSE_MS = 200

export class PartKeepsFailing extends StarlingError {
  override readonly code = 'part_keeps_failing'
}

export interface Supervised {
  current(): PartProcess
  /** Rejects when the part cannot be kept running; never resolves otherwise, until stopped. */
  readonly given: Promise<void>
  stop(): Promise<void>
}

export interface SupervisedPart {
  start(): Promise<PartProcess>
  /** Told after each start but the first. */
  restarted(part: PartProcess): void
  readonly output: Output
  readonly nowMs: () => number
}

/** `first` is running already. */
export function supervise(first: PartProcess, part: SupervisedPart): Supervised {
  let current = first
  let isStopping = false
  let crashes: number[] = []
  const keep = async (): Promise<void> => {
    for (;;) {
      const { code, signal } = await current.gone
      if (isStopping) return
      crashes = [...crashes.filter((at) => part.nowMs() - at < CRASH_WINDOW_MS), part.nowMs()]
      part.output.progress(
        `the ${first.name} ended by itself (${signal ?? `code ${code}`}); starting it again`,
      )
      if (crashes.length > MAX_CRASHES) throw keepsFailing(first.name)
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (crashes.length - 1)))
      if (isStopping) return
      current = await part.start()
      part.restarted(current)
    }
  }
  const given = keep()
  // Whoever stops without waiting for it must not be ended by it.
  given.catch(() => undefined)
  return {
    current: () => current,
    given,
    stop: async () => {
      isStopping = true
      await current.stop()
      await given.catch(() => undefined)
    },
  }
}

function keepsFailing(name: string): PartKeepsFailing {
  return new PartKeepsFailing(`the ${name} ended ${MAX_CRASHES + 1} times within a minute`, {
    remedy: 'The lines above say why; `starling doctor` checks what it needs.',
  })
}
