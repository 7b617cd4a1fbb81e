/** What becomes of a release when it is published. */
import type { Clock } from '../../shared/clock.ts'
import type { CentreWork } from '../performer.ts'
import { enterAlias } from './aliases.ts'
import { STABLE } from './stable.ts'
import { noteTransition, type ReleaseRef } from './transitions.ts'

/**
 * To be called by whoever stores a new release, in its transaction: its first steps are noted, and the very first release of a
 * name becomes `stable`, since nothing runs that it could harm; every later one waits for a rollout or a move of the alias.
 */
export async function enterRelease(
  work: CentreWork,
  clock: Clock,
  release: ReleaseRef & { readonly envelopeSha256: string; readonly held: boolean },
): Promise<void> {
  const { name, version, envelopeSha256 } = release
  for (const kind of ['registered', 'evaluated', 'signed'] as const)
    await noteTransition(work, clock, { name, version, kind, detail: { envelopeSha256 } })
  if (release.held) return
  const [held] = await work.tx.query('select 1 as found from centre.alias where name = $1 and alias = $2', [
    name,
    STABLE,
  ])
  if (held === undefined) await enterAlias(work, clock, { name, version, alias: STABLE, from: null })
}
