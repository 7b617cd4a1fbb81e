/** How the two repositories stand, for people: what is served, what waits for signatures, what will expire. */
import { TOP_LEVEL_ROLES, type TopLevelRole } from '../../../rollout/tuf/delegations.ts'
import { onlineRoles } from '../../../rollout/tuf/ceremony.ts'
import { keyDocument, keyIdOf, sealed } from '../../../rollout/tuf/documents.ts'
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import { readRoot, readTargets } from '../../../rollout/tuf/metadata.ts'
import type { NewFile } from '../../../rollout/tuf/publication.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import { RepositoryRefused } from './hand-in.ts'
import { imageDue } from './documents.ts'
import { families, groundOf, IMAGE, problemOf, rootsOf, type RepositoryParts } from './repositories.ts'
import { servedFiles } from './store.ts'

export interface RepositoryState {
  readonly repository: RepositoryName
  /** Null until the first root was handed in. */
  readonly root: {
    readonly version: number
    readonly expiresAt: string
    readonly signers: readonly {
      readonly role: TopLevelRole
      readonly keys: number
      readonly threshold: number
    }[]
  } | null
  readonly roles: readonly { readonly role: string; readonly version: number; readonly expiresAt: string }[]
  /** What people have to sign next; see {@link dueDocuments}. */
  readonly due: readonly string[]
  readonly problem: 'repository_missing' | 'root_expired' | 'online_key_missing' | null
  readonly onlineKeys: readonly {
    readonly role: TopLevelRole
    readonly keyId: string
    readonly named: boolean
  }[]
}

export async function repositoryStates(parts: RepositoryParts): Promise<readonly RepositoryState[]> {
  return await Promise.all(REPOSITORIES.map(async (repository) => await stateOf(parts, repository)))
}

async function stateOf(parts: RepositoryParts, repository: RepositoryName): Promise<RepositoryState> {
  const bytes = (await rootsOf(parts, parts.db, repository)).at(-1)
  const root = bytes === undefined ? null : readRoot(bytes).content
  const onlineKeys = onlineRoles(repository).flatMap((role) =>
    parts.keys.held(repository, role).map((key) => {
      const keyId = keyIdOf(keyDocument(key))
      return { role, keyId, named: root?.roles[role].keyIds.includes(keyId) === true }
    }),
  )
  if (bytes === undefined || root === null)
    return { repository, root: null, roles: [], due: [], problem: 'repository_missing', onlineKeys }
  const ground = groundOf(parts, repository, bytes)
  const { roles } = repository === 'image' ? await servedFiles(parts.db, IMAGE) : { roles: new Map() }
  return {
    repository,
    root: {
      version: root.version,
      expiresAt: isoOf(root.expiresMs),
      signers: TOP_LEVEL_ROLES.map((role) => ({
        role,
        keys: root.roles[role].keyIds.length,
        threshold: root.roles[role].threshold,
      })),
    },
    roles: [...(roles as ReadonlyMap<string, Uint8Array>)].map(([role, file]) => {
      const { version, expiresMs } = readTargets(file, role).content
      return { role, version, expiresAt: isoOf(expiresMs) }
    }),
    due: repository === 'image' ? (await dueDocuments(parts)).map(({ name }) => name) : [],
    problem: problemOf(bytes, ground),
    onlineKeys,
  }
}

/** The documents that people have to sign so that every release is listed, unsigned, each as a file. Throws {@link RepositoryRefused}. */
export async function dueDocuments(parts: RepositoryParts): Promise<readonly NewFile[]> {
  const root = (await rootsOf(parts, parts.db, 'image')).at(-1)
  if (root === undefined)
    throw new RepositoryRefused('missing', 'the image repository has no root yet', {
      remedy: 'Hold the ceremony of its root first: see `starling keys --help`.',
    })
  const ground = groundOf(parts, 'image', root)
  // Where the keys lie here, it is signed as soon as it is due.
  if (ground.targets.length >= readRoot(root).content.roles.targets.threshold) return []
  const files = await servedFiles(parts.db, IMAGE)
  const due = imageDue(files, await families(parts.db, files.roles), ground)
  return Array.from(due, ([role, document]) => ({
    name: metadataName(role, document['version'] as number),
    bytes: sealed(document, []),
  }))
}

/** What people have to sign before every release can be installed, by file name; a missing root is said of the repository. */
export async function awaited(parts: RepositoryParts): Promise<readonly string[]> {
  const [image] = await repositoryStates(parts)
  return image?.problem === 'repository_missing' ? ['1.root.json'] : (image?.due ?? [])
}

/** What a signer's machine has to know of a repository: every root, and the newest of what says which releases exist. */
export async function publishedFiles(
  parts: RepositoryParts,
  repository: RepositoryName,
): Promise<readonly NewFile[]> {
  const roots = await rootsOf(parts, parts.db, repository)
  const { roles } = repository === 'image' ? await servedFiles(parts.db, IMAGE) : { roles: new Map() }
  return [
    ...roots.map((bytes, index) => ({ name: metadataName('root', index + 1), bytes })),
    ...Array.from(roles as ReadonlyMap<string, Uint8Array>, ([role, bytes]) => ({
      name: metadataName(role, readTargets(bytes, role).content.version),
      bytes,
    })),
  ]
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
