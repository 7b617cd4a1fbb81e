import { createHash, hash } from 'node:crypto'
import { canonicalBytes } from './canonical.ts'
import { parseSha256Hex, type Sha256Hex } from './ids.ts'
import type { Json } from './json.ts'

/** SHA-256 of bytes, as 64 lower-case hex digits. */
export function sha256Hex(bytes: Uint8Array | string): Sha256Hex {
  return parseSha256Hex(hash('sha256', bytes, 'hex'))
}

/** SHA-256 of a value's canonical bytes (RFC 8785). */
export function digestOf(value: Json): Sha256Hex {
  return sha256Hex(canonicalBytes(value))
}

/** A digest of bytes as lower-case hex. */
export function digestHex(algorithm: 'sha256' | 'sha512', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

/** SHA-256 of bytes that come in pieces; {@link hex} ends it. */
export interface Hashing {
  update(bytes: Uint8Array): void
  hex(): Sha256Hex
}

export function hashing(): Hashing {
  const state = createHash('sha256')
  return {
    update: (bytes) => {
      state.update(bytes)
    },
    hex: () => parseSha256Hex(state.digest('hex')),
  }
}
