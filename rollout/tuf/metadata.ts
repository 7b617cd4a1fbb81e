/** The four kinds of TUF metadata (spec 1.0.34, section 4), read from bytes that nobody has verified yet. */
import type { Json } from '../../shared/json.ts'
import { signedBytes } from './canonical.ts'
import {
  NO_DELEGATIONS,
  readDelegations,
  TOP_LEVEL_ROLES,
  type Delegations,
  type TopLevelRole,
} from './delegations.ts'
import { Fields } from './fields.ts'
import { readKeys, readSigners, type Signers } from './keys.ts'
import { TufRefused } from './refused.ts'

interface Dated {
  readonly version: number
  readonly expiresMs: number
}

export interface Root extends Dated {
  readonly consistentSnapshot: boolean
  readonly roles: Readonly<Record<TopLevelRole, Signers>>
}

/** What another file says of a metadata file. */
export interface MetaFile {
  readonly version: number
  readonly lengthBytes: number | undefined
  readonly hashes: Hashes | undefined
}

export interface Timestamp extends Dated {
  readonly snapshot: MetaFile
}

export interface Snapshot extends Dated {
  /** By file name, as in `targets.json`. */
  readonly meta: ReadonlyMap<string, MetaFile>
}

export interface TargetFile {
  readonly path: string
  readonly lengthBytes: number
  readonly hashes: Hashes
  /** What the signers say about it beyond that; undefined when they say nothing. */
  readonly custom: Json | undefined
}

export interface Targets extends Dated {
  readonly targets: ReadonlyMap<string, TargetFile>
  readonly delegations: Delegations
}

/** Algorithm to lower-case hex digest; at least one. */
export type Hashes = ReadonlyMap<string, string>

/** What was read, together with what is needed to decide whether to believe it. */
export interface Unverified<T> {
  readonly content: T
  /** The canonical bytes of `signed`. */
  readonly message: Uint8Array
  readonly signatures: ReadonlyMap<string, string>
}

export const readRoot = (bytes: Uint8Array): Unverified<Root> => read(bytes, 'root', 'root', rootOf)
export const readTimestamp = (bytes: Uint8Array): Unverified<Timestamp> =>
  read(bytes, 'timestamp', 'timestamp', timestampOf)
export const readSnapshot = (bytes: Uint8Array): Unverified<Snapshot> =>
  read(bytes, 'snapshot', 'snapshot', snapshotOf)
/** `role` is `targets` or the name of a delegated role. */
export const readTargets = (bytes: Uint8Array, role: string): Unverified<Targets> =>
  read(bytes, 'targets', role, targetsOf)

type Reader<T> = (signed: Fields, dated: Dated, role: string) => T

function read<T>(bytes: Uint8Array, type: TopLevelRole, role: string, reader: Reader<T>): Unverified<T> {
  const envelope = new Fields(parseJson(bytes, role), role, 'the file')
  const signed = envelope.fields('signed')
  if (signed.text('_type') !== type) throw signed.bad('_type', `'${signed.text('_type')}', not '${type}'`)
  const [major, ...minor] = signed.text('spec_version').split('.')
  if (major !== '1' || minor.length < 1 || minor.length > 2 || !minor.every((part) => /^\d+$/.test(part)))
    throw signed.bad('spec_version', 'no version of TUF that is understood here')
  const dated = { version: signed.integer('version', 1), expiresMs: expiry(signed) }
  return {
    content: reader(signed, dated, role),
    message: signedBytes(envelope.raw('signed') ?? null, role),
    signatures: readSignatures(envelope, role),
  }
}

function parseJson(bytes: Uint8Array, role: string): Json {
  try {
    // A byte-order mark is kept, and then refused by the parser, as other TUF tools do.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as Json
  } catch {
    throw new TufRefused('malformed', role, 'is not JSON in UTF-8')
  }
}

/** The spec says that a key id MUST be there once; a repeated one refuses the file. */
function readSignatures(envelope: Fields, role: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const value of envelope.list('signatures')) {
    const signature = new Fields(value, role, 'signatures')
    const id = signature.text('keyid')
    if (found.has(id)) throw new TufRefused('malformed', role, `is signed twice under key id ${id}`)
    found.set(id, signature.text('sig'))
  }
  return found
}

/** `YYYY-MM-DDTHH:MM:SSZ` and nothing else, so that every client sees the same instant. */
function expiry(signed: Fields): number {
  const text = signed.text('expires')
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== `${text.slice(0, -1)}.000Z`)
    throw signed.bad('expires', 'no time in the form 2030-01-31T12:00:00Z')
  return ms
}

function rootOf(signed: Fields, dated: Dated, role: string): Root {
  const keys = readKeys(signed.fields('keys'), role)
  const roles = signed.fields('roles')
  // Roles of later specifications are not used, and yet have to be roles.
  for (const [name] of roles.members()) readSigners(roles.fields(name), keys)
  const [root, timestamp, snapshot, targets] = TOP_LEVEL_ROLES.map((name) =>
    readSigners(roles.fields(name), keys),
  ) as [Signers, Signers, Signers, Signers]
  return {
    ...dated,
    consistentSnapshot: signed.has('consistent_snapshot') && signed.flag('consistent_snapshot'),
    roles: { root, timestamp, snapshot, targets },
  }
}

function timestampOf(signed: Fields, dated: Dated): Timestamp {
  return { ...dated, snapshot: metaFile(signed.fields('meta').fields('snapshot.json')) }
}

function snapshotOf(signed: Fields, dated: Dated, role: string): Snapshot {
  const meta = signed
    .fields('meta')
    .members()
    .map(([name, value]) => [name, metaFile(new Fields(value, role, `meta.${name}`))] as const)
  return { ...dated, meta: new Map(meta) }
}

function targetsOf(signed: Fields, dated: Dated, role: string): Targets {
  const targets = signed
    .fields('targets')
    .members()
    .map(([path, value]) => [path, targetFile(path, new Fields(value, role, `targets.${path}`))] as const)
  return {
    ...dated,
    targets: new Map(targets),
    delegations: signed.has('delegations')
      ? readDelegations(signed.fields('delegations'), role)
      : NO_DELEGATIONS,
  }
}

function metaFile(fields: Fields): MetaFile {
  return {
    version: fields.integer('version', 1),
    lengthBytes: fields.has('length') ? fields.integer('length', 0) : undefined,
    hashes: fields.has('hashes') ? readHashes(fields) : undefined,
  }
}

function targetFile(path: string, fields: Fields): TargetFile {
  return {
    path,
    lengthBytes: fields.integer('length', 0),
    hashes: readHashes(fields),
    custom: fields.raw('custom'),
  }
}

function readHashes(fields: Fields): Hashes {
  const hashes = fields.fields('hashes')
  const members = hashes.members().map(([name]) => [name, hashes.text(name)] as const)
  // Without one, bytes of the right length would do.
  if (members.length === 0) throw fields.bad('hashes', 'empty')
  return new Map(members)
}
