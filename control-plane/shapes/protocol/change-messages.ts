/** One change of a table as a shape tells it: in, out, within, or not at all. Pure. */
import type { Replica } from '../definition.ts'
import type { TableName } from '../identifiers.ts'
import { rowKey } from './row-key.ts'

export type RowValues = ReadonlyMap<string, string | null>

export interface Told {
  readonly operation: 'insert' | 'update' | 'delete'
  readonly key: string
  readonly value: Readonly<Record<string, string | null>>
  readonly oldValue: Readonly<Record<string, string | null>> | null
}

export interface Telling {
  readonly table: TableName
  readonly columns: readonly string[]
  /** Empty where the table has no primary key: then the whole row is its name. */
  readonly key: readonly string[]
  readonly replica: Replica
}

/** The row before and after, each only where it was there and belonged to the shape. */
export interface Change {
  readonly before: RowValues | null
  readonly after: RowValues | null
}

/** None, one, or two messages: a changed key is a delete and an insert. */
export function tellChange({ before, after }: Change, telling: Telling): readonly Told[] {
  if (before === null) return after === null ? [] : [inserted(after, telling)]
  if (after === null) return [deleted(before, telling)]
  if (keyOf(before, telling) !== keyOf(after, telling))
    return [deleted(before, telling), inserted(after, telling)]
  const changed = telling.columns.filter((name) => before.get(name) !== after.get(name))
  if (changed.length === 0) return []
  const isFull = telling.replica === 'full'
  const shown = isFull
    ? telling.columns
    : telling.columns.filter((name) => telling.key.includes(name) || changed.includes(name))
  return [
    {
      operation: 'update',
      key: keyOf(after, telling),
      value: pick(after, shown),
      oldValue: isFull ? pick(before, changed) : null,
    },
  ]
}

function inserted(row: RowValues, telling: Telling): Told {
  return { operation: 'insert', key: keyOf(row, telling), value: pick(row, telling.columns), oldValue: null }
}

function deleted(row: RowValues, telling: Telling): Told {
  const shown = telling.replica === 'full' || telling.key.length === 0 ? telling.columns : telling.key
  return { operation: 'delete', key: keyOf(row, telling), value: pick(row, shown), oldValue: null }
}

function keyOf(row: RowValues, { table, key, columns }: Telling): string {
  return rowKey(
    table,
    (key.length === 0 ? columns : key).map((name) => row.get(name) ?? null),
  )
}

function pick(row: RowValues, names: readonly string[]): Readonly<Record<string, string | null>> {
  return Object.fromEntries(names.map((name) => [name, row.get(name) ?? null]))
}

/** A message without its end, so that `last` can still be said: see {@link closeMessage}. */
export function openMessage(
  told: Told,
  headers: {
    readonly table: TableName
    readonly tx: number
    readonly position: number
    readonly xid: bigint
  },
): string {
  const { key, value, oldValue, operation } = told
  const head = {
    operation,
    relation: [headers.table.schema, headers.table.table],
    lsn: String(headers.tx),
    op_position: headers.position,
    // The client knows transactions by their low 32 bits.
    txids: [Number(BigInt.asUintN(32, headers.xid))],
  }
  const body = JSON.stringify({
    key,
    value,
    ...(oldValue === null ? {} : { old_value: oldValue }),
    headers: head,
  })
  return body.slice(0, -2)
}

export function closeMessage(opened: string, isLast: boolean): string {
  return `${opened}${isLast ? ',"last":true' : ''}}}`
}

export function upToDate(lastSeen: number): string {
  return JSON.stringify({ headers: { control: 'up-to-date', global_last_seen_lsn: String(lastSeen) } })
}

export const MUST_REFETCH = '{"headers":{"control":"must-refetch"}}'
