/**
 * Who may call the centre's API: holders of an access token (JWT, EdDSA) that this centre signed, with a role in it. The
 * operator's token is written to a file of mode 0600 beside the centre's data at every start.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { MiddlewareHandler } from 'hono'
import { jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../shared/clock.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'

/** A viewer looks, as a screen on a wall does: the policy denies them every effect. */
export const ROLES = ['operator', 'governance', 'viewer'] as const
export type Role = (typeof ROLES)[number]

const ISSUER = 'starling-centre'
const AUDIENCE = 'starling-centre-api'
/** A start makes a new one; a file that was copied long ago is worth nothing. */
const VALID_MS = 30 * 86_400_000
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface Access {
  issue(who: { readonly id: string; readonly role: Role }): Promise<string>
  /** Null for anything but a token of this centre that still holds. */
  check(token: string): Promise<Principal | null>
}

export function openAccess(key: KeyPair, clock: Clock): Access {
  const seed = Buffer.from(key.seedText, 'base64url')
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = createPublicKey(privateKey)
  return {
    issue: async ({ id, role }) =>
      await new SignJWT({ role })
        .setProtectedHeader({ alg: 'EdDSA' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(id)
        .setIssuedAt(new Date(clock.nowMs()))
        .setExpirationTime(new Date(clock.nowMs() + VALID_MS))
        .sign(privateKey),
    check: async (token) => {
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          issuer: ISSUER,
          audience: AUDIENCE,
          algorithms: ['EdDSA'],
          currentDate: new Date(clock.nowMs()),
        })
        const role = ROLES.find((known) => known === payload['role'])
        if (role === undefined || typeof payload.sub !== 'string') return null
        return { kind: 'person', id: payload.sub.slice(0, 100), roles: [role] }
      } catch {
        return null // Forged, expired or no token at all: all the same to whoever asks.
      }
    },
  }
}

/** Writes the operator's token where only the owner of the data reads it; returns the path. */
export async function writeOperatorToken(access: Access, path: string): Promise<string> {
  writeFileSync(path, await access.issue({ id: 'operator', role: 'operator' }), { mode: 0o600 })
  return path
}

export type Caller = { Variables: { principal: Principal } }

/** The cookie that the console uses; programs send `Authorization: Bearer`. */
export const ACCESS_COOKIE = 'starling_access'

export function accessRequired(access: Access): MiddlewareHandler<Caller> {
  return async (context, next) => {
    const header = context.req.header('authorization') ?? ''
    const token = header.startsWith('Bearer ') ? header.slice(7) : cookieOf(context.req.header('cookie'))
    const principal = token === null ? null : await access.check(token)
    if (principal === null)
      return context.json(
        {
          code: 'access_denied',
          message: 'This call needs an access token of this centre.',
          remedy: 'Send the operator’s token: its file is named when the centre starts.',
        },
        401,
      )
    context.set('principal', principal)
    await next()
  }
}

function cookieOf(header: string | undefined): string | null {
  const found = header
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${ACCESS_COOKIE}=`))
  return found === undefined ? null : found.slice(ACCESS_COOKIE.length + 1)
}
