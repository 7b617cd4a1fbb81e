/** The units of a phone at the edge of a word: they differ by what stands beside the word, and many phones there sound alike. */
import type { PhoneModel, Position } from './phone-model.ts'

/** Neighbours that lead to the same senones. */
export interface Variant {
  readonly sequence: number
  readonly phones: readonly number[]
}

export interface Edge {
  /** Of the phone in its word. */
  readonly position: Position
  readonly phone: number
  /** The neighbour that is known: the one inside the word, where it has one. */
  readonly beside: { readonly left: number } | { readonly right: number }
}

/** The variants of a phone by the neighbour that is not known, which is one of `others`. */
export function variantsOf(
  model: PhoneModel,
  { position, phone, beside }: Edge,
  others: Iterable<number>,
): Variant[] {
  const found = new Map<number, number[]>()
  for (const other of others) {
    const [left, right] = 'left' in beside ? [beside.left, other] : [other, beside.right]
    const sequence = model.sequenceOf(position, phone, left, right)
    const phones = found.get(sequence)
    if (phones === undefined) found.set(sequence, [other])
    else phones.push(other)
  }
  return Array.from(found, ([sequence, phones]) => ({ sequence, phones }))
}
