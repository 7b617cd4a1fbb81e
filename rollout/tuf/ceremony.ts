/**
 * A key ceremony: a document is prepared, signed on machines that hold one key each and never meet, assembled, and rehearsed
 * against the oldest root that a device may still trust. Nothing here writes; what fails here has reached no device.
 */
import { digestHex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { SigningKey } from '../../shared/signing/signing-key.ts'
import type { RepositoryName } from '../../shared/wire/repository.ts'
import { signedBytes } from './canonical.ts'
import { rootDocument, sealed, signatureOver, type RoleKeys, type SignatureDocument } from './documents.ts'
import { audienceFields, checkSuccession, rootBody, type Audience } from './audience.ts'
import { TOP_LEVEL_ROLES, type TopLevelRole } from './delegations.ts'
import { countSigners, type Signers } from './keys.ts'
import { readRoot, type Root } from './metadata.ts'
import { TufRefused } from './refused.ts'
import { checkRootFresh, openTrust, withRoot } from './trust.ts'

export interface RootPlan extends Audience {
  readonly expiresMs: number
  readonly roles: Readonly<Record<TopLevelRole, RoleKeys>>
}

/** A signature on its way from the machine of its key; `over` says of which document, SHA-256 of its canonical bytes. */
export interface DetachedSignature extends SignatureDocument {
  readonly over: string
}

/** In production nobody alone can rotate keys or approve a release. */
const PRODUCTION_THRESHOLD = 2

/** The next root after `current`, or the first. Throws {@link TufRefused} on a plan that would lock everybody out, or let one in. */
export function prepareRoot(current: Uint8Array | undefined, plan: RootPlan): JsonObject {
  for (const role of TOP_LEVEL_ROLES) checkRolePlan(role, plan)
  const version = current === undefined ? 1 : readRoot(current).content.version + 1
  const document = {
    ...rootDocument({ version, expiresMs: plan.expiresMs }, plan.roles),
    ...audienceFields(plan),
  }
  if (current !== undefined) checkSuccession(current, document)
  return document
}

function checkRolePlan(role: TopLevelRole, plan: RootPlan): void {
  const { keys, threshold } = plan.roles[role]
  const texts = new Set(keys.map(({ publicText }) => publicText))
  if (texts.size !== keys.length) throw new TufRefused('malformed', role, 'is planned with one key twice')
  if (threshold > keys.length)
    throw new TufRefused('unsigned', role, `${threshold} of ${keys.length} keys can never sign`)
  const online = onlineRoles(plan.repository)
  if (plan.environment === 'development' || online.includes(role)) return
  if (threshold < PRODUCTION_THRESHOLD)
    throw new TufRefused('unsigned', role, `production asks for ${PRODUCTION_THRESHOLD} signers or more`)
  // A key that lies on a server must not count among those that lie in safes.
  if (online.some((other) => plan.roles[other].keys.some(({ publicText }) => texts.has(publicText))))
    throw new TufRefused('weak_key', role, 'is planned with a key that is also online')
}

/** The roles whose keys lie at the centre: the director speaks at once, what exists is said by people. */
export function onlineRoles(repository: RepositoryName): readonly TopLevelRole[] {
  return repository === 'director' ? ['timestamp', 'snapshot', 'targets'] : ['timestamp', 'snapshot']
}

/** What the machine of one key makes of a prepared document. */
export function signDetached(document: JsonObject, key: SigningKey): DetachedSignature {
  return { ...signatureOver(document, key), over: documentDigest(document) }
}

export function documentDigest(document: JsonObject): string {
  return digestHex('sha256', signedBytes(document, 'document'))
}

/** Who has to sign: every set by itself. For a root, what it says of root and what its predecessor says. */
export interface Required {
  readonly who: string
  readonly signers: Signers
}

export function requiredForRoot(document: JsonObject, current: Uint8Array | undefined): readonly Required[] {
  const next = readRoot(sealed(document, [])).content
  const own = { who: `root ${next.version}`, signers: next.roles.root }
  if (current === undefined) return [own]
  const { content } = readRoot(current)
  return [own, { who: `root ${content.version}`, signers: content.roles.root }]
}

/**
 * The signed file. Throws {@link TufRefused} on a signature over another document, by a key that nobody asked for, made twice or
 * wrong, and when a set of signers is not met: a ceremony ends with everything in order or not at all.
 */
export function assemble(
  document: JsonObject,
  signatures: readonly DetachedSignature[],
  required: readonly Required[],
): Uint8Array {
  const role = typeof document['_type'] === 'string' ? document['_type'] : 'document'
  const message = signedBytes(document, role)
  const over = documentDigest(document)
  const found = new Map<string, string>()
  for (const { keyid, sig, over: claimed } of signatures) {
    if (claimed !== over) throw new TufRefused('wrong_bytes', role, `key ${keyid} signed another document`)
    if (found.has(keyid)) throw new TufRefused('malformed', role, `key ${keyid} signed twice`)
    const sets = required.filter(({ signers }) => signers.keyIds.includes(keyid))
    if (sets.length === 0) throw new TufRefused('unsigned', role, `key ${keyid} is none of its keys`)
    const one = new Map([[keyid, sig]])
    if (sets.every(({ signers }) => countSigners(signers, message, one) === 0))
      throw new TufRefused('unsigned', role, `the signature of key ${keyid} does not hold`)
    found.set(keyid, sig)
  }
  for (const { who, signers } of required) {
    const count = countSigners(signers, message, found)
    if (count < signers.threshold)
      throw new TufRefused(
        'unsigned',
        role,
        `${who} has ${count} of the ${signers.threshold} signatures it asks for`,
      )
  }
  return sealed(
    document,
    Array.from(found, ([keyid, sig]) => ({ keyid, sig })),
  )
}

/**
 * Walks as a device would that last saw `oldest`: through every root of `chain` (in the order of their versions) to its last.
 * Returns that root. Throws {@link TufRefused} where such a device would stay behind, or would end at another root.
 */
export function rehearseRoots(oldest: Uint8Array, chain: readonly Uint8Array[], nowMs: number): Root {
  let trust = openTrust(oldest, nowMs)
  let last = oldest
  const known = trust.root.version
  for (const bytes of chain.filter((root) => readRoot(root).content.version > known)) {
    trust = withRoot(trust, bytes)
    checkSuccession(last, rootBody(bytes))
    last = bytes
  }
  const newest = chain.at(-1)
  if (newest === undefined || !isSame(last, newest))
    throw new TufRefused(
      'wrong_version',
      'root',
      `a device that trusts root ${known} does not get to this one`,
    )
  checkRootFresh(trust)
  return trust.root
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
