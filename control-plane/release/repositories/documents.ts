/** The next files of a repository: what is to be listed, held against what is served. Null where nothing is due, or nothing can be signed here. */
import {
  signed,
  targetOf,
  targetsDocument,
  type DelegationPlan,
  type TargetDocument,
} from '../../../rollout/tuf/documents.ts'
import { countSigners, type Signers } from '../../../rollout/tuf/keys.ts'
import {
  readRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
  type Root,
  type Unverified,
} from '../../../rollout/tuf/metadata.ts'
import {
  publication,
  type NewFile,
  type OnlineKeys,
  type RepositoryFiles,
} from '../../../rollout/tuf/publication.ts'
import { canonicalBytes } from '../../../shared/canonical.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { SigningKey } from '../../../shared/signing/signing-key.ts'

const DAY_MS = 86_400_000
/** A frozen mirror is noticed within a day. */
const TIMESTAMP_MS = DAY_MS
const SNAPSHOT_MS = 7 * DAY_MS
/** What exists does not cease to; a year lets an installation be switched off over a season. */
const IMAGE_TARGETS_MS = 365 * DAY_MS
/** What a device shall run is said anew with every change. */
const DIRECTOR_TARGETS_MS = 7 * DAY_MS

/** What a repository is signed on: its newest root, the keys that lie here and are named by it, and now. */
export interface Ground extends OnlineKeys {
  readonly root: Uint8Array
  /** Fewer than the threshold, or none, where people hold them. */
  readonly targets: readonly SigningKey[]
  readonly nowMs: number
}

type Served = Omit<RepositoryFiles, 'root'>

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
  files: Served,
  listings: readonly Listing[],
  ground: Ground,
): readonly NewFile[] | null {
  const root = readRoot(ground.root).content
  const signers = root.roles.targets
  if (ground.targets.length < signers.threshold) return null
  const before = files.roles.get('targets')
  const role = renewed('targets', before, {
    targets: listed(listings),
    livesMs: DIRECTOR_TARGETS_MS,
    nowMs: ground.nowMs,
    signers,
  })
  if (role === null && !isStale(files, root, ground.nowMs)) return null
  const bytes = role === null ? before : signed(role, ground.targets)
  return published({ ...files, roles: new Map([['targets', bytes ?? new Uint8Array()]]) }, ground)
}

/**
 * What is to be signed that says what exists, by role: a family a name, delegated to the root's own targets keys, and nothing
 * that was listed is taken away.
 */
export function imageDue(
  { roles }: Served,
  families: readonly Family[],
  { root, nowMs }: Pick<Ground, 'root' | 'nowMs'>,
): ReadonlyMap<string, JsonObject> {
  const signers = readRoot(root).content.roles.targets
  const keys = signers.keyIds.flatMap((id) => signers.keys.get(id) ?? [])
  const due = new Map<string, JsonObject>()
  const want = (role: string, next: JsonObject | null): void => {
    if (next !== null) due.set(role, { ...next, [ROLE_FIELD]: role })
  }
  const delegations = families.map(({ name }): DelegationPlan => {
    const paths = [`bundles/${name}/*/*`]
    return { name: familyRole(name), terminating: true, paths, keys, threshold: signers.threshold }
  })
  const common = { livesMs: IMAGE_TARGETS_MS, nowMs, signers }
  want('targets', renewed('targets', roles.get('targets'), { ...common, targets: {}, delegations }))
  for (const { name, listings } of families) {
    const role = familyRole(name)
    want(role, renewed(role, roles.get(role), { ...common, targets: listed(listings) }))
  }
  return due
}

/** What exists, signed here where the keys for that lie here, and served as it was signed by people where they do not. */
export function nextImage(
  files: Served,
  families: readonly Family[],
  ground: Ground,
): readonly NewFile[] | null {
  const root = readRoot(ground.root).content
  const roles = new Map(files.roles)
  const isMine = ground.targets.length >= root.roles.targets.threshold
  const due = isMine ? imageDue(files, families, ground) : new Map<string, JsonObject>()
  for (const [role, document] of due) roles.set(role, signed(document, ground.targets))
  if (due.size === 0 && !isStale(files, root, ground.nowMs)) return null
  return isPublishable(roles, root, ground.nowMs) ? published({ ...files, roles }, ground) : null
}

/** Throws `TufRefused` where a device would refuse any of it. */
export function published(files: Served, { root, nowMs, ...keys }: Ground): readonly NewFile[] {
  const lives = { nowMs, snapshotMs: SNAPSHOT_MS, timestampMs: TIMESTAMP_MS }
  return publication({ ...files, root }, keys, lives)
}

/** False while people have still to sign: under a new root, or again after a year. */
export function isPublishable(roles: Served['roles'], root: Root, nowMs: number): boolean {
  const signers = root.roles.targets
  return (
    roles.has('targets') &&
    [...roles].every(([role, bytes]) => {
      const file = readTargets(bytes, role)
      return holds(signers, file) && file.content.expiresMs > nowMs
    })
  )
}

/** Signers compare it, and a file that is handed in says by it which role's it is. */
const ROLE_FIELD = 'x-starling-role'

/** Which targets role an assembled file is of. */
export function roleOf(bytes: Uint8Array): string {
  const named = bodyOf(bytes)[ROLE_FIELD]
  return typeof named === 'string' ? named : 'targets'
}

/** A role may not be called as the four of TUF are; a bundle may. */
export function familyRole(name: string): string {
  return `family-${name}`
}

/** What a targets file lists, as its document says it; nothing where there is none. */
export function listedIn(bytes: Uint8Array | undefined): Readonly<Record<string, TargetDocument>> {
  return bytes === undefined ? {} : (bodyOf(bytes)['targets'] as Readonly<Record<string, TargetDocument>>)
}

function listed(listings: readonly Listing[]): Readonly<Record<string, TargetDocument>> {
  return Object.fromEntries(listings.map(({ path, target }) => [path, target]))
}

interface Wanted {
  readonly targets: Readonly<Record<string, TargetDocument>>
  readonly delegations?: readonly DelegationPlan[]
  readonly livesMs: number
  readonly nowMs: number
  /** Who signs it now. */
  readonly signers: Signers
}

/** The next document of a targets role; null where the present one says the same, is signed by who signs now, and lives long enough. */
function renewed(role: string, before: Uint8Array | undefined, wanted: Wanted): JsonObject | null {
  const { targets, delegations = [], livesMs, nowMs, signers } = wanted
  const held = before === undefined ? null : readTargets(before, role)
  const dates = { version: 1 + (held?.content.version ?? 0), expiresMs: nowMs + livesMs }
  const next = targetsDocument(dates, targets, delegations)
  if (held === null || before === undefined || !holds(signers, held)) return next
  const isSame = says(bodyOf(before)) === says(next)
  return isSame && held.content.expiresMs - nowMs > livesMs / 2 ? null : next
}

/** What a document says apart from which and how long. */
function says({ targets, delegations = null }: JsonObject): string {
  return new TextDecoder().decode(canonicalBytes({ targets: targets ?? null, delegations }))
}

function isStale({ snapshot, timestamp }: Served, root: Root, nowMs: number): boolean {
  if (snapshot === undefined || timestamp === undefined) return true
  const [times, shot] = [readTimestamp(timestamp), readSnapshot(snapshot)]
  return (
    times.content.expiresMs - nowMs < TIMESTAMP_MS / 2 ||
    shot.content.expiresMs - nowMs < SNAPSHOT_MS / 2 ||
    // Keys that were rotated sign anew, before anybody asks.
    !holds(root.roles.timestamp, times) ||
    !holds(root.roles.snapshot, shot)
  )
}

function holds(signers: Signers, file: Unverified<unknown>): boolean {
  return countSigners(signers, file.message, file.signatures) >= signers.threshold
}

function bodyOf(bytes: Uint8Array): JsonObject {
  return (JSON.parse(new TextDecoder().decode(bytes)) as { readonly signed: JsonObject }).signed
}
