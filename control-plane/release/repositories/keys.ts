/**
 * The keys of the two repositories of an installation for development, made by the ceremony's own steps and kept in one file of
 * mode 0600. In production no key of root or targets may lie here: those come from `starling keys`, on machines of their own.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  assemble,
  prepareRoot,
  rehearseRoots,
  requiredForRoot,
  signDetached,
} from '../../../rollout/tuf/ceremony.ts'
import { TOP_LEVEL_ROLES, type TopLevelRole } from '../../../rollout/tuf/delegations.ts'
import { generateSigningKey, loadSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import { KeysUnreadable } from '../../keys.ts'

/** How many keys a role has, and how many of them have to sign. */
export const ROLE_KEYS: Readonly<
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

export interface RepositoryKeys {
  /** The root that devices are given, as it is served. */
  readonly root: Uint8Array
  readonly signers: Readonly<Record<TopLevelRole, readonly SigningKey[]>>
}
export type BothKeys = Readonly<Record<RepositoryName, RepositoryKeys>>

const Pems = v.pipe(v.array(v.string()), v.minLength(1))
const RepositorySchema = v.strictObject({
  root: v.string(),
  signers: v.strictObject({ root: Pems, targets: Pems, snapshot: Pems, timestamp: Pems }),
})
const StoredSchema = v.strictObject({ v: v.literal(1), image: RepositorySchema, director: RepositorySchema })

/** Reads the keys, or makes them when there are none. Throws {@link KeysUnreadable}; a file that it cannot read stays. */
export function openDevelopmentKeys(folder: string, nowMs: number): BothKeys {
  const path = join(folder, 'repositories.json')
  if (!existsSync(path)) {
    const made = Object.fromEntries(REPOSITORIES.map((name) => [name, madeFor(name, nowMs)]))
    writeSecret(path, JSON.stringify({ v: 1, ...made }))
  }
  try {
    const { image, director } = v.parse(StoredSchema, JSON.parse(readFileSync(path, 'utf8')))
    return { image: loaded(image), director: loaded(director) }
  } catch (cause) {
    throw new KeysUnreadable(`the repositories' keys in ${path} cannot be read`, {
      remedy: 'Restore the file from a backup: with new keys, every device would have to be enrolled anew.',
      cause,
    })
  }
}

function madeFor(name: RepositoryName, nowMs: number): v.InferOutput<typeof RepositorySchema> {
  const signers = Object.fromEntries(
    TOP_LEVEL_ROLES.map((role) => [
      role,
      Array.from({ length: ROLE_KEYS[name][role].keys }, () => generateSigningKey('ed25519')),
    ]),
  ) as Record<TopLevelRole, SigningKey[]>
  const plan = (role: TopLevelRole) => ({ keys: signers[role], threshold: ROLE_KEYS[name][role].threshold })
  const document = prepareRoot(undefined, {
    environment: 'development',
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

function loaded({ root, signers }: v.InferOutput<typeof RepositorySchema>): RepositoryKeys {
  const keys = (role: TopLevelRole): SigningKey[] => signers[role].map(loadSigningKey)
  return {
    root: new Uint8Array(Buffer.from(root, 'base64')),
    signers: {
      root: keys('root'),
      targets: keys('targets'),
      snapshot: keys('snapshot'),
      timestamp: keys('timestamp'),
    },
  }
}

function writeSecret(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}
