/**
 * What a device trusts of one repository, and the checks that let it trust more (TUF 1.0.34, section 5). Pure: a step
 * takes bytes and returns a new state, or throws {@link TufRefused} and leaves the old one as it was.
 *
 * Expiry is compared with one instant, the start of the update: a slow download cannot make metadata expire half-way, and
 * a clock that is set back in between cannot revive it.
 */
import { digestHex } from '../../shared/digest.ts'
import { invariant } from '../../shared/errors.ts'
import type { Delegation } from './delegations.ts'
import { countSigners, type Signers } from './keys.ts'
import {
  readRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
  type Hashes,
  type MetaFile,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
  type Unverified,
} from './metadata.ts'
import { TufRefused } from './refused.ts'

export interface Trust {
  /** The fixed start of this update, milliseconds since 1970. */
  readonly startedMs: number
  readonly root: Root
  readonly timestamp: Timestamp | undefined
  readonly snapshot: Snapshot | undefined
}

/** Starts from a root that was trusted before; it may have expired, its successor is looked for first (5.2). */
export function openTrust(rootBytes: Uint8Array, startedMs: number): Trust {
  const root = readRoot(rootBytes)
  checkSigned(root, root.content.roles.root, 'root')
  return { startedMs, root: root.content, timestamp: undefined, snapshot: undefined }
}

/** The next root: signed as the old one asks and as it asks itself, and exactly one version on (5.3.4, 5.3.5). */
export function withRoot(trust: Trust, bytes: Uint8Array): Trust {
  const next = readRoot(bytes)
  checkSigned(next, trust.root.roles.root, 'root')
  checkSigned(next, next.content.roles.root, 'root')
  if (next.content.version !== trust.root.version + 1)
    throw new TufRefused(
      'wrong_version',
      'root',
      `version ${next.content.version} after ${trust.root.version}`,
    )
  return { ...trust, root: next.content }
}

/** Throws when the newest root has expired (5.3.10): somebody may be holding back its successor. */
export function checkRootFresh(trust: Trust): void {
  checkFresh(trust, trust.root, 'root')
}

/**
 * A timestamp, not older than the one that is trusted (5.4.2, 5.4.3). The same version returns `trust` itself: its content
 * must not change. Freshness is asked separately: an expired one on the disk still guards against rollback.
 */
export function withTimestamp(trust: Trust, bytes: Uint8Array): Trust {
  const next = readTimestamp(bytes)
  checkSigned(next, trust.root.roles.timestamp, 'timestamp')
  const { timestamp: known } = trust
  if (known !== undefined) {
    checkNotOlder(next.content.version, known.version, 'timestamp')
    if (next.content.version === known.version) return trust
    checkNotOlder(next.content.snapshot.version, known.snapshot.version, 'snapshot')
  }
  return { ...trust, timestamp: next.content }
}

export function checkTimestampFresh(trust: Trust): void {
  checkFresh(trust, trusted(trust.timestamp, 'timestamp'), 'timestamp')
}

/**
 * A snapshot that drops no file and lowers no version of the one that is trusted (5.5.3, 5.5.5). `stored` bytes were
 * checked against their timestamp when they came, so the present timestamp's hash does not bind them.
 */
export function withSnapshot(trust: Trust, bytes: Uint8Array, stored: 'stored' | 'fetched'): Trust {
  const { snapshot: listed } = trusted(trust.timestamp, 'timestamp')
  if (stored === 'fetched') checkBytes(bytes, listed, 'snapshot')
  const next = readSnapshot(bytes)
  checkSigned(next, trust.root.roles.snapshot, 'snapshot')
  for (const [name, known] of trust.snapshot?.meta ?? []) {
    const offered = next.content.meta.get(name)
    if (offered === undefined) throw new TufRefused('rollback', 'snapshot', `no longer lists ${name}`)
    checkNotOlder(offered.version, known.version, name)
  }
  return { ...trust, snapshot: next.content }
}

/** Throws unless the snapshot is the one that the timestamp names, and has not expired (5.5.4, 5.5.6). */
export function checkSnapshotFinal(trust: Trust): void {
  const snapshot = trusted(trust.snapshot, 'snapshot')
  const { version } = trusted(trust.timestamp, 'timestamp').snapshot
  if (snapshot.version !== version)
    throw new TufRefused(
      'wrong_version',
      'snapshot',
      `version ${snapshot.version}, the timestamp names ${version}`,
    )
  checkFresh(trust, snapshot, 'snapshot')
}

/** What the snapshot says of a targets role's file; throws when it does not list it. */
export function listedTargets(trust: Trust, role: string): MetaFile {
  const listed = trusted(trust.snapshot, 'snapshot').meta.get(`${role}.json`)
  if (listed === undefined) throw new TufRefused('not_listed', role, 'the snapshot does not list it')
  return listed
}

/** The way to the top-level targets role. */
export function targetsDelegation(trust: Trust): Delegation {
  return { role: 'targets', terminating: false, signers: trust.root.roles.targets }
}

/**
 * A targets role, signed by the keys of THIS delegation (5.6.3): a role that two delegators name is checked against each
 * of them by itself, else the more careless one would decide for the other.
 */
export function verifyTargets(trust: Trust, delegation: Delegation, bytes: Uint8Array): Targets {
  checkSnapshotFinal(trust)
  const { role } = delegation
  const listed = listedTargets(trust, role)
  checkBytes(bytes, listed, role)
  const offered = readTargets(bytes, role)
  checkSigned(offered, delegation.signers, role)
  const { content } = offered
  if (content.version !== listed.version)
    throw new TufRefused(
      'wrong_version',
      role,
      `version ${content.version}, the snapshot names ${listed.version}`,
    )
  checkFresh(trust, content, role)
  return content
}

export const HASH_ALGORITHMS = ['sha256', 'sha512'] as const
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number]

/** Throws unless `digest` gives every hash that is listed; an algorithm that we do not know proves nothing, so it refuses. */
export function checkHashes(
  digest: (algorithm: HashAlgorithm) => string | undefined,
  hashes: Hashes,
  role: string,
): void {
  for (const [name, expected] of hashes) {
    const algorithm = HASH_ALGORITHMS.find((known) => known === name)
    if (algorithm === undefined)
      throw new TufRefused('wrong_bytes', role, `hashed with ${name}, which is not known here`)
    if (digest(algorithm) !== expected)
      throw new TufRefused('wrong_bytes', role, `its ${name} is not the listed one`)
  }
}

function checkBytes(bytes: Uint8Array, listed: MetaFile, role: string): void {
  if (listed.lengthBytes !== undefined && listed.lengthBytes !== bytes.length)
    throw new TufRefused('wrong_bytes', role, `${bytes.length} bytes, listed with ${listed.lengthBytes}`)
  if (listed.hashes !== undefined)
    checkHashes((algorithm) => digestHex(algorithm, bytes), listed.hashes, role)
}

function checkSigned(file: Unverified<unknown>, signers: Signers, role: string): void {
  const count = countSigners(signers, file.message, file.signatures)
  if (count < signers.threshold)
    throw new TufRefused('unsigned', role, `signed by ${count} of its keys, ${signers.threshold} are needed`)
}

function checkNotOlder(offered: number, known: number, name: string): void {
  if (offered < known) throw new TufRefused('rollback', name, `version ${offered} is older than ${known}`)
}

function checkFresh(trust: Trust, file: { readonly expiresMs: number }, role: string): void {
  if (file.expiresMs <= trust.startedMs)
    throw new TufRefused('expired', role, `expired at ${new Date(file.expiresMs).toISOString()}`)
}

/** The workflow's order: nothing is asked for before what it rests on. */
function trusted<T>(file: T | undefined, role: string): T {
  invariant(file !== undefined, `a ${role} is trusted before what rests on it is looked at`)
  return file
}
