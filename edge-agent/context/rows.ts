/** What a table's operations come to, row by row: several changes of one row become one. Pure. */
import { StarlingError } from '../../shared/errors.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import type { Operation } from './shape/answer.ts'

/** The centre told something that cannot be: what is held of the table is to be fetched anew. */
export class ForeignAnswer extends StarlingError {
  override readonly code = 'foreign_answer'
  readonly table: ContextTable

  constructor(table: ContextTable, why: string) {
    super(`what the centre sent of ${table} was not taken: ${why}`, {
      remedy: 'None is needed: the table is fetched anew. If it comes again, update both sides.',
    })
    this.table = table
  }
}

/** Columns of a row as the centre's text; undefined where a change left one alone. */
export interface RowColumns {
  readonly key: string
  readonly version: string | undefined
  readonly writeId: string | null | undefined
  readonly body: string | undefined
}

export type WholeRow = RowColumns & { readonly version: string; readonly body: string }

export interface RowChanges {
  /** Rows that are there afterwards, whole. */
  readonly puts: readonly WholeRow[]
  /** Columns of rows that are there. */
  readonly patches: readonly RowColumns[]
  readonly removes: readonly string[]
}

type Change =
  | { readonly kind: 'put'; readonly row: WholeRow }
  | { readonly kind: 'patch'; readonly row: RowColumns }
  | { readonly kind: 'remove' }

/** Throws {@link ForeignAnswer} for a row of another table, and for a change of a row that was just removed. */
export function collapse(table: ContextTable, operations: readonly Operation[]): RowChanges {
  const changes = new Map<string, Change>()
  for (const operation of operations) {
    const columns = columnsOf(table, operation)
    const { key } = columns
    changes.set(key, next(table, operation.kind, { columns, before: changes.get(key) }))
  }
  const puts: WholeRow[] = []
  const patches: RowColumns[] = []
  const removes: string[] = []
  for (const [key, change] of changes) {
    if (change.kind === 'put') puts.push(change.row)
    else if (change.kind === 'patch') patches.push(change.row)
    else removes.push(key)
  }
  return { puts, patches, removes }
}

function next(
  table: ContextTable,
  kind: Operation['kind'],
  { columns, before }: { readonly columns: RowColumns; readonly before: Change | undefined },
): Change {
  if (kind === 'delete') return { kind: 'remove' }
  if (kind === 'insert') return { kind: 'put', row: whole(table, columns) }
  if (before?.kind === 'remove') throw new ForeignAnswer(table, 'a row that was removed is changed')
  if (before === undefined) return { kind: 'patch', row: columns }
  const merged = {
    key: columns.key,
    version: columns.version ?? before.row.version,
    writeId: columns.writeId === undefined ? before.row.writeId : columns.writeId,
    body: columns.body ?? before.row.body,
  }
  return before.kind === 'put' ? { kind: 'put', row: whole(table, merged) } : { kind: 'patch', row: merged }
}

/** A row of a snapshot. Throws {@link ForeignAnswer}. */
export function wholeRow(table: ContextTable, operation: Operation): WholeRow {
  return whole(table, columnsOf(table, operation))
}

function columnsOf(table: ContextTable, { value }: Operation): RowColumns {
  const { tbl, key, version, body } = value
  // C8: whatever this answer is, it is not of this table.
  if (tbl !== table) throw new ForeignAnswer(table, `it holds a row of ${String(tbl).slice(0, 100)}`)
  if (key === undefined || key === null) throw new ForeignAnswer(table, 'a row has no key')
  if (version === null || body === null) throw new ForeignAnswer(table, 'a row has no version or no body')
  if (version !== undefined && !/^\d{1,16}$/.test(version))
    throw new ForeignAnswer(table, 'a version is no number')
  return { key, version, writeId: value['write_id'], body }
}

function whole(table: ContextTable, row: RowColumns): WholeRow {
  const { version, body } = row
  if (version === undefined || body === undefined) throw new ForeignAnswer(table, 'a new row lacks columns')
  return { ...row, version, body }
}
