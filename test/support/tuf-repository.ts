/**
 * A TUF repository that a test can turn into any bad one: documents are plain JSON, and whatever was published stays and
 * can be replaced. Each published version is kept by its place, as a mirror keeps its files.
 */
import type { Json, JsonObject } from '../../shared/json.ts'
import { generateSigningKey, type KeyScheme, type SigningKey } from '../../shared/signing/signing-key.ts'
import {
  keyDocument,
  keyIdOf,
  metaOf,
  rootDocument,
  signed,
  snapshotDocument,
  targetOf,
  targetsDocument,
  timestampDocument,
} from '../../rollout/tuf/documents.ts'

/** JSON that a test may change in place. */
export interface Loose {
  [key: string]: LooseValue
}
export type LooseValue = Loose | LooseValue[] | string | number | boolean | null

const DAY_MS = 86_400_000
const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const

export interface DelegationOptions {
  readonly terminating?: boolean
  readonly paths?: readonly string[]
  readonly pathHashPrefixes?: readonly string[]
  readonly key?: SigningKey
}

export class TestRepository {
  /** The documents as they would be published next. */
  readonly documents = new Map<string, Loose>()
  readonly signers = new Map<string, SigningKey[]>()
  /** Version 1 at place 0. */
  readonly published = new Map<string, Uint8Array[]>()
  readonly artifacts = new Map<string, Uint8Array>()
  /** Snapshot and timestamp list hashes and lengths. */
  listsHashes = false
  readonly safeExpiryMs: number

  constructor(scheme: KeyScheme = 'ecdsa-sha2-nistp256') {
    this.safeExpiryMs = Date.now() + 30 * DAY_MS
    const dates = { version: 1, expiresMs: this.safeExpiryMs }
    for (const role of TOP) this.signers.set(role, [generateSigningKey(scheme)])
    const keysOf = (role: string) => ({ keys: this.signers.get(role) ?? [], threshold: 1 })
    const root = rootDocument(dates, {
      root: keysOf('root'),
      timestamp: keysOf('timestamp'),
      snapshot: keysOf('snapshot'),
      targets: keysOf('targets'),
    })
    this.documents.set('root', loose(root))
    this.documents.set('targets', loose(targetsDocument(dates, {})))
    this.documents.set('snapshot', loose(snapshotDocument(dates, new Map())))
    this.documents.set('timestamp', loose(timestampDocument(dates, metaOf(1, new Uint8Array()))))
    this.publish('targets', 'snapshot', 'timestamp', 'root')
  }

  document(role: string): Loose {
    const found = this.documents.get(role)
    if (found === undefined) throw new Error(`the test's repository has no role ${role}`)
    return found
  }

  /** Raises the version of each role (not of one never published), signs it, and lists it where it is to be listed. */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      const document = this.document(role)
      const versions = this.published.get(role)
      if (versions !== undefined) document['version'] = Number(document['version']) + 1
      const bytes = this.sign(role)
      this.published.set(role, [...(versions ?? []), bytes])
      this.#list(role, bytes)
    }
  }

  sign(role: string): Uint8Array {
    return signed(this.document(role), this.signers.get(role) ?? [])
  }

  /** Forgets what was published of a role: its next version is whatever its document says. */
  forget(role: string): void {
    this.published.delete(role)
  }

  latest(role: string): Uint8Array {
    const bytes = this.published.get(role)?.at(-1)
    if (bytes === undefined) throw new Error(`${role} was never published`)
    return bytes
  }

  /** Changes the newest published file of a role after it was signed. */
  tamper(role: string, change: (file: Loose) => void): void {
    const file = JSON.parse(new TextDecoder().decode(this.latest(role))) as Loose
    change(file)
    this.replaceLatest(role, new TextEncoder().encode(JSON.stringify(file)))
  }

  replaceLatest(role: string, bytes: Uint8Array): void {
    const versions = this.published.get(role) ?? []
    this.published.set(role, [...versions.slice(0, -1), bytes])
  }

  /** Adds a key to a top-level role: root names it, and the role signs with it from now on. */
  addKey(role: string, key = generateSigningKey('ecdsa-sha2-nistp256'), document?: JsonObject): SigningKey {
    const named = document ?? keyDocument(key)
    const id = keyIdOf(named)
    const root = this.document('root')
    ;(root['keys'] as Loose)[id] = loose(named)
    const keyIds = this.roleOf(role)['keyids'] as LooseValue[]
    keyIds.push(id)
    this.signers.set(role, [...(this.signers.get(role) ?? []), key])
    return key
  }

  roleOf(role: string): Loose {
    return (this.document('root')['roles'] as Loose)[role] as Loose
  }

  /** Gives a role as many new keys as its threshold asks for, and takes the old ones away. */
  rotate(role: string, scheme: KeyScheme = 'ecdsa-sha2-nistp256'): void {
    const named = this.roleOf(role)
    named['keyids'] = []
    this.signers.set(role, [])
    for (let made = 0; made < Number(named['threshold']); made += 1)
      this.addKey(role, generateSigningKey(scheme))
  }

  addArtifact(role: string, path: string, bytes: Uint8Array): void {
    ;(this.document(role)['targets'] as Loose)[path] = loose(targetOf(bytes))
    this.artifacts.set(path, bytes)
  }

  delegate(delegator: string, role: string, options: DelegationOptions = {}): SigningKey {
    const key = options.key ?? generateSigningKey('ecdsa-sha2-nistp256')
    const document = this.document(delegator)
    const delegations = (document['delegations'] ?? { keys: {}, roles: [] }) as Loose
    document['delegations'] = delegations
    const id = keyIdOf(keyDocument(key))
    ;(delegations['keys'] as Loose)[id] = loose(keyDocument(key))
    const prefixes = options.pathHashPrefixes
    ;(delegations['roles'] as LooseValue[]).push({
      name: role,
      keyids: [id],
      threshold: 1,
      terminating: options.terminating ?? false,
      ...(prefixes === undefined
        ? { paths: [...(options.paths ?? ['*'])] }
        : { path_hash_prefixes: [...prefixes] }),
    })
    this.signers.set(role, [...(this.signers.get(role) ?? []), key])
    if (!this.documents.has(role))
      this.documents.set(role, loose(targetsDocument({ version: 1, expiresMs: this.safeExpiryMs }, {})))
    return key
  }

  expire(role: string, ms: number): void {
    this.document(role)['expires'] = `${new Date(ms).toISOString().slice(0, -5)}Z`
  }

  #list(role: string, bytes: Uint8Array): void {
    if (role === 'root' || role === 'timestamp') return
    const version = Number(this.document(role)['version'])
    const meta = this.listsHashes ? loose(metaOf(version, bytes)) : { version }
    if (role === 'snapshot') this.document('timestamp')['meta'] = { 'snapshot.json': meta }
    else (this.document('snapshot')['meta'] as Loose)[`${role}.json`] = meta
  }
}

export function loose(value: Json): Loose {
  return structuredClone(value) as Loose
}
