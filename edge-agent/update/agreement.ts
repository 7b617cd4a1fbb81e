/**
 * What this device may install: only what the image repository and its own director both name, with the same hash and length,
 * under keys that it was given when it was taken in. Metadata out of date blocks a new install, never what runs.
 */
import * as v from 'valibot'
import { bundleTargetPath, checkIsTarget } from '../../rollout/tuf/agreement.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import { DirectionSchema, type RepositoryName } from '../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { askSource } from '../tuf/ask-source.ts'
import { audienceSource } from '../tuf/audience-source.ts'
import { TufUnreachable } from '../tuf/repository-source.ts'
import { TwoRepositories } from '../tuf/two-repositories.ts'
import { folderOf, hasRoots, mendRoots, RootsMissing, trustRoots, type RootsParts } from './roots.ts'

/** Throws `TufRefused` unless both repositories name the bundle, the director for this very device. */
export type Judge = (bundle: DesiredBundle) => Promise<void>

export interface Agreement {
  /** Both brought up to date. Throws `TufRefused`, `TufUnreachable` when they cannot be had, {@link RootsMissing}. */
  refreshed(signal: AbortSignal): Promise<Judge>
}

export interface AgreementParts extends RootsParts {
  readonly ask: Ask
  readonly device: DeviceId
  /** As the device was given them when it was taken in; null when it was given none. */
  readonly roots: Readonly<Record<RepositoryName, Uint8Array>> | null
  /** Aborts after so many milliseconds. */
  readonly alarm?: (afterMs: number) => AbortSignal
}

/**
 * Both repositories together are brought up to date within this, milliseconds: a dozen files on a poor link. Whoever keeps each
 * answer just within its own limit must not hold an installation for ever.
 */
const REFRESH_WITHIN_MS = 300_000

function usualAlarm(afterMs: number): AbortSignal {
  return AbortSignal.timeout(afterMs)
}

export function openAgreement(parts: AgreementParts): Agreement {
  const { ask, clock, device, environment, roots, alarm = usualAlarm } = parts
  return {
    refreshed: async (signal) => {
      if (roots !== null) await trustRoots(parts, roots)
      await mendRoots(parts)
      const late = alarm(REFRESH_WITHIN_MS)
      const side = (repository: RepositoryName) => ({
        source: audienceSource(askSource(ask, repository, AbortSignal.any([signal, late])), {
          environment,
          repository,
        }),
        folder: folderOf(parts, repository),
      })
      if (!(await hasRoots(parts))) throw new RootsMissing()
      const sides = { director: side('director'), image: side('image') }
      const both = await inTime(TwoRepositories.refreshed(sides, clock.nowMs()), { signal, late })
      // What was taken just now is kept twice at once.
      await mendRoots(parts)
      return async (bundle) => {
        const path = bundleTargetPath(bundle.name, bundle.version)
        const target = await inTime(both.agreed(path), { signal, late })
        checkIsTarget(target, { sha256: bundle.envelopeSha256, sizeBytes: bundle.envelopeSizeBytes })
        const direction = v.safeParse(DirectionSchema, target.direction)
        // What was signed for another device is nobody's word about this one, however true.
        if (!direction.success || direction.output.device !== device)
          throw new TufRefused('disagreement', target.path, 'the director names it for another device')
        if (direction.output.returnFrom !== bundle.returnFrom)
          throw new TufRefused(
            'disagreement',
            target.path,
            'the director signed no such way back to an older bundle',
          )
      }
    },
  }
}

async function inTime<T>(
  work: Promise<T>,
  { signal, late }: { readonly signal: AbortSignal; readonly late: AbortSignal },
): Promise<T> {
  try {
    return await work
  } catch (thrown) {
    if (!late.aborted || signal.aborted) throw thrown
    throw new TufUnreachable('slow', `the repositories did not answer within ${REFRESH_WITHIN_MS} ms`, thrown)
  }
}
