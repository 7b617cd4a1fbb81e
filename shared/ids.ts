/**
 * Branded identifiers: `unknown` in, a brand out. Every brand's cast lives in this file and nowhere else.
 */
import { StarlingError } from './errors.ts'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A tenant, device or site name: lower-case letters, digits and inner hyphens, 1 to 40 characters; safe as a NATS token. */
export type TenantId = Branded<'TenantId'>
export type DeviceId = Branded<'DeviceId'>
export type SiteId = Branded<'SiteId'>
/** UUID version 7 (RFC 9562), lower case. */
export type RecordId = Branded<'RecordId'>
/** UUID version 7 of one turn: what one utterance caused. */
export type TurnId = Branded<'TurnId'>
/** 64 lower-case hex digits. */
export type Sha256Hex = Branded<'Sha256Hex'>

export class BadIdentifier extends StarlingError {
  override readonly code = 'bad_identifier'
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const SHA256 = /^[0-9a-f]{64}$/

export const parseTenantId = (value: unknown): TenantId => checked(value, NAME, 'tenant') as TenantId
export const parseDeviceId = (value: unknown): DeviceId => checked(value, NAME, 'device') as DeviceId
export const parseSiteId = (value: unknown): SiteId => checked(value, NAME, 'site') as SiteId
export const parseRecordId = (value: unknown): RecordId => checked(value, UUID_V7, 'record') as RecordId
export const parseTurnId = (value: unknown): TurnId => checked(value, UUID_V7, 'turn') as TurnId
export const parseSha256Hex = (value: unknown): Sha256Hex => checked(value, SHA256, 'sha256') as Sha256Hex

/**
 * A UUID version 7 from the given time and 10 random bytes (RFC 9562, section 5.7); pure, so that tests can fix both.
 * Uniqueness rests on the 74 random bits; order within one millisecond is not promised.
 */
export function uuidV7(nowMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, Math.floor(nowMs))) << 16n)
  bytes.set(random.subarray(0, 10), 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function checked(value: unknown, pattern: RegExp, what: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : typeof value
  throw new BadIdentifier(`${shown} is no ${what} identifier`, {
    remedy: `A ${what} identifier matches ${pattern.source}.`,
  })
}
