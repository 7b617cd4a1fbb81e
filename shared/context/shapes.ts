/**
 * The shapes that a device may follow, by name. What a name means is settled here and filled in from who asks: a request names a shape
 * and a place in its log, never a table, a column or a row.
 */
import { CONTEXT_TABLES, type ContextTable } from './tables.ts'

/** Whose rows: from the verified identity of the device, nothing else. */
export interface ShapeScope {
  readonly tenant: string
  readonly site: string
  readonly device: string
}

export interface NamedShape {
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
  readonly where: string
  /** What stands for `$1`, `$2`, … of the clause. */
  params(scope: ShapeScope): readonly string[]
}

/** A device sees what is everybody's of its tenant, its site's, and its own. */
const VISIBLE = 'tenant = $1 and tbl = $2 and (site is null or site = $3) and (device is null or device = $4)'

/** A row's key, who sees it, its version, the write behind it, and its body. */
const ROW_COLUMNS = ['tenant', 'tbl', 'key', 'site', 'device', 'version', 'write_id', 'body']

const shapeOf = (table: ContextTable): NamedShape => ({
  schema: 'ops',
  table: 'row',
  columns: ROW_COLUMNS,
  where: VISIBLE,
  params: ({ tenant, site, device }) => [tenant, table, site, device],
})

const NAMED_SHAPES: ReadonlyMap<string, NamedShape> = new Map(
  CONTEXT_TABLES.map((table) => [table, shapeOf(table)]),
)

/** Undefined for a name that is none: `work_order`, `asset` and the other context tables are. */
export function namedShape(name: string): NamedShape | undefined {
  return NAMED_SHAPES.get(name)
}
