/**
 * The roots that a device starts from. It gets them when it is taken in. A device from before there were any may get them from
 * a person at the device, out of files, and from nobody over the network: whoever holds the centre's keys, which the device trusts for
 * manifests and policy, could otherwise name roots of his own, and one stolen key would be enough to install anything.
 */
import { join } from 'node:path'
import { checkAudience } from '../../rollout/tuf/audience.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import { openTrust } from '../../rollout/tuf/trust.ts'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import { REPOSITORIES, type RepositoryName } from '../../shared/wire/repository.ts'
import type { Disk } from '../models-store/disk.ts'
import { MetadataFolder } from '../tuf/metadata-folder.ts'

/** Where the device keeps what it trusts of the repositories, and for whom their roots have to be. */
export interface RootsParts {
  readonly folder: string
  readonly disk: Disk
  readonly clock: Clock
  readonly environment: Environment
}

export class RootsMissing extends StarlingError {
  override readonly code = 'roots_missing'

  constructor() {
    super('this device was given no roots when it was taken in: it installs nothing', {
      remedy:
        'Bring the root of both repositories from the people who hold their keys, and run `starling keys trust` on this device.',
    })
  }
}

/** Roots that would take the place of others: only a signed successor may. */
export class RootsKnown extends StarlingError {
  override readonly code = 'roots_known'
}

/** Stores each root where there is none yet; the others stay. Throws `TufRefused` for one that is for somebody else. */
export async function trustRoots(
  parts: RootsParts,
  roots: Readonly<Record<RepositoryName, Uint8Array>>,
): Promise<void> {
  for (const repository of REPOSITORIES) {
    const folder = folderOf(parts, repository)
    if ((await folder.read('root')) !== undefined) continue
    const { environment, clock } = parts
    checkAudience(roots[repository], { environment, repository })
    openTrust(roots[repository], clock.nowMs())
    await folder.write('root', roots[repository])
  }
}

/** Where a device with this data folder keeps both. */
export function repositoriesIn(data: string): string {
  return join(data, 'repositories')
}

/** The trusted metadata of one repository; never share a folder between the two. */
export function folderOf(
  { folder, disk }: Pick<RootsParts, 'folder' | 'disk'>,
  repository: RepositoryName,
): MetadataFolder {
  return new MetadataFolder(join(folder, repository), disk)
}

/**
 * Beside each root lies a copy of it. Everything else that a device trusts is fetched anew where the disk damaged it; the root is
 * what that is checked by, and without it the device would install nothing ever again.
 */
export async function mendRoots(parts: RootsParts): Promise<void> {
  for (const repository of REPOSITORIES) {
    const [folder, copies] = [folderOf(parts, repository), copiesOf(parts, repository)]
    const [root, copy] = [await folder.read('root'), await copies.read('root')]
    if (root === undefined || isRoot(root, parts)) {
      if (root !== undefined && (copy === undefined || !Buffer.from(copy).equals(root)))
        await copies.write('root', root)
    } else if (copy !== undefined && isRoot(copy, parts)) await folder.write('root', copy)
  }
}

function copiesOf({ folder, disk }: RootsParts, repository: RepositoryName): MetadataFolder {
  return new MetadataFolder(join(folder, 'copies', repository), disk)
}

function isRoot(bytes: Uint8Array, { clock }: RootsParts): boolean {
  try {
    openTrust(bytes, clock.nowMs())
    return true
  } catch (thrown) {
    if (thrown instanceof TufRefused) return false
    throw thrown
  }
}

/** True once the device trusts a root of each. */
export async function hasRoots(parts: Pick<RootsParts, 'folder' | 'disk'>): Promise<boolean> {
  for (const repository of REPOSITORIES)
    if ((await folderOf(parts, repository).read('root')) === undefined) return false
  return true
}
