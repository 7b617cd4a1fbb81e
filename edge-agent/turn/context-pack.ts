/**
 * What a turn is given to be understood with: the work in hand and what the device knows about what was said, in one text that never
 * exceeds its budget. Pure: the same items give the same bytes in whatever order they came, and their digest stands in the turn's record.
 */
import { canonicalText } from '../../shared/canonical.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { Sha256Hex } from '../../shared/ids.ts'
import type { Json } from '../../shared/json.ts'

/** From what a turn needs first to what it can do without. */
export const PACK_KINDS = ['work_order', 'asset', 'step', 'found'] as const
export type PackKind = (typeof PACK_KINDS)[number]

export type PackItem = {
  readonly kind: PackKind
  /** Of the row or chunk it was made of. */
  readonly id: string
  /** Among its kind, from 0. */
  readonly rank: number
  readonly text: string
  /** Records that it stands on: `{ system, record }`. */
  readonly sources: Json
}

export type ContextPack = {
  /** RFC 8785: `{"items":[…],"v":1}`. */
  readonly text: string
  /** SHA-256 of the text's bytes. */
  readonly digest: Sha256Hex
  readonly sizeBytes: number
  readonly items: readonly { readonly kind: PackKind; readonly id: string; readonly sources: Json }[]
  /** How many found no room. */
  readonly left: number
}

/** About a thousand tokens of a small model, beside its instructions. */
export const PACK_BUDGET_BYTES = 4_096

/** Takes items in canonical order (kind, rank, id), each that still finds room, whole. Throws `RangeError` for a budget without room for none. */
export function packContext(items: readonly PackItem[], budgetBytes: number): ContextPack {
  const ordered = [...items].sort(
    (a, b) =>
      PACK_KINDS.indexOf(a.kind) - PACK_KINDS.indexOf(b.kind) || a.rank - b.rank || compare(a.id, b.id),
  )
  const taken: PackItem[] = []
  let sizeBytes = bytesOf(textOf([]))
  if (sizeBytes > budgetBytes) throw new RangeError(`a pack of ${budgetBytes} bytes has no room`)
  for (const item of ordered) {
    if (taken.some(({ id, kind }) => id === item.id && kind === item.kind)) continue
    const more = bytesOf(itemText(item)) + (taken.length === 0 ? 0 : 1)
    if (sizeBytes + more > budgetBytes) continue
    sizeBytes += more
    taken.push(item)
  }
  const text = textOf(taken)
  return {
    text,
    digest: sha256Hex(text),
    sizeBytes: bytesOf(text),
    items: taken.map(({ kind, id, sources }) => ({ kind, id, sources })),
    left: items.length - taken.length,
  }
}

function textOf(items: readonly PackItem[]): string {
  return `{"items":[${items.map(itemText).join(',')}],"v":1}`
}

/** Ranks order the items and are not part of them. */
function itemText({ kind, id, text, sources }: PackItem): string {
  return canonicalText({ kind, id, text, sources })
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text)
}

/** By code units, the same on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
