/**
 * What the online keys add to files that were signed offline: the next snapshot and timestamp. The outcome is read as a device
 * would read it before it is handed out, so that nothing is published which every device would refuse.
 */
import type { SigningKey } from '../../shared/signing/signing-key.ts'
import type { Delegation } from './delegations.ts'
import { metaOf, signed, snapshotDocument, timestampDocument, type MetaDocument } from './documents.ts'
import { metadataName } from './file-names.ts'
import { readSnapshot, readTargets, readTimestamp } from './metadata.ts'
import { TufRefused } from './refused.ts'
import {
  checkRootFresh,
  checkSnapshotFinal,
  checkTimestampFresh,
  openTrust,
  targetsDelegation,
  verifyTargets,
  withSnapshot,
  withTimestamp,
  type Trust,
} from './trust.ts'

/** What a repository serves now; `roles` holds the newest file of each targets role by name, `targets` among them. */
export interface RepositoryFiles {
  readonly root: Uint8Array
  readonly roles: ReadonlyMap<string, Uint8Array>
  readonly snapshot: Uint8Array | undefined
  readonly timestamp: Uint8Array | undefined
}

export interface OnlineKeys {
  readonly snapshot: readonly SigningKey[]
  readonly timestamp: readonly SigningKey[]
}

/** How long the online files live, milliseconds from now: a frozen mirror is noticed after at most the timestamp's. */
export interface Lifetimes {
  readonly nowMs: number
  readonly snapshotMs: number
  readonly timestampMs: number
}

/** A file to be written under `metadata/`; the timestamp comes last, since with it the others count. */
export interface NewFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The files that publish `files.roles`. Throws {@link TufRefused} when a device would refuse any of them. */
export function publication(files: RepositoryFiles, keys: OnlineKeys, lives: Lifetimes): readonly NewFile[] {
  const meta = new Map<string, MetaDocument>()
  for (const [role, bytes] of files.roles)
    meta.set(role, metaOf(readTargets(bytes, role).content.version, bytes))
  const snapshotVersion =
    1 + (files.snapshot === undefined ? 0 : readSnapshot(files.snapshot).content.version)
  const snapshot = signed(
    snapshotDocument({ version: snapshotVersion, expiresMs: lives.nowMs + lives.snapshotMs }, meta),
    keys.snapshot,
  )
  const timestampVersion =
    1 + (files.timestamp === undefined ? 0 : readTimestamp(files.timestamp).content.version)
  const timestamp = signed(
    timestampDocument(
      { version: timestampVersion, expiresMs: lives.nowMs + lives.timestampMs },
      metaOf(snapshotVersion, snapshot),
    ),
    keys.timestamp,
  )
  rehearse(files, { snapshot, timestamp }, lives.nowMs)
  const targets = Array.from(files.roles, ([role, bytes]) => ({
    name: metadataName(role, meta.get(role)?.version),
    bytes,
  }))
  return [
    ...targets,
    { name: metadataName('snapshot', snapshotVersion), bytes: snapshot },
    { name: metadataName('timestamp', undefined), bytes: timestamp },
  ]
}

/** The walk of a device that knows what is served now, through every role that the delegations reach. */
function rehearse(
  files: RepositoryFiles,
  next: { readonly snapshot: Uint8Array; readonly timestamp: Uint8Array },
  nowMs: number,
): void {
  let trust = openTrust(files.root, nowMs)
  checkRootFresh(trust)
  trust = known(trust, files)
  trust = withTimestamp(trust, next.timestamp)
  checkTimestampFresh(trust)
  trust = withSnapshot(trust, next.snapshot, 'fetched')
  checkSnapshotFinal(trust)
  const reached = new Set<string>()
  const pending: Delegation[] = [targetsDelegation(trust)]
  for (let delegation = pending.pop(); delegation !== undefined; delegation = pending.pop()) {
    const { role } = delegation
    const bytes = files.roles.get(role)
    if (bytes === undefined) throw new TufRefused('not_listed', role, 'has no file to publish')
    const { delegations } = verifyTargets(trust, delegation, bytes)
    reached.add(role)
    for (const other of files.roles.keys()) {
      const further = reached.has(other) ? undefined : delegations.to(other)
      if (further !== undefined) pending.push(further)
    }
  }
  for (const role of files.roles.keys())
    if (!reached.has(role)) throw new TufRefused('unsigned', role, 'nobody delegates to it')
}

/** Old online files guard against going back; where new keys came, they no longer count, as on a device. */
function known(trust: Trust, files: RepositoryFiles): Trust {
  try {
    const timed = files.timestamp === undefined ? trust : withTimestamp(trust, files.timestamp)
    return files.snapshot === undefined || timed.timestamp === undefined
      ? timed
      : withSnapshot(timed, files.snapshot, 'stored')
  } catch (thrown) {
    if (thrown instanceof TufRefused && thrown.reason === 'unsigned') return trust
    throw thrown
  }
}
