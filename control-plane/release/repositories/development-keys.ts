/** The keys of the two repositories of an installation for development, made by the ceremony's own steps. */
import { join } from 'node:path'
import {
  assemble,
  prepareRoot,
  rehearseRoots,
  requiredForRoot,
  signDetached,
} from '../../../rollout/tuf/ceremony.ts'
import { TOP_LEVEL_ROLES, type TopLevelRole } from '../../../rollout/tuf/delegations.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import type { RepositoryName } from '../../../shared/wire/repository.ts'
import { openKeyRing, type KeyRing, type StoredRing } from './key-ring.ts'

/** How many keys a role has, and how many of them have to sign. */
const ROLE_KEYS: Readonly<
  Record<
    RepositoryName,
    Readonly<Record<TopLevelRole, { readonly keys: number; readonly threshold: number }>>
  >
> = {
  image: {
    root: { keys: 5, threshold: 3 },
    targets: { keys: 3, threshold: 2 },
    snapshot: { keys: 1, threshold: 1 },
    timestamp: { keys: 1, threshold: 1 },
  },
  director: {
    root: { keys: 5, threshold: 3 },
    targets: { keys: 1, threshold: 1 },
    snapshot: { keys: 1, threshold: 1 },
    timestamp: { keys: 1, threshold: 1 },
  },
}

/** Nobody holds a ceremony for an installation for development: its root outlives it. */
const ROOT_DAYS = 3_650
const DAY_MS = 86_400_000

/** The keys of an installation for development, made when there are none. */
export function openDevelopmentKeys(folder: string, nowMs: number): KeyRing {
  return openKeyRing(join(folder, 'repositories.json'), () => ({
    v: 1,
    image: madeFor('image', nowMs),
    director: madeFor('director', nowMs),
  }))
}

function madeFor(name: RepositoryName, nowMs: number): StoredRing['image'] {
  const signers = Object.fromEntries(
    TOP_LEVEL_ROLES.map((role) => [
      role,
      Array.from({ length: ROLE_KEYS[name][role].keys }, () => generateSigningKey('ed25519')),
    ]),
  ) as Record<TopLevelRole, SigningKey[]>
  const plan = (role: TopLevelRole) => ({ keys: signers[role], threshold: ROLE_KEYS[name][role].threshold })
  const document = prepareRoot(undefined, {
    environment: 'development',
    repository: name,
    expiresMs: nowMs + ROOT_DAYS * DAY_MS,
    roles: {
      root: plan('root'),
      targets: plan('targets'),
      snapshot: plan('snapshot'),
      timestamp: plan('timestamp'),
    },
  })
  const signatures = signers.root.map((key) => signDetached(document, key))
  const root = assemble(document, signatures, requiredForRoot(document, undefined))
  rehearseRoots(root, [root], nowMs)
  const pems = (role: TopLevelRole): string[] => signers[role].map((key) => key.secretPem())
  return {
    root: Buffer.from(root).toString('base64'),
    signers: {
      root: pems('root'),
      targets: pems('targets'),
      snapshot: pems('snapshot'),
      timestamp: pems('timestamp'),
    },
  }
}
