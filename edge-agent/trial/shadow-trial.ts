/**
 * The shadow as a step of an installation: begun when it is first asked for, asked again at each round, ended when it has seen what
 * was wished for, or enough to be refused here. Finer judgement is the centre's, over many devices.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ShadowWish } from '../../rollout/install.ts'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Running as Bundle } from '../update/health.ts'
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
    of: { readonly facts: BundleFacts; readonly wish: ShadowWish; readonly bundle: Bundle },
    signal: AbortSignal,
  ): Promise<'enough' | 'later'>
  /** What was seen of each bundle that had a shadow since the process started; of each name the last one. */
  seen(): readonly ShadowSeen[]
}

export interface ShadowSeen {
  readonly bundle: Bundle
  readonly counts: ShadowCounts
}

interface Running {
  readonly dir: string
  readonly bundle: Bundle
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
  const seen = new Map<string, ShadowSeen>()
  const keep = ({ bundle, shadow }: Running): void => {
    seen.set(bundle.name, { bundle, counts: shadow.counts() })
  }
  const stop = async (): Promise<void> => {
    if (running !== null) keep(running)
    running = null
    await end()
  }
  return {
    async run(dir, { facts, wish, bundle }, signal) {
      signal.throwIfAborted()
      if (facts.kind === 'schema') return 'enough'
      if (running?.dir !== dir || !isDeepStrictEqual(running.bundle, bundle)) {
        await stop()
        const shadow = await begin(dir, facts)
        if (shadow === null) return 'enough'
        running = { dir, bundle, sinceMs: clock.monotonicMs(), shadow }
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
    seen: () => {
      if (running !== null) keep(running)
      return [...seen.values()]
    },
  }
}
