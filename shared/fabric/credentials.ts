/**
 * Who may speak on the fabric, by decentralised JWT: an operator signs a tenant's account, the account's key signs users. A
 * server needs only {@link FabricTrust} (no secret) to tell a true user from a false one, so a leaf does so offline.
 *
 * Every limit is spelled out: in these tokens a missing one means zero. User tokens are complete, not scoped templates: 2.9
 * replaces only whole subject tokens in those, and does not enforce their connection types.
 */
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromSeed,
  type KeyPair,
  type User,
} from '@nats-io/jwt'
import * as v from 'valibot'
import type { DeviceId, SiteId, TenantId } from '../ids.ts'
import { streams, subjects } from '../wire/subjects.ts'
import { BadCredentials } from './errors.ts'

const Jwt = v.pipe(
  v.string(),
  v.maxLength(20_000),
  v.regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/),
)
const AccountKey = v.pipe(v.string(), v.regex(/^A[A-Z2-7]{55}$/))
const AccountSchema = v.strictObject({ publicKey: AccountKey, jwt: Jwt })

/** What a server must hold to know a tenant's users: public, handed to a device when it enrols. */
export const FabricTrustSchema = v.strictObject({
  operatorJwt: Jwt,
  account: AccountSchema,
  /** nats-server will not run JetStream under an operator without one. Nobody holds a user of it. */
  system: AccountSchema,
})
export type FabricTrust = v.InferOutput<typeof FabricTrustSchema>

/** A user's public key: `U` and 55 characters. */
export const UserKeySchema = v.pipe(v.string(), v.regex(/^U[A-Z2-7]{55}$/))

/** Secret: kept by the centre in a file of mode 0600. */
export const FabricSeedsSchema = v.strictObject({
  operator: v.pipe(v.string(), v.regex(/^SO[A-Z2-7]{56}$/)),
  account: v.pipe(v.string(), v.regex(/^SA[A-Z2-7]{56}$/)),
  system: v.pipe(v.string(), v.regex(/^SA[A-Z2-7]{56}$/)),
})
export type FabricSeeds = v.InferOutput<typeof FabricSeedsSchema>

export interface FabricAuthority {
  readonly tenant: TenantId
  readonly trust: FabricTrust
  /** The trust by which the hub turns away users whose keys were revoked. For the hub alone: it grows. */
  trustWithout(revoked: readonly string[]): Promise<FabricTrust>
  /** The JWT of a device whose public user key is `userKey`: its own subjects and its own leaf stream, nothing else. */
  issueDevice(device: { device: DeviceId; userKey: string; expiresAtMs?: number }): Promise<string>
  /** The JWT with which a site's leaf links to the hub, for the devices of that site alone. */
  issueLeaf(leaf: {
    site: SiteId
    devices: readonly DeviceId[]
    userKey: string
    expiresAtMs?: number
  }): Promise<string>
  /** Credentials (a .creds text) of a user of the centre: everything of this tenant. A new key each time. */
  issueCentre(): Promise<string>
}

/** Made once an installation. */
export function makeFabricSeeds(): FabricSeeds {
  return {
    operator: seedOf(createOperator()),
    account: seedOf(createAccount()),
    system: seedOf(createAccount()),
  }
}

/** A user key, made where it will be used: only `publicKey` travels. */
export function makeUserKey(): { readonly publicKey: string; readonly seed: string } {
  const pair = createUser()
  return { publicKey: pair.getPublicKey(), seed: seedOf(pair) }
}

/** The .creds text that servers and clients read. Secret: mode 0600. Throws {@link BadCredentials}. */
export function credsText(jwt: string, userSeed: string): string {
  return new TextDecoder().decode(fmtCreds(jwt, keyOf(userSeed)))
}

/** Opens the tenant's authority. Throws {@link BadCredentials} for seeds that are none. */
export async function openAuthority(tenant: TenantId, seeds: FabricSeeds): Promise<FabricAuthority> {
  const parsed = v.safeParse(FabricSeedsSchema, seeds)
  if (!parsed.success) throw badCredentials('the stored seeds are no NATS seeds')
  const operator = keyOf(seeds.operator)
  const account = keyOf(seeds.account)
  const system = keyOf(seeds.system)
  const limits = { ...OPEN_LIMITS, ...JETSTREAM_LIMITS }
  const trust: FabricTrust = {
    operatorJwt: await encodeOperator('starling', operator, { system_account: system.getPublicKey() }),
    account: {
      publicKey: account.getPublicKey(),
      jwt: await encodeAccount(tenant, account, { limits }, { signer: operator }),
    },
    system: {
      publicKey: system.getPublicKey(),
      jwt: await encodeAccount('system', system, { limits: OPEN_LIMITS }, { signer: operator }),
    },
  }
  const issue = async (name: string, userKey: string, user: UserGrant): Promise<string> => {
    if (!v.is(UserKeySchema, userKey)) throw badCredentials(`${name}: the public key is no NATS user key`)
    const expiry = user.expiresAtMs === undefined ? {} : { exp: Math.floor(user.expiresAtMs / 1000) }
    return encodeUser(name, userKey, account, { ...USER_LIMITS, ...user.permissions }, expiry)
  }
  return {
    tenant,
    trust,
    trustWithout: async (revoked) => {
      const revocations = Object.fromEntries(revoked.map((key) => [key, FOR_GOOD_S]))
      const jwt = await encodeAccount(tenant, account, { limits, revocations }, { signer: operator })
      return { ...trust, account: { ...trust.account, jwt } }
    },
    issueDevice: async ({ device, userKey, expiresAtMs }) =>
      issue(device, userKey, { permissions: devicePermissions(tenant, device), expiresAtMs }),
    issueLeaf: async ({ site, devices, userKey, expiresAtMs }) =>
      issue(`leaf-${site}`, userKey, { permissions: leafPermissions(tenant, devices), expiresAtMs }),
    issueCentre: async () => {
      const { publicKey, seed } = makeUserKey()
      return credsText(await issue('centre', publicKey, { permissions: {}, expiresAtMs: undefined }), seed)
    },
  }
}

/** A revocation holds for tokens issued until then: the year 9999, since a key is never taken back into use. */
const FOR_GOOD_S = 253_402_300_799

interface UserGrant {
  readonly permissions: Partial<User>
  readonly expiresAtMs: number | undefined
}

const OPEN_LIMITS = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: 0,
  exports: 0,
  wildcards: false,
  conn: -1,
  leaf: -1,
  disallow_bearer: true,
} as const
/** The servers' own `max_file_store`, and each stream's `max_bytes`, bound what is stored. */
const JETSTREAM_LIMITS = {
  mem_storage: -1,
  disk_storage: -1,
  streams: -1,
  consumer: -1,
  mem_max_stream_bytes: -1,
  disk_max_stream_bytes: -1,
  max_bytes_required: true,
  max_ack_pending: -1,
} as const
const USER_LIMITS = { subs: -1, data: -1, payload: -1, bearer_token: false } as const

/** 30 s: a cache that has to ask the centre for the piece. */
const SITE_ANSWER_NS = 30_000_000_000

function devicePermissions(tenant: TenantId, device: DeviceId): Partial<User> {
  const stream = streams.out(device)
  const verbs = ['INFO', 'CREATE', 'UPDATE', 'PURGE', 'MSG.GET']
  const allow = [
    `up.${tenant}.${device}.>`,
    `ask.${tenant}.${device}.>`,
    `out.${device}.>`,
    subjects.sitePiece(device),
    ...verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`),
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
  ]
  return {
    pub: { allow, deny: [] },
    // Any agent of a site may keep its cache: it hears who asks for which piece, and may answer that once.
    sub: {
      allow: [subjects.tellAll(tenant, device), `${subjects.inboxPrefix(device)}.>`, subjects.sitePieces],
      deny: [],
    },
    resp: { max: 1, ttl: SITE_ANSWER_NS },
  }
}

/**
 * What may cross the link. Upwards the patterns have to be those that the hub listens on, letter for letter: a server passes
 * on an interest only where it lies inside what the other may send, so `up.<tenant>.<device>.>` would carry nothing. That a
 * device speaks for itself alone is held by its own user at the leaf and by its seal; downwards each leaf hears only its own.
 */
function leafPermissions(tenant: TenantId, devices: readonly DeviceId[]): Partial<User> {
  if (devices.length === 0) throw badCredentials('a leaf without a device has nothing to carry')
  return {
    pub: { allow: [subjects.upAll(tenant), subjects.askAll(tenant)], deny: [] },
    sub: {
      allow: devices.flatMap((device) => [
        subjects.tellAll(tenant, device),
        `${subjects.inboxPrefix(device)}.>`,
      ]),
      deny: [],
    },
  }
}

function seedOf(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed())
}

function keyOf(seed: string): KeyPair {
  try {
    return fromSeed(new TextEncoder().encode(seed))
  } catch (cause) {
    throw badCredentials('a stored seed is no NATS seed', cause)
  }
}

function badCredentials(why: string, cause?: unknown): BadCredentials {
  return new BadCredentials(`the fabric's credentials are unusable: ${why}`, {
    remedy: 'Restore the credentials from a backup, or enrol the device again.',
    cause,
  })
}
