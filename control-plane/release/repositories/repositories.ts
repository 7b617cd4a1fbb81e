/**
 * The centre's half of the two repositories: every release is listed in *image*, and for each device the *director* says what it
 * shall run. Both are brought up to date when somebody asks, so no clock signs behind anybody's back.
 */
import * as v from 'valibot'
import { bundleTargetPath } from '../../../rollout/tuf/agreement.ts'
import type { NewFile } from '../../../rollout/tuf/publication.ts'
import type { Clock } from '../../../shared/clock.ts'
import { invariant } from '../../../shared/errors.ts'
import { parseDeviceId, type DeviceId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Kernel, TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { atCentre, centrePerformer } from '../../performer.ts'
import { deltaOffers, filesOf } from '../delta-store.ts'
import { listingOf, listedIn, nextDirection, nextImage, familyRole, type Family } from './documents.ts'
import type { BothKeys } from './keys.ts'
import { servedFile, servedFiles, storeFiles, type Place } from './store.ts'

export interface RepositoryParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  /** Null where the keys are kept elsewhere and nothing is listed yet: then no device takes a bundle. */
  readonly keys: BothKeys | null
  /** What a device shall run. */
  desired(sql: Queryable, device: DeviceId): Promise<readonly DesiredBundle[]>
}

export interface Repositories {
  /** What a device is given when it is taken in; null where this centre has no repositories. */
  readonly roots: Readonly<Record<RepositoryName, Uint8Array>> | null
  /** Lists what is published and not listed yet. */
  listPublished(): Promise<void>
  /** A metadata file as it is served to `device`; null where there is none of that name. */
  metadata(device: DeviceId, repository: RepositoryName, name: string): Promise<Uint8Array | null>
  /** SHA-256 of every content that the device's own director metadata names: manifests, and the files that they name. */
  named(device: DeviceId): Promise<ReadonlySet<string>>
  /** Has the director say anew what `device` shall run, where that changed. */
  direct(device: DeviceId): Promise<void>
}

export function openRepositories(parts: RepositoryParts): Repositories {
  const { db, keys } = parts
  // One at a time: two readers that find the same file stale must not both sign.
  let last: Promise<void> = Promise.resolve()
  const upToDate = async (place: Place): Promise<void> => {
    const next = last.then(async () => await signWhatIsDue(parts, place))
    last = next.catch(() => undefined)
    await next
  }
  return {
    roots: keys === null ? null : { image: keys.image.root, director: keys.director.root },
    listPublished: async () => await upToDate(IMAGE),
    metadata: async (device, repository, name) => {
      if (keys === null) return null
      if (name === '1.root.json') return keys[repository].root
      const place = repository === 'image' ? IMAGE : { repository, owner: device }
      // Every update of a device begins with the timestamp; the rest is read as it was when that was.
      if (name === 'timestamp.json') await upToDate(place)
      return await servedFile(db, place, name)
    },
    named: async (device) => await namedContent(db, { repository: 'director', owner: device }),
    direct: async (device) => await upToDate({ repository: 'director', owner: device }),
  }
}

const IMAGE: Place = { repository: 'image', owner: '' }

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

async function signWhatIsDue(parts: RepositoryParts, place: Place): Promise<void> {
  if (parts.keys === null || (await due(parts, parts.db, place)) === null) return
  const { repository, owner } = place
  await atCentre(
    parts.kernel,
    signPerformer(parts, repository === 'image' ? 'release.list' : 'release.direct'),
    {
      resource: { type: 'repository', id: repository === 'image' ? 'image' : owner },
      input: { repository, owner },
    },
  )
}

async function due(parts: RepositoryParts, sql: Queryable, place: Place): Promise<readonly NewFile[] | null> {
  const { clock, keys } = parts
  if (keys === null) return null
  const files = await servedFiles(sql, place)
  const ground = { keys: keys[place.repository], nowMs: clock.nowMs() }
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
async function families(sql: Queryable, roles: ReadonlyMap<string, Uint8Array>): Promise<readonly Family[]> {
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

async function envelopeOf(
  sql: Queryable,
  { name, version }: Pick<DesiredBundle, 'name' | 'version'>,
): Promise<Uint8Array> {
  const [row] = await sql.query<{ envelope: Uint8Array }>(
    'select envelope from centre.bundle where name = $1 and version = $2',
    [name, version],
  )
  invariant(row !== undefined, 'a release is never taken away')
  return row.envelope
}
