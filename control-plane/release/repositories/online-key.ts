/** One more online key: it signs once a root names it, and the old one until then. */
import * as v from 'valibot'
import { onlineRoles } from '../../../rollout/tuf/ceremony.ts'
import { TOP_LEVEL_ROLES, type TopLevelRole } from '../../../rollout/tuf/delegations.ts'
import { keyDocument, keyIdOf } from '../../../rollout/tuf/documents.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import type { SigningKey } from '../../../shared/signing/signing-key.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import { centrePerformer } from '../../performer.ts'
import { RepositoryRefused } from './hand-in.ts'
import type { RepositoryParts } from './repositories.ts'

const InputSchema = v.strictObject({
  repository: v.picklist(REPOSITORIES),
  role: v.picklist(TOP_LEVEL_ROLES),
})

/** Performs `release.online_key`. Throws {@link RepositoryRefused} for a role whose keys stay with people. */
export function onlineKeyPerformer({
  keys,
}: Pick<RepositoryParts, 'keys'>): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('release.online_key', InputSchema, async (_work, { repository, role }) => {
    checkOnline(repository, role)
    const keyId = keyIdOf(keyDocument(keys.renew(repository, role)))
    return await Promise.resolve({ repository, role, keyId })
  })
}

/** The online key that was made last. Throws {@link RepositoryRefused}. */
export function newestKey(
  { keys }: Pick<RepositoryParts, 'keys'>,
  repository: RepositoryName,
  role: TopLevelRole,
): SigningKey {
  checkOnline(repository, role)
  const key = keys.held(repository, role).at(-1)
  if (key === undefined) throw notOnline(repository, role)
  return key
}

function checkOnline(repository: RepositoryName, role: TopLevelRole): void {
  if (!onlineRoles(repository).includes(role)) throw notOnline(repository, role)
}

function notOnline(repository: RepositoryName, role: TopLevelRole): RepositoryRefused {
  return new RepositoryRefused(
    'not_offline',
    `the ${role} keys of the ${repository} repository do not lie here`,
    {
      remedy: 'Make it where its holder keeps it: starling keys new --out FILE.',
    },
  )
}
