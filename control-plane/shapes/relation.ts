/** A table as the catalogue describes it now: its columns in order, its key, and a digest that changes with any of them. */
import { createHash } from 'node:crypto'
import type { Queryable } from '../../shared/sql/port.ts'
import { quoteIdentifier, type TableName } from './identifiers.ts'

export interface Column {
  readonly name: string
  /** The type's own name; of an array, its element's. */
  readonly type: string
  /** The type, schema and name quoted: what a value is cast to. */
  readonly sqlType: string
  /** The collation that the column compares by, quoted; null where that is its type's own. */
  readonly collation: string | null
  /** `atttypmod`: length, precision and scale. */
  readonly modifier: number
  /** 0 where it is no array. */
  readonly dimensions: number
  readonly isNotNull: boolean
  readonly isGenerated: boolean
  /** Type, modifier and collation by number: what a layout says of it. */
  readonly kind: string
  /** Changes with its entry in the catalogue. */
  readonly version: string
}

export interface Relation extends TableName {
  readonly oid: number
  /** `r` for a table; anything else is not served. */
  readonly relkind: string
  readonly columns: readonly Column[]
  /** Columns of the primary key in its order; empty where there is none. */
  readonly key: readonly string[]
  /** As the capturing trigger computes it, so that a change tells by which layout it was written. */
  readonly layout: string
  /** Changes when all rows are written anew, by whatever statement. */
  readonly file: string
}

interface CatalogueRow {
  readonly [name: string]: string | number | boolean | null
  readonly oid: number
  readonly relkind: string
  readonly schema: string
  readonly table: string
  readonly name: string | null
  readonly type: string
  readonly type_schema: string
  readonly type_name: string
  readonly collation: string | null
  readonly modifier: number
  readonly dimensions: number
  readonly not_null: boolean
  readonly generated: boolean
  readonly kind: string
  readonly version: string
  readonly file: string
  readonly key_place: number | null
  readonly layout: string | null
}

/** The same expressions in the trigger (`triggers.ts`): over `pg_attribute a` of one table. */
export const KIND_SQL = `concat_ws(':', a.atttypid, a.atttypmod, a.attcollation)`
export const LAYOUT_SQL = `md5(string_agg(concat_ws(':', a.attname, ${KIND_SQL}), ',' order by a.attnum))`

const CATALOGUE = `
select c.oid::int8 as oid, c.relkind::text as relkind, ns.nspname::text as schema, c.relname::text as table,
  a.attname::text as name, coalesce(e.typname, t.typname)::text as type, tn.nspname::text as type_schema, t.typname::text as type_name,
  case when a.attcollation <> 0 and a.attcollation <> t.typcollation
    then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
  a.atttypmod as modifier, case when e.oid is null then 0 else greatest(a.attndims, 1) end::int4 as dimensions,
  ${KIND_SQL} as kind, a.xmin::text as version, c.relfilenode::text as file, a.attnotnull as not_null, a.attgenerated <> '' as generated,
  array_position(i.indkey::int2[], a.attnum) as key_place,
  (select ${LAYOUT_SQL} from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as layout
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_type t on t.oid = a.atttypid
left join pg_namespace tn on tn.oid = t.typnamespace
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
left join pg_collation co on co.oid = a.attcollation
left join pg_namespace cn on cn.oid = co.collnamespace
left join pg_index i on i.indrelid = c.oid and i.indisprimary
`

/** The table of that name, or null. */
export async function findRelation(db: Queryable, { schema, table }: TableName): Promise<Relation | null> {
  const rows = await db.query<CatalogueRow>(
    `${CATALOGUE} where ns.nspname = $1 and c.relname = $2 order by a.attnum`,
    [schema, table],
  )
  return relationsOf(rows)[0] ?? null
}

/** Those of the tables that are still there. */
export async function relationsByOid(db: Queryable, oids: readonly number[]): Promise<readonly Relation[]> {
  if (oids.length === 0) return []
  return relationsOf(
    await db.query<CatalogueRow>(
      `${CATALOGUE} where c.oid = any($1::int8[]::oid[]) order by c.oid, a.attnum`,
      [[...oids]],
    ),
  )
}

function relationsOf(rows: readonly CatalogueRow[]): readonly Relation[] {
  const byOid = new Map<number, CatalogueRow[]>()
  for (const row of rows) {
    const known = byOid.get(row.oid)
    if (known === undefined) byOid.set(row.oid, [row])
    else known.push(row)
  }
  return [...byOid.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const keyed = group.filter((row) => row.key_place !== null)
    keyed.sort((one, other) => (one.key_place ?? 0) - (other.key_place ?? 0))
    const { oid, relkind, schema, table, layout, file } = first
    const columns = group.flatMap((row) => (row.name === null ? [] : [columnOf(row, row.name)]))
    return [
      {
        oid,
        relkind,
        schema,
        table,
        columns,
        key: keyed.map((row) => row.name ?? ''),
        layout: layout ?? '',
        file,
      },
    ]
  })
}

function columnOf(row: CatalogueRow, name: string): Column {
  return {
    name,
    type: row.type,
    sqlType: `${quoteIdentifier(row.type_schema)}.${quoteIdentifier(row.type_name)}`,
    collation: row.collation,
    modifier: row.modifier,
    dimensions: row.dimensions,
    isNotNull: row.not_null,
    isGenerated: row.generated,
    kind: row.kind,
    version: row.version,
  }
}

export function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
