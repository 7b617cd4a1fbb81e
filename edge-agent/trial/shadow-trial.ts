/**
 * The shadow as a step of an installation: begun when it is first asked for, asked again at each round, ended when it has seen what
 * was wished for, or enough to be refused here. Finer judgement is the centre's, over many devices.
 */
import type { ShadowWish } from '../../rollout/install.ts'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { BundleFacts } from '../update/slot-facts.ts'
import type { Shadow, ShadowCounts } from './shadow.ts'

export class ShadowDisagrees extends StarlingError {
  override readonly code = 'shadow_disagrees'
}

/** One that fails with a fifth more of its inputs than it mends is refused by the device itself, once it has seen so many. */
const MAX_NET_WORSE_SHARE = 0.2
const LEAST_INPUTS = 20
const HOUR_MS = 3_600_000

export interface ShadowTrial {
  run(
    dir: string,
    of: { readonly facts: BundleFacts; readonly wish: ShadowWish },
    signal: AbortSignal,
  ): Promise<'enough' | 'later'>
  /** What was seen of a bundle, while its shadow runs and afterwards; null for one that had none since the process started. */
  seen(name: string): ShadowCounts | null
}

interface Running {
  readonly dir: string
  readonly facts: BundleFacts
  readonly sinceMs: number
  readonly shadow: Shadow
}

export function openShadowTrial({
  begin,
  end,
  clock,
}: {
  /** Null where no version runs that it could be compared with. */
  readonly begin: (dir: string, facts: BundleFacts) => Promise<Shadow | null>
  readonly end: () => Promise<void>
  readonly clock: Clock
}): ShadowTrial {
  let running: Running | null = null
  const seen = new Map<string, ShadowCounts>()
  const stop = async (): Promise<void> => {
    if (running !== null) seen.set(running.facts.name, running.shadow.counts())
    running = null
    await end()
  }
  return {
    async run(dir, { facts, wish }, signal) {
      signal.throwIfAborted()
      if (facts.kind === 'schema') return 'enough'
      if (running?.dir !== dir || running.facts.createdAtMs !== facts.createdAtMs) {
        await stop()
        seen.delete(facts.name)
        const shadow = await begin(dir, facts)
        if (shadow === null) return 'enough'
        running = { dir, facts, sinceMs: clock.monotonicMs(), shadow }
      }
      const { inputs, worse, better } = running.shadow.counts()
      if (inputs >= LEAST_INPUTS && worse - better > MAX_NET_WORSE_SHARE * inputs) {
        await stop()
        throw new ShadowDisagrees(
          `beside the present version it did worse with ${worse} of ${inputs} inputs, and better with ${better}`,
          {
            remedy:
              'The present version goes on. Look at what devices of this kind are asked, then publish a better one.',
          },
        )
      }
      if (inputs < wish.turns && clock.monotonicMs() - running.sinceMs < wish.hours * HOUR_MS) return 'later'
      await stop()
      return 'enough'
    },
    seen: (name) => (running?.facts.name === name ? running.shadow.counts() : (seen.get(name) ?? null)),
  }
}
