/**
 * What this device may install: only what the image repository and its own director both name, with the same hash and length,
 * under keys that it was given when it was taken in. Metadata out of date blocks a new install, never what runs.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { bundleTargetPath, checkIsTarget } from '../../rollout/tuf/agreement.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import type { Clock } from '../../shared/clock.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import { DirectionSchema, REPOSITORIES, type RepositoryName } from '../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import type { Disk } from '../models-store/disk.ts'
import { askSource } from '../tuf/ask-source.ts'
import { MetadataFolder } from '../tuf/metadata-folder.ts'
import { TwoRepositories } from '../tuf/two-repositories.ts'

/** Throws `TufRefused` unless both repositories name the bundle, the director for this very device. */
export type Judge = (bundle: DesiredBundle) => Promise<void>

export interface Agreement {
  /** Both brought up to date. Throws `TufRefused`, or `TufUnreachable` when they cannot be had. */
  refreshed(signal: AbortSignal): Promise<Judge>
}

/** `roots`: the first ones, as the device was given them; null when it was given none, and then nothing is ever agreed. */
export function openAgreement(parts: {
  readonly folder: string
  readonly disk: Disk
  readonly ask: Ask
  readonly clock: Clock
  readonly device: DeviceId
  readonly roots: Readonly<Record<RepositoryName, Uint8Array>> | null
}): Agreement {
  const { ask, clock, device, roots } = parts
  const folderOf = (name: RepositoryName): MetadataFolder =>
    new MetadataFolder(join(parts.folder, name), parts.disk)
  return {
    refreshed: async (signal) => {
      for (const name of REPOSITORIES) {
        const folder = folderOf(name)
        if (roots !== null && (await folder.read('root')) === undefined)
          await folder.write('root', roots[name])
      }
      const side = (name: RepositoryName) => ({
        source: askSource(ask, name, signal),
        folder: folderOf(name),
      })
      const both = await TwoRepositories.refreshed(
        { director: side('director'), image: side('image') },
        clock.nowMs(),
      )
      return async (bundle) => {
        const target = await both.agreed(bundleTargetPath(bundle.name, bundle.version))
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
