/**
 * RFC 8785 (JSON Canonicalization Scheme): one byte string for one value, so that two machines hash and sign
 * the same bytes. ECMAScript's own number and string forms are the ones that the RFC prescribes (section 3.2.2).
 */
import { StarlingError } from './errors.ts'
import type { Json } from './json.ts'

export class NotCanonical extends StarlingError {
  override readonly code = 'not_canonical'
}

/** The canonical text of `value`. Throws {@link NotCanonical} on NaN, infinities, lone surrogates and non-JSON values. */
export function canonicalText(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refused(`the number ${value}`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refused('a string with a lone surrogate')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalText(item)).join(',')}]`
  if (typeof value === 'object' && isPlain(value)) {
    const parts: string[] = []
    // The default sort compares UTF-16 code units, which is the order of RFC 8785, section 3.2.3.
    for (const key of Object.keys(value).sort()) {
      const item = (value as Readonly<Record<string, Json | undefined>>)[key]
      if (item === undefined) continue
      parts.push(`${canonicalText(key)}:${canonicalText(item)}`)
    }
    return `{${parts.join(',')}}`
  }
  throw refused(`a ${typeof value}`)
}

/** The canonical UTF-8 bytes of `value`. */
export function canonicalBytes(value: Json): Uint8Array {
  return new TextEncoder().encode(canonicalText(value))
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function refused(what: string): NotCanonical {
  return new NotCanonical(`${what} has no canonical JSON form`, {
    remedy: 'Pass plain JSON: finite numbers, well-formed strings, arrays and plain objects.',
  })
}
