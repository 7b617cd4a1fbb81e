/** The form of a database as columns, and the golden set of a schema bundle: which columns its steps bring and take away. */
import * as v from 'valibot'
import type { Queryable } from '../../shared/sql/port.ts'

export const GOLDEN_FORM_FILE = 'golden.json'

/** Columns as `schema.table.column type`. */
export const GoldenFormSchema = v.strictObject({
  v: v.literal(1),
  added: v.array(v.string()),
  removed: v.array(v.string()),
})
export type GoldenForm = v.InferOutput<typeof GoldenFormSchema>

export async function columnsOf(sql: Queryable): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(
    `select n.nspname || '.' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) as name
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm')
       and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1`,
  )
  return rows.map(({ name }) => name)
}
