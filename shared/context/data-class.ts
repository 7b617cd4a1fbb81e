/** How sensitive a row is: what its own column says, or what its table says for all of its rows. */
import type { DataClass } from '../kernel/contract.ts'
import { DATA_CLASSES } from '../kernel/contract.ts'
import type { ContextTable } from './tables.ts'

const OF_TABLE: Readonly<Record<ContextTable, DataClass>> = {
  asset: 'internal',
  work_order: 'internal',
  procedure: 'internal',
  step: 'internal',
  part: 'internal',
  person: 'personal',
  reading: 'internal',
  note: 'personal',
  part_order: 'internal',
  inbox_item: 'personal',
  write_result: 'internal',
  write_conflict: 'personal',
  // Rows of these say it themselves, each for itself.
  node: 'restricted',
  edge: 'restricted',
  document: 'restricted',
}

export function dataClassOf(
  table: ContextTable,
  row: { readonly dataClass?: DataClass } | object,
): DataClass {
  return 'dataClass' in row && row.dataClass !== undefined ? row.dataClass : OF_TABLE[table]
}

/** From 0, the least sensitive. */
export function classRank(dataClass: DataClass): number {
  return DATA_CLASSES.indexOf(dataClass)
}

/** The class of a table whose rows do not say it themselves; null where they do. */
export function tableClass(table: ContextTable): DataClass | null {
  return table === 'node' || table === 'edge' || table === 'document' ? null : OF_TABLE[table]
}
