/** Rows of one synced table, by the values of its columns: with the local changes over them, as everything on the device reads them. */
import { classRank, tableClass } from '../../shared/context/data-class.ts'
import { ROW_SCHEMAS, type ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import { DATA_CLASSES } from '../../shared/kernel/contract.ts'
import type { Queryable, SqlValue } from '../../shared/sql/port.ts'
import { visibleParams, type AsOf, type Rights } from '../search/rights.ts'

export class BadContextQuery extends StarlingError {
  override readonly code = 'bad_context_query'
}

export interface RowWish {
  readonly table: ContextTable
  /** Column, or `key`, and the text of its value. */
  readonly where: Readonly<Record<string, string>>
  readonly rights: Rights
  readonly asOf: AsOf
  readonly nowMs: number
  readonly limit: number
}

export type QueriedRow = {
  readonly key: string
  readonly version: number
  /** True while a local change of it is on its way up. */
  readonly pending: boolean
  readonly body: JsonObject
}

/** Throws {@link BadContextQuery} for a column that the table has not, and for another time of a table that keeps none. */
export async function queryRows(
  sql: Queryable,
  wish: RowWish,
): Promise<{ readonly rows: readonly QueriedRow[]; readonly truncated: boolean }> {
  const { table, limit } = wish
  const conditions = Object.entries(wish.where)
  const columns = Object.keys(ROW_SCHEMAS[table].entries)
  const unknown = conditions.find(([column]) => column !== 'key' && !columns.includes(column))
  if (unknown !== undefined)
    throw bad(`${table} has no column ${unknown[0]}`, `Its columns: key, ${columns.join(', ')}.`)
  const own = ownRights(wish)
  const params: SqlValue[] = [table, limit + 1, ...own.params]
  const clauses = conditions.map(([column, value]) => {
    params.push(value)
    if (column === 'key') return `key = $${params.length}`
    params.push(column)
    return `body->>$${params.length}::text = $${params.length - 1}`
  })
  const rows = await sql.query<QueriedRow>(
    `select key, version, pending, body from context.current
     where tbl = $1 and ${[own.sql, ...clauses].join(' and ')} order by key limit $2`,
    params,
  )
  return { rows: rows.slice(0, limit), truncated: rows.length > limit }
}

/** Rows that say their own class, readers and times are held against them; the others have the class of their table. */
function ownRights({ table, rights, asOf, nowMs }: RowWish): {
  readonly sql: string
  readonly params: readonly SqlValue[]
} {
  const kind = tableClass(table)
  if (kind !== null) {
    if (asOf !== null)
      throw bad(
        `${table} keeps no history on the device`,
        'Ask node, edge or document, whose rows say when they held.',
      )
    return { sql: classRank(kind) <= classRank(rights.clearance) ? 'true' : 'false', params: [] }
  }
  const time = (column: string): string => `(body->>'${column}')::timestamptz`
  const sql = `array_position(array['${DATA_CLASSES.join("','")}'], body->>'dataClass') - 1 <= $3::int
    and (body->'readers' = '[]' or body->'readers' ?| $4::text[])
    and ${time('validFrom')} <= $5::text::timestamptz
    and (body->>'validTo' is null or ${time('validTo')} > $6::text::timestamptz)
    and ${time('recordedAt')} <= $7::text::timestamptz
    and (body->>'retractedAt' is null or ${time('retractedAt')} > $7::text::timestamptz)`
  return { sql, params: visibleParams(rights, asOf, nowMs).slice(0, 5) }
}

function bad(what: string, remedy: string): BadContextQuery {
  return new BadContextQuery(what, { remedy })
}
