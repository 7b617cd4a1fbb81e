/** `starling keys trust`: a person gives a device that has no roots those that it shall start from. See ../../update/roots.ts. */
import { readRoot } from '../../../rollout/tuf/metadata.ts'
import { systemClock } from '../../../shared/clock.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { readIdentity } from '../../identity/identity.ts'
import { realDisk } from '../../models-store/disk.ts'
import { hasRoots, repositoriesIn, RootsKnown, trustRoots } from '../../update/roots.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readBytes } from './key-files.ts'

/** Throws {@link RootsKnown} where the device has its roots: only a signed successor takes their place. */
export async function keysTrust(
  call: Call,
  files: { readonly image: string; readonly director: string },
): Promise<ExitCode> {
  const { environment } = readIdentity(call.home.edge)
  const folder = repositoriesIn(call.home.edge)
  const parts = { folder, disk: realDisk, clock: systemClock, environment }
  if (await hasRoots(parts))
    throw new RootsKnown('this device has its roots', {
      remedy:
        'Nothing needs to be done: newer roots come by themselves, each signed by the keys of the one before.',
    })
  const roots = { image: readBytes(files.image), director: readBytes(files.director) }
  await trustRoots(parts, roots)
  const said = (['image', 'director'] as const).map((repository) => ({
    repository,
    version: readRoot(roots[repository]).content.version,
    sha256: sha256Hex(roots[repository]),
  }))
  call.output.answer({ roots: said }, [
    ...said.map(({ repository, version, sha256 }) => `${repository}: root ${version}, SHA-256 ${sha256}`),
    'this device starts from them at its next look; compare the digests with those of the people who hold the keys',
  ])
  return EXIT.ok
}
