/** The next files of a repository: what is to be listed, held against what is served. Null where nothing is due. */
import {
  signed,
  targetOf,
  targetsDocument,
  type DelegationPlan,
  type TargetDocument,
} from '../../../rollout/tuf/documents.ts'
import { readSnapshot, readTargets, readTimestamp } from '../../../rollout/tuf/metadata.ts'
import { publication, type NewFile, type RepositoryFiles } from '../../../rollout/tuf/publication.ts'
import { canonicalBytes } from '../../../shared/canonical.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { ROLE_KEYS, type RepositoryKeys } from './keys.ts'

const DAY_MS = 86_400_000
/** A frozen mirror is noticed within a day. */
const TIMESTAMP_MS = DAY_MS
const SNAPSHOT_MS = 7 * DAY_MS
/** What exists does not cease to; a year lets an installation be switched off over a season. */
const IMAGE_TARGETS_MS = 365 * DAY_MS
/** What a device shall run is said anew with every change. */
const DIRECTOR_TARGETS_MS = 7 * DAY_MS

/** A bundle as a repository lists it. */
export interface Listing {
  readonly path: string
  readonly target: TargetDocument
}

/** A family of releases: one delegated role, whose signers speak for its bundles alone. */
export interface Family {
  readonly name: string
  readonly listings: readonly Listing[]
}

export function listingOf(path: string, envelope: Uint8Array, custom?: JsonObject): Listing {
  const target = targetOf(envelope)
  return { path, target: custom === undefined ? target : { ...target, custom } }
}

/** The director's word for one device: exactly these, in the place of whatever was listed before. */
export function nextDirection(
  files: Omit<RepositoryFiles, 'root'>,
  listings: readonly Listing[],
  { keys, nowMs }: { readonly keys: RepositoryKeys; readonly nowMs: number },
): readonly NewFile[] | null {
  const targets = Object.fromEntries(listings.map(({ path, target }) => [path, target]))
  const before = files.roles.get('targets')
  const role = renewed('targets', before, { targets, livesMs: DIRECTOR_TARGETS_MS, nowMs })
  if (role === null && !isStale(files, nowMs)) return null
  const bytes = role === null ? before : signed(role, keys.signers.targets)
  return published(
    { ...files, root: keys.root, roles: new Map([['targets', bytes ?? new Uint8Array()]]) },
    keys,
    nowMs,
  )
}

/** What exists: a family a name, delegated to two of three signers, and nothing that was listed is taken away. */
export function nextImage(
  files: Omit<RepositoryFiles, 'root'>,
  families: readonly Family[],
  { keys, nowMs }: { readonly keys: RepositoryKeys; readonly nowMs: number },
): readonly NewFile[] | null {
  const two = keys.signers.targets.slice(0, ROLE_KEYS.image.targets.threshold)
  const roles = new Map(files.roles)
  const delegations: DelegationPlan[] = []
  let isDue = false
  for (const { name, listings } of families) {
    const role = familyRole(name)
    const { threshold } = ROLE_KEYS.image.targets
    const paths = [`bundles/${name}/*/*`]
    delegations.push({ name: role, terminating: true, paths, keys: keys.signers.targets, threshold })
    const targets = Object.fromEntries(listings.map(({ path, target }) => [path, target]))
    const next = renewed(role, files.roles.get(role), { targets, livesMs: IMAGE_TARGETS_MS, nowMs })
    if (next === null) continue
    roles.set(role, signed(next, two))
    isDue = true
  }
  const top = renewed('targets', files.roles.get('targets'), {
    targets: {},
    delegations,
    livesMs: IMAGE_TARGETS_MS,
    nowMs,
  })
  if (top !== null) roles.set('targets', signed(top, two))
  if (top === null && !isDue && !isStale(files, nowMs)) return null
  return published({ ...files, root: keys.root, roles }, keys, nowMs)
}

/** A role may not be called as the four of TUF are; a bundle may. */
export function familyRole(name: string): string {
  return `family-${name}`
}

/** What a targets file lists, as its document says it; nothing where there is none. */
export function listedIn(bytes: Uint8Array | undefined): Readonly<Record<string, TargetDocument>> {
  return bytes === undefined ? {} : (bodyOf(bytes)['targets'] as Readonly<Record<string, TargetDocument>>)
}

/** The next document of a targets role; null where the present one says the same and lives long enough. */
function renewed(
  role: string,
  before: Uint8Array | undefined,
  wanted: {
    readonly targets: Readonly<Record<string, TargetDocument>>
    readonly delegations?: readonly DelegationPlan[]
    readonly livesMs: number
    readonly nowMs: number
  },
): JsonObject | null {
  const { targets, delegations = [], livesMs, nowMs } = wanted
  const held = before === undefined ? null : readTargets(before, role).content
  const dates = { version: 1 + (held?.version ?? 0), expiresMs: nowMs + livesMs }
  const next = targetsDocument(dates, targets, delegations)
  if (held === null || before === undefined) return next
  const isSame = says(bodyOf(before)) === says(next)
  return isSame && held.expiresMs - nowMs > livesMs / 2 ? null : next
}

/** What a document says apart from which and how long. */
function says({ targets, delegations = null }: JsonObject): string {
  return new TextDecoder().decode(canonicalBytes({ targets: targets ?? null, delegations }))
}

function isStale({ snapshot, timestamp }: Omit<RepositoryFiles, 'root'>, nowMs: number): boolean {
  if (snapshot === undefined || timestamp === undefined) return true
  return (
    readTimestamp(timestamp).content.expiresMs - nowMs < TIMESTAMP_MS / 2 ||
    readSnapshot(snapshot).content.expiresMs - nowMs < SNAPSHOT_MS / 2
  )
}

function published(files: RepositoryFiles, keys: RepositoryKeys, nowMs: number): readonly NewFile[] {
  const { snapshot, timestamp } = keys.signers
  return publication(
    files,
    { snapshot, timestamp },
    { nowMs, snapshotMs: SNAPSHOT_MS, timestampMs: TIMESTAMP_MS },
  )
}

function bodyOf(bytes: Uint8Array): JsonObject {
  return (JSON.parse(new TextDecoder().decode(bytes)) as { readonly signed: JsonObject }).signed
}
