/** TUF metadata as a repository writes it: plain JSON documents, and the signatures over them. */
import { digestHex, sha256Hex } from '../../shared/digest.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { SigningKey } from '../../shared/signing/signing-key.ts'
import { signedBytes } from './canonical.ts'
import type { TopLevelRole } from './delegations.ts'
import type { TufKey } from './keys.ts'

/** The version of the specification that is written; clients accept every 1.x. */
const SPEC_VERSION = '1.0.34'

export interface KeyDocument extends JsonObject {
  readonly keytype: string
  readonly scheme: string
  readonly keyval: { readonly public: string }
}

export interface RoleDocument extends JsonObject {
  readonly keyids: readonly string[]
  readonly threshold: number
}

export interface MetaDocument extends JsonObject {
  readonly version: number
  readonly length: number
  readonly hashes: { readonly sha256: string }
}

export interface TargetDocument extends JsonObject {
  readonly length: number
  readonly hashes: { readonly sha256: string; readonly sha512: string }
}

/** What every document says of itself; `expires` to the second. */
export interface Dates {
  readonly version: number
  readonly expiresMs: number
}

/** Keys and threshold of one role, as a root or a delegation is to name them. */
export interface RoleKeys {
  readonly keys: readonly TufKey[]
  readonly threshold: number
}

export function keyDocument(key: TufKey): KeyDocument {
  return { keytype: key.keytype, scheme: key.scheme, keyval: { public: key.publicText } }
}

/** A key's id: SHA-256 of its canonical document, as the spec advises and go-tuf demands. */
export function keyIdOf(document: JsonObject): string {
  return sha256Hex(signedBytes(document, 'key'))
}

export function rootDocument(dates: Dates, roles: Readonly<Record<TopLevelRole, RoleKeys>>): JsonObject {
  const all = Object.values(roles).flatMap(({ keys }) => keys.map(keyDocument))
  return {
    ...head('root', dates),
    consistent_snapshot: true,
    keys: byId(all),
    roles: Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, roleDocument(role)])),
  }
}

export function timestampDocument(dates: Dates, snapshot: MetaDocument): JsonObject {
  return { ...head('timestamp', dates), meta: { 'snapshot.json': snapshot } }
}

/** `meta` by role name, without `.json`. */
export function snapshotDocument(dates: Dates, meta: ReadonlyMap<string, MetaDocument>): JsonObject {
  const entries = Array.from(meta, ([role, document]) => [`${role}.json`, document] as const)
  return { ...head('snapshot', dates), meta: Object.fromEntries(entries) }
}

export interface DelegationPlan extends RoleKeys {
  readonly name: string
  readonly terminating: boolean
  readonly paths: readonly string[]
}

export function targetsDocument(
  dates: Dates,
  targets: Readonly<Record<string, TargetDocument>>,
  delegations: readonly DelegationPlan[] = [],
): JsonObject {
  const document = { ...head('targets', dates), targets }
  if (delegations.length === 0) return document
  return {
    ...document,
    delegations: {
      keys: byId(delegations.flatMap(({ keys }) => keys.map(keyDocument))),
      roles: delegations.map((plan) => ({
        ...roleDocument(plan),
        name: plan.name,
        terminating: plan.terminating,
        paths: plan.paths,
      })),
    },
  }
}

export function roleDocument(role: RoleKeys): RoleDocument {
  return { keyids: role.keys.map((key) => keyIdOf(keyDocument(key))), threshold: role.threshold }
}

/** What a snapshot or a timestamp says of a signed file. */
export function metaOf(version: number, bytes: Uint8Array): MetaDocument {
  return { version, length: bytes.length, hashes: { sha256: digestHex('sha256', bytes) } }
}

/** What a targets role says of a target. */
export function targetOf(bytes: Uint8Array): TargetDocument {
  return {
    length: bytes.length,
    hashes: { sha256: digestHex('sha256', bytes), sha512: digestHex('sha512', bytes) },
  }
}

export interface SignatureDocument extends JsonObject {
  readonly keyid: string
  /** Hex. */
  readonly sig: string
}

/** One signature over a document: it can be made on a machine that holds nothing but the document and this key. */
export function signatureOver(document: JsonObject, key: SigningKey): SignatureDocument {
  const sig = key.sign(
    signedBytes(document, typeof document['_type'] === 'string' ? document['_type'] : 'document'),
  )
  return { keyid: keyIdOf(keyDocument(key)), sig: Buffer.from(sig).toString('hex') }
}

/** The file that is served: these bytes are what hashes and lengths are taken over, and they are never written again. */
export function sealed(document: JsonObject, signatures: readonly SignatureDocument[]): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ signatures, signed: document }, undefined, 1)}\n`)
}

export function signed(document: JsonObject, keys: readonly SigningKey[]): Uint8Array {
  return sealed(
    document,
    keys.map((key) => signatureOver(document, key)),
  )
}

function head(type: TopLevelRole, dates: Dates): JsonObject {
  const expires = `${new Date(dates.expiresMs).toISOString().slice(0, -5)}Z`
  return { _type: type, spec_version: SPEC_VERSION, version: dates.version, expires }
}

function byId(keys: readonly KeyDocument[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(keys.map((key) => [keyIdOf(key), key]))
}
