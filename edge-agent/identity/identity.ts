/**
 * Who this device is and whom it believes: one file of mode 0600, written whole when the centre took the device in, and not
 * changed afterwards. The policy lies beside it, since it is replaced.
 */
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { credsText } from '../../shared/fabric/credentials.ts'
import {
  parseDeviceId,
  parseSiteId,
  parseTenantId,
  type DeviceId,
  type SiteId,
  type TenantId,
} from '../../shared/ids.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import { loadKeyPair, loadPublicKey, type KeyPair, type PublicKey } from '../../shared/signing/ed25519.ts'
import type { FabricTrust } from '../../shared/fabric/credentials.ts'
import { EnrolAnswerSchema } from '../../shared/wire/enrolment.ts'
import type { RepositoryName } from '../../shared/wire/repository.ts'

export class IdentityUnreadable extends StarlingError {
  override readonly code = 'identity_unreadable'
}

export class NotEnrolled extends StarlingError {
  override readonly code = 'not_enrolled'
}

export const IDENTITY_FILE = 'identity.json'

export const StoredIdentitySchema = v.strictObject({
  v: v.literal(1),
  /** Seeds: secret. */
  seed: v.string(),
  userSeed: v.string(),
  leafSeed: v.string(),
  /** What the centre answered, without the policy. */
  answer: v.omit(EnrolAnswerSchema, ['policy']),
})
export type StoredIdentity = v.InferOutput<typeof StoredIdentitySchema>

export interface Identity {
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly site: SiteId
  readonly environment: Environment
  readonly keyPair: KeyPair
  readonly trust: FabricTrust
  /** Texts of .creds files. */
  readonly deviceCreds: string
  /** What its leaf may carry, as the enrolment gave it. */
  readonly leafJwt: string
  /** The text of the .creds file for the leaf of this device, with these rights. */
  leafCredsOf(jwt: string): string
  readonly leafUrl: string
  readonly releaseKeys: readonly PublicKey[]
  readonly policyKeys: readonly PublicKey[]
  readonly receiptKey: PublicKey
  /** The first roots of the two repositories; null in an identity from before them. */
  readonly roots: Readonly<Record<RepositoryName, Uint8Array>> | null
}

/** Throws {@link NotEnrolled} when there is none, {@link IdentityUnreadable} when there is one that says nothing. */
export function readIdentity(folder: string): Identity {
  let text: string
  try {
    text = readFileSync(join(folder, IDENTITY_FILE), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new NotEnrolled('this device is not enrolled', {
        remedy: 'Run `starling up`, or `starling edge --hub URL --token-file FILE`.',
      })
    throw unreadable(cause)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw unreadable(cause)
  }
  const parsed = v.safeParse(StoredIdentitySchema, value)
  if (!parsed.success) throw unreadable(parsed.issues[0])
  return identityOf(parsed.output)
}

/** Writes the identity durably: a device that was told that it is enrolled is. */
export function storeIdentity(folder: string, stored: StoredIdentity): void {
  replaceSecret(join(folder, IDENTITY_FILE), JSON.stringify(stored))
}

/** Replaces a secret file in one step: mode 0600, synced before its name is. */
export function replaceSecret(path: string, text: string): void {
  const fresh = `${path}.new`
  const file = openSync(fresh, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  chmodSync(fresh, 0o600)
  renameSync(fresh, path)
}

function identityOf({ seed, userSeed, leafSeed, answer }: StoredIdentity): Identity {
  return {
    tenant: parseTenantId(answer.tenant),
    device: parseDeviceId(answer.device),
    site: parseSiteId(answer.site),
    environment: answer.environment,
    keyPair: loadKeyPair(seed),
    trust: answer.trust,
    deviceCreds: credsText(answer.deviceJwt, userSeed),
    leafJwt: answer.leafJwt,
    leafCredsOf: (jwt) => credsText(jwt, leafSeed),
    leafUrl: answer.leafUrl,
    releaseKeys: answer.keys.release.map((text) => loadPublicKey(text)),
    policyKeys: answer.keys.policy.map((text) => loadPublicKey(text)),
    receiptKey: loadPublicKey(answer.keys.receipt),
    roots:
      answer.roots === undefined
        ? null
        : {
            image: Buffer.from(answer.roots.image, 'base64'),
            director: Buffer.from(answer.roots.director, 'base64'),
          },
  }
}

function unreadable(cause: unknown): IdentityUnreadable {
  return new IdentityUnreadable("the device's identity cannot be read", {
    remedy: 'Restore identity.json from a backup, or `starling reset` and enrol the device anew.',
    cause,
  })
}
