/** `electric-schema`: what the client's parser needs to know of each column. */
import type { Column, Relation } from '../relation.ts'

interface ColumnInfo {
  readonly type: string
  readonly [property: string]: string | number | boolean
}

export function schemaHeader(relation: Relation, columns: readonly string[]): string {
  const byName = new Map(relation.columns.map((column) => [column.name, column]))
  const schema: Record<string, ColumnInfo> = {}
  for (const name of columns) {
    const column = byName.get(name)
    if (column !== undefined) schema[name] = infoOf(column, relation.key.indexOf(name))
  }
  // Header values are Latin-1: a column name beyond it travels as an escape of JSON.
  return JSON.stringify(schema).replaceAll(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function infoOf(column: Column, keyPlace: number): ColumnInfo {
  return {
    type: column.type,
    ...(column.dimensions === 0 ? {} : { dims: column.dimensions }),
    ...(keyPlace === -1 ? {} : { pk_index: keyPlace }),
    ...(column.isNotNull ? { not_null: true } : {}),
    ...modifiersOf(column.type, column.modifier),
  }
}

/** What `atttypmod` says, by type (PostgreSQL adds 4 to lengths and to numeric's pair). */
function modifiersOf(type: string, modifier: number): Readonly<Record<string, string | number>> {
  if (modifier < 0) return {}
  switch (type) {
    case 'varchar':
      return { max_length: modifier - 4 }
    case 'bpchar':
      return { length: modifier - 4 }
    case 'bit':
    case 'varbit':
      return { length: modifier }
    case 'numeric':
      return { precision: ((modifier - 4) >> 16) & 0xffff, scale: (((modifier - 4) & 0x7ff) ^ 1024) - 1024 }
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return { precision: modifier }
    case 'interval':
      return intervalOf(modifier)
    default:
      return {}
  }
}

const INTERVAL_FULL_PRECISION = 0xffff
const INTERVAL_FIELDS: ReadonlyMap<number, string> = new Map([
  [0x0004, 'YEAR'],
  [0x0002, 'MONTH'],
  [0x0008, 'DAY'],
  [0x0400, 'HOUR'],
  [0x0800, 'MINUTE'],
  [0x1000, 'SECOND'],
  [0x0006, 'YEAR TO MONTH'],
  [0x0408, 'DAY TO HOUR'],
  [0x0c08, 'DAY TO MINUTE'],
  [0x1c08, 'DAY TO SECOND'],
  [0x0c00, 'HOUR TO MINUTE'],
  [0x1c00, 'HOUR TO SECOND'],
  [0x1800, 'MINUTE TO SECOND'],
])

function intervalOf(modifier: number): Readonly<Record<string, string | number>> {
  const fields = INTERVAL_FIELDS.get((modifier >> 16) & 0x7fff)
  const precision = modifier & 0xffff
  return {
    ...(precision === INTERVAL_FULL_PRECISION ? {} : { precision }),
    ...(fields === undefined ? {} : { fields }),
  }
}
