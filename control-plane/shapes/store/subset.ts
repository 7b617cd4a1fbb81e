/** Some rows of a shape, read now: a condition, an order and a page of the reader's own on top of the shape's. */
import { randomInt } from 'node:crypto'
import { SqlError } from '../../../shared/sql/errors.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { parseSnapshot } from '../capture/snapshot-visibility.ts'
import { readFilter, numbered, type ResolvedShape } from '../definition.ts'
import { InvalidShapeRequest } from '../errors.ts'
import { parseOrderBy, renderOrderBy, type OrderTerm } from '../expression/order-by.ts'
import { Bindings } from '../expression/render.ts'
import { SyntaxAt } from '../expression/syntax-error.ts'
import { conditionSql, fromSql, keySql, SOURCE, valueSql } from './row-sql.ts'
import { snapshotFields } from './snapshot.ts'

export interface SubsetAsked {
  readonly where: string | null
  readonly params: Readonly<Record<string, string>>
  readonly orderBy: string | null
  readonly limit: number | null
  readonly offset: number | null
  /** What it may ask by; null for all columns of the table. */
  readonly columns: readonly string[] | null
}

export interface SubsetFound {
  readonly metadata: {
    readonly snapshot_mark: number
    readonly database_lsn: string
    readonly xmin: string
    readonly xmax: string
    readonly xip_list: readonly string[]
  }
  /** Messages joined by commas. */
  readonly data: string
}

/** Marks tell one subset's rows from another's at one reader. */
const MARK_LIMIT = 2 ** 31 - 1

/** Throws {@link InvalidShapeRequest} on a field of the subset. */
export async function readSubset(
  db: Database,
  resolved: ResolvedShape,
  asked: SubsetAsked,
): Promise<SubsetFound> {
  const { relation, columns, filter } = resolved
  const known = new Set(asked.columns ?? relation.columns.map(({ name }) => name))
  const params = numbered(asked.params, 'subset.params')
  const own =
    asked.where === null ? null : readFilter(asked.where, { columns: known, params }, 'subset.where')
  const order = asked.orderBy === null ? [] : orderOf(asked.orderBy, known)
  const bindings = new Bindings()
  const condition = conditionSql([filter, own], bindings)
  const page = [
    order.length === 0 ? '' : `order by ${renderOrderBy(order, SOURCE)}`,
    asked.limit === null ? '' : `limit ${bindings.bind(String(asked.limit))}::text::int8`,
    asked.offset === null ? '' : `offset ${bindings.bind(String(asked.offset))}::text::int8`,
  ].join(' ')
  const rows = await ask(
    db,
    `with found as materialized (
       select ${keySql(relation, columns)} as key, ${valueSql(relation, columns)} as value
       from ${fromSql(relation)} where ${condition} ${page}
     )
     select s.snapshot, to_json(f.key)::text as key, f.value
     from (select pg_current_snapshot()::text as snapshot) s
     left join (select row_number() over () as i, found.* from found) f on true order by f.i`,
    bindings,
  )
  const mark = randomInt(1, MARK_LIMIT)
  const headers = JSON.stringify({
    operation: 'insert',
    relation: [relation.schema, relation.table],
    snapshot_mark: mark,
  })
  const data = rows.flatMap(({ key, value }) =>
    key === null || value === null ? [] : [`{"key":${key},"value":${value},"headers":${headers}}`],
  )
  const seen = parseSnapshot(rows[0]?.snapshot ?? '')
  return {
    metadata: { snapshot_mark: mark, database_lsn: '0', ...snapshotFields(seen) },
    data: data.join(','),
  }
}

interface SubsetRow {
  readonly [name: string]: string | null
  readonly snapshot: string
  readonly key: string | null
  readonly value: string | null
}

async function ask(db: Database, text: string, bindings: Bindings): Promise<readonly SubsetRow[]> {
  try {
    return await db.query<SubsetRow>(
      text,
      bindings.values.map((value) => (typeof value === 'string' ? value : [...value])),
    )
  } catch (error) {
    if (error instanceof SqlError && /^(22|42|0A)/.test(error.sqlState))
      throw new InvalidShapeRequest('subset.where', error.fault.message)
    throw error
  }
}

function orderOf(text: string, columns: ReadonlySet<string>): readonly OrderTerm[] {
  try {
    return parseOrderBy(text, columns)
  } catch (error) {
    if (error instanceof SyntaxAt) throw new InvalidShapeRequest('subset.order_by', error.message)
    throw error
  }
}
