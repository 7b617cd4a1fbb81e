/**
 * The private keys of the two repositories that lie at this centre, in one file of mode 0600. For development all of them do; in
 * production only the online ones: no key of root, nor of what exists, may ever lie here.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { onlineRoles } from '../../../rollout/tuf/ceremony.ts'
import { TOP_LEVEL_ROLES, type TopLevelRole } from '../../../rollout/tuf/delegations.ts'
import { keyDocument, keyIdOf } from '../../../rollout/tuf/documents.ts'
import type { Root } from '../../../rollout/tuf/metadata.ts'
import { generateSigningKey, loadSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import { KeysUnreadable } from '../../keys.ts'

export interface KeyRing {
  /** Version 1 of each root where it was made here; null where people made it. */
  readonly firstRoots: Readonly<Record<RepositoryName, Uint8Array>> | null
  /** Every key that is held for a role, oldest first. */
  held(repository: RepositoryName, role: TopLevelRole): readonly SigningKey[]
  /** Makes one more; it signs once a root names it. */
  renew(repository: RepositoryName, role: TopLevelRole): SigningKey
}

/** PEM, by role. */
const PemsSchema = v.strictObject({
  root: v.exactOptional(v.array(v.string())),
  targets: v.exactOptional(v.array(v.string())),
  snapshot: v.exactOptional(v.array(v.string())),
  timestamp: v.exactOptional(v.array(v.string())),
})
type Pems = v.InferOutput<typeof PemsSchema>
const RepositorySchema = v.strictObject({ root: v.exactOptional(v.string()), signers: PemsSchema })
const StoredSchema = v.strictObject({ v: v.literal(1), image: RepositorySchema, director: RepositorySchema })
export type StoredRing = v.InferOutput<typeof StoredSchema>

/** Reads a ring, or keeps what `make` makes where there is none. Throws {@link KeysUnreadable}; a file that it cannot read stays. */
export function openKeyRing(path: string, make: () => StoredRing): KeyRing {
  if (!existsSync(path)) writeSecret(path, JSON.stringify(make()))
  let stored: StoredRing
  const keys = new Map<string, SigningKey[]>()
  try {
    stored = v.parse(StoredSchema, JSON.parse(readFileSync(path, 'utf8')))
    for (const name of REPOSITORIES)
      for (const role of TOP_LEVEL_ROLES)
        keys.set(`${name} ${role}`, (stored[name].signers[role] ?? []).map(loadSigningKey))
  } catch (cause) {
    throw new KeysUnreadable(`the repositories' keys in ${path} cannot be read`, {
      remedy:
        'Restore the file from a backup. Where there is none, make new online keys and a root that names them.',
      cause,
    })
  }
  const { image, director } = stored
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
  return {
    firstRoots:
      image.root === undefined || director.root === undefined
        ? null
        : { image: bytes(image.root), director: bytes(director.root) },
    held: (repository, role) => keys.get(`${repository} ${role}`) ?? [],
    renew: (repository, role) => {
      const key = generateSigningKey('ed25519')
      const signers: Pems = stored[repository].signers
      signers[role] = [...(signers[role] ?? []), key.secretPem()]
      writeSecret(path, JSON.stringify(stored))
      keys.set(`${repository} ${role}`, [...(keys.get(`${repository} ${role}`) ?? []), key])
      return key
    },
  }
}

/** The ring of a production centre: one key for each online role. */
export function openOnlineKeys(folder: string): KeyRing {
  const made = (name: RepositoryName): StoredRing['image'] => {
    const signers: Pems = {}
    for (const role of onlineRoles(name)) signers[role] = [generateSigningKey('ed25519').secretPem()]
    return { signers }
  }
  return openKeyRing(join(folder, 'online-keys.json'), () => ({
    v: 1,
    image: made('image'),
    director: made('director'),
  }))
}

/** The held keys that a root names for a role, as many as its threshold asks for; fewer where fewer are held. */
export function signersOf(
  ring: KeyRing,
  root: Root,
  { repository, role }: { readonly repository: RepositoryName; readonly role: TopLevelRole },
): readonly SigningKey[] {
  const { keyIds, threshold } = root.roles[role]
  return ring
    .held(repository, role)
    .filter((key) => keyIds.includes(keyIdOf(keyDocument(key))))
    .slice(0, threshold)
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
