/**
 * The centre's half of the two repositories: every release is listed in *image*, and for each device the *director* says what it
 * shall run. Both are brought up to date when somebody asks, so no clock signs behind anybody's back.
 */
import * as v from 'valibot'
import { bundleTargetPath } from '../../../rollout/tuf/agreement.ts'
import { readRoot } from '../../../rollout/tuf/metadata.ts'
import type { NewFile } from '../../../rollout/tuf/publication.ts'
import type { Clock } from '../../../shared/clock.ts'
import { invariant } from '../../../shared/errors.ts'
import { parseDeviceId, type DeviceId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Environment, Kernel, TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { atCentre, centrePerformer } from '../../performer.ts'
import { deltaOffers, filesOf } from '../delta-store.ts'
import {
  familyRole,
  listedIn,
  listingOf,
  nextDirection,
  nextImage,
  type Family,
  type Ground,
} from './documents.ts'
import { signersOf, type KeyRing } from './key-ring.ts'
import { servedFile, servedFiles, storedRoots, storeFiles, type Place } from './store.ts'

export interface RepositoryParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly environment: Environment
  readonly keys: KeyRing
  /** What a device shall run. */
  desired(sql: Queryable, device: DeviceId): Promise<readonly DesiredBundle[]>
}

export interface Repositories {
  readonly parts: RepositoryParts
  /** What a device is given when it is taken in: the newest of each. Null until both were published. */
  roots(): Promise<Readonly<Record<RepositoryName, Uint8Array>> | null>
  /** Lists what is published and not listed yet, as far as it can be signed here. */
  listPublished(): Promise<void>
  /** A metadata file as it is served to `device`; null where there is none of that name. */
  metadata(device: DeviceId, repository: RepositoryName, name: string): Promise<Uint8Array | null>
  /** SHA-256 of every content that the device's own director metadata names: manifests, and the files that they name. */
  named(device: DeviceId): Promise<ReadonlySet<string>>
  /** Has the director say anew what `device` shall run, where that changed. */
  direct(device: DeviceId): Promise<void>
  /** Those of `bundles` that the image repository lists: no other can be installed, so none is wished for. */
  listed<T extends Bundle>(bundles: readonly T[]): Promise<readonly T[]>
  /** Runs `work`, which hands in what people signed, while nothing is signed here. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

export function openRepositories(parts: RepositoryParts): Repositories {
  const { db } = parts
  // One at a time: two readers that find the same file stale must not both sign.
  let last: Promise<unknown> = Promise.resolve()
  // Devices ask every minute; what is listed changes only here.
  let known: Promise<ReadonlySet<string>> | null = null
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return await next
  }
  const upToDate = async (place: Place): Promise<void> =>
    await alone(async () => {
      const hasSigned = await signWhatIsDue(parts, place)
      if (hasSigned && place.repository === 'image') known = null
    })
  return {
    parts,
    roots: async () => {
      const [image, director] = [
        (await rootsOf(parts, db, 'image')).at(-1),
        (await rootsOf(parts, db, 'director')).at(-1),
      ]
      return image === undefined || director === undefined ? null : { image, director }
    },
    listPublished: async () => await upToDate(IMAGE),
    metadata: async (device, repository, name) => {
      if (/^\d+\.root\.json$/.test(name))
        return (await rootsOf(parts, db, repository))[Number.parseInt(name, 10) - 1] ?? null
      const place = repository === 'image' ? IMAGE : { repository, owner: device }
      // Every update of a device begins with the timestamp; the rest is read as it was when that was.
      if (name === 'timestamp.json') await upToDate(place)
      return await servedFile(db, place, name)
    },
    named: async (device) => await namedContent(db, { repository: 'director', owner: device }),
    direct: async (device) => await upToDate({ repository: 'director', owner: device }),
    listed: async (bundles) => {
      known ??= listedPaths(db)
      const paths = await known
      return bundles.filter(({ name, version }) => paths.has(bundleTargetPath(name, version)))
    },
    alone: async (work) =>
      await alone(work).finally(() => {
        known = null
      }),
  }
}

type Bundle = Pick<DesiredBundle, 'name' | 'version'>

async function listedPaths(sql: Queryable): Promise<ReadonlySet<string>> {
  const { roles } = await servedFiles(sql, IMAGE)
  return new Set([...roles.values()].flatMap((bytes) => Object.keys(listedIn(bytes))))
}

export const IMAGE: Place = { repository: 'image', owner: '' }

/** Every root of a repository, version 1 first; none before the first was handed in. */
export async function rootsOf(
  { keys }: Pick<RepositoryParts, 'keys'>,
  sql: Queryable,
  repository: RepositoryName,
): Promise<readonly Uint8Array[]> {
  const first = keys.firstRoots?.[repository]
  const stored = await storedRoots(sql, repository)
  return first === undefined ? stored : [first, ...stored]
}

/** What a repository is signed on under `root`. */
export function groundOf(
  { keys, clock }: Pick<RepositoryParts, 'keys' | 'clock'>,
  repository: RepositoryName,
  root: Uint8Array,
): Ground {
  const { content } = readRoot(root)
  const held = (role: 'targets' | 'snapshot' | 'timestamp') => signersOf(keys, content, { repository, role })
  const nowMs = clock.nowMs()
  return { root, targets: held('targets'), snapshot: held('snapshot'), timestamp: held('timestamp'), nowMs }
}

/** Why nothing can be signed on this ground; null where it can. */
export function problemOf(root: Uint8Array, ground: Ground): 'root_expired' | 'online_key_missing' | null {
  const { expiresMs, roles } = readRoot(root).content
  if (expiresMs <= ground.nowMs) return 'root_expired'
  const isHeld = (['snapshot', 'timestamp'] as const).every(
    (role) => ground[role].length >= roles[role].threshold,
  )
  return isHeld ? null : 'online_key_missing'
}

const SignSchema = v.strictObject({ repository: v.picklist(REPOSITORIES), owner: v.string() })

/** Performs `release.list` and `release.direct`: signs and stores what is due at this place. */
export function signPerformer(
  parts: RepositoryParts,
  action: 'release.list' | 'release.direct',
): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer(action, SignSchema, async ({ tx }, place): Promise<JsonObject> => {
    invariant(
      (action === 'release.list') === (place.repository === 'image'),
      'each action has its repository',
    )
    const files = (await due(parts, tx, place)) ?? []
    await storeFiles(tx, place, files)
    return { repository: place.repository, files: files.map(({ name }) => name) }
  })
}

/** True where something was signed. */
async function signWhatIsDue(parts: RepositoryParts, place: Place): Promise<boolean> {
  if ((await due(parts, parts.db, place)) === null) return false
  const { repository, owner } = place
  await atCentre(
    parts.kernel,
    signPerformer(parts, repository === 'image' ? 'release.list' : 'release.direct'),
    {
      resource: { type: 'repository', id: repository === 'image' ? 'image' : owner },
      input: { repository, owner },
    },
  )
  return true
}

async function due(parts: RepositoryParts, sql: Queryable, place: Place): Promise<readonly NewFile[] | null> {
  const root = (await rootsOf(parts, sql, place.repository)).at(-1)
  if (root === undefined) return null
  const ground = groundOf(parts, place.repository, root)
  // Nothing that devices would refuse is signed: what was served stays, and `starling keys status` says what is missing.
  if (problemOf(root, ground) !== null) return null
  const files = await servedFiles(sql, place)
  if (place.repository === 'image') return nextImage(files, await families(sql, files.roles), ground)
  const wanted = await parts.desired(sql, parseDeviceId(place.owner))
  const listings = []
  for (const bundle of wanted) {
    const { name, version, returnFrom } = bundle
    const custom = { device: place.owner, ...(returnFrom === undefined ? {} : { returnFrom }) }
    listings.push(listingOf(bundleTargetPath(name, version), await envelopeOf(sql, bundle), custom))
  }
  return nextDirection(files, listings, ground)
}

/** Every release by its name; the bytes are read only of those that are not listed yet. */
export async function families(
  sql: Queryable,
  roles: ReadonlyMap<string, Uint8Array>,
): Promise<readonly Family[]> {
  const rows = await sql.query<{ name: string; version: string }>(
    'select name, version from centre.bundle order by name, version',
  )
  const found = new Map<string, Family['listings'][number][]>()
  for (const { name, version } of rows) {
    const path = bundleTargetPath(name, version)
    const target = listedIn(roles.get(familyRole(name)))[path]
    const listing =
      target === undefined ? listingOf(path, await envelopeOf(sql, { name, version })) : { path, target }
    found.set(name, [...(found.get(name) ?? []), listing])
  }
  return Array.from(found, ([name, listings]) => ({ name, listings }))
}

/** Envelopes that the director lists, every file that their manifests name, and the deltas that lead to those. */
async function namedContent(sql: Queryable, place: Place): Promise<ReadonlySet<string>> {
  const { roles } = await servedFiles(sql, place)
  const listed = Object.values(listedIn(roles.get('targets'))).map(({ hashes }) => hashes.sha256)
  const named = new Set(listed)
  for (const envelopeSha256 of listed) {
    const files = await filesOf(sql, envelopeSha256)
    for (const sha256 of files) named.add(sha256)
    for (const { sha256 } of await deltaOffers(sql, files)) named.add(sha256)
  }
  return named
}

async function envelopeOf(sql: Queryable, { name, version }: Bundle): Promise<Uint8Array> {
  const [row] = await sql.query<{ envelope: Uint8Array }>(
    'select envelope from centre.bundle where name = $1 and version = $2',
    [name, version],
  )
  invariant(row !== undefined, 'a release is never taken away')
  return row.envelope
}
