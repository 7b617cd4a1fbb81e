/**
 * The canonical JSON over which TUF signs (OLPC form): keys sorted by code point, no white space, no fractions, and in
 * strings only `"` and `\` escaped. It is not RFC 8785 (shared/canonical.ts), which other TUF tools would not verify.
 */
import type { Json, JsonObject } from '../../shared/json.ts'
import { TufRefused } from './refused.ts'

/** Deeper nesting has no use in metadata, and would let a stranger exhaust the stack. */
const MAX_DEPTH = 64

/** The bytes that a signature over `value` covers. Throws {@link TufRefused} on a fraction, a lone surrogate, or depth over 64. */
export function signedBytes(value: Json, role: string): Uint8Array {
  const parts: string[] = []
  write(value, parts, { role, depth: 0 })
  return new TextEncoder().encode(parts.join(''))
}

interface Place {
  readonly role: string
  readonly depth: number
}

function write(value: Json, parts: string[], at: Place): void {
  if (at.depth > MAX_DEPTH) throw new TufRefused('malformed', at.role, `nested deeper than ${MAX_DEPTH}`)
  if (value === null || typeof value === 'boolean') parts.push(String(value))
  else if (typeof value === 'string') parts.push(quoted(value, at.role))
  else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TufRefused('malformed', at.role, `the number ${value}`)
    parts.push(value === 0 ? '0' : String(value))
  } else if (Array.isArray(value)) writeList(value, parts, at)
  else writeObject(value as JsonObject, parts, at)
}

function writeList(items: readonly Json[], parts: string[], at: Place): void {
  parts.push('[')
  for (const [index, item] of items.entries()) {
    if (index > 0) parts.push(',')
    write(item, parts, { ...at, depth: at.depth + 1 })
  }
  parts.push(']')
}

function writeObject(value: JsonObject, parts: string[], at: Place): void {
  parts.push('{')
  for (const [index, [name, item]] of Object.entries(value).sort(byCodePoint).entries()) {
    if (index > 0) parts.push(',')
    parts.push(quoted(name, at.role), ':')
    write(item, parts, { ...at, depth: at.depth + 1 })
  }
  parts.push('}')
}

function quoted(text: string, role: string): string {
  if (!text.isWellFormed()) throw new TufRefused('malformed', role, 'text with a lone surrogate')
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** JavaScript's own order is by UTF-16 unit, which puts U+1F600 before U+FFFD; Python's signers sort by code point. */
function byCodePoint([left]: readonly [string, Json], [right]: readonly [string, Json]): number {
  if (left === right) return 0
  const a = Array.from(left)
  const b = Array.from(right)
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = (a[index]?.codePointAt(0) ?? 0) - (b[index]?.codePointAt(0) ?? 0)
    if (order !== 0) return order
  }
  return a.length - b.length
}
