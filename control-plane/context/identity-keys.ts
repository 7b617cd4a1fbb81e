/**
 * Records of several systems that mean one thing, joined by keys that were declared: which property of which system names a thing. Only
 * what agrees to the letter, spaces and case aside, is joined; what a system says of two of its own records is doubt, and joins nothing.
 */
import type { RowOf } from '../../shared/context/tables.ts'

/** A system's property whose values name things: `{ system: 'scada', property: 'tag', names: 'plate' }`. */
export interface IdentityKey {
  readonly system: string
  readonly property: string
  /** Two records are one thing where their keys of one name agree. */
  readonly names: string
}

export interface NodeRecord {
  readonly system: string
  readonly node: Pick<RowOf<'node'>, 'node' | 'properties'>
}

export interface Identity {
  /** Of the system that was declared first: the others are the same as it. */
  readonly from: string
  readonly to: string
  readonly names: string
  /** As the first of them writes it. */
  readonly value: string
}

/** In the order of the declaration, then of the records; each pair once, by the first key that joins it. */
export function joinByKeys(
  records: readonly NodeRecord[],
  keys: readonly IdentityKey[],
): readonly Identity[] {
  const found: Identity[] = []
  for (const names of new Set(keys.map((key) => key.names))) {
    const groups = new Map<
      string,
      { readonly system: string; readonly node: string; readonly value: string }[]
    >()
    for (const { system, property } of keys.filter((key) => key.names === names))
      for (const record of records) {
        const value = record.node.properties[property]
        if (record.system !== system || value === undefined) continue
        const said = `${value}`
        const plain = plainOf(said)
        if (plain !== '')
          groups.set(plain, [...(groups.get(plain) ?? []), { system, node: record.node.node, value: said }])
      }
    for (const group of groups.values()) {
      const certain = group.filter(
        ({ system }) => group.filter((other) => other.system === system).length === 1,
      )
      const [first, ...others] = certain
      if (first === undefined) continue
      for (const { node } of others)
        if (!found.some(({ from, to }) => from === first.node && to === node))
          found.push({ from: first.node, to: node, names, value: first.value })
    }
  }
  return found
}

function plainOf(value: string): string {
  return value.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '')
}
