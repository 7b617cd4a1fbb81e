/**
 * Statement triggers that write what a statement changed into `starling_shapes.change`. With transition tables one call writes all
 * rows of a statement; a row trigger costs three times as much in bulk. Old and new rows of an update are paired by their order,
 * which PostgreSQL keeps alike in both tables, because the key itself may have changed.
 */
import { SqlError } from '../../../shared/sql/errors.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { TableBusy } from '../errors.ts'
import { quoteTable } from '../identifiers.ts'
import { KIND_SQL, LAYOUT_SQL, type Relation } from '../relation.ts'

/** What `NOTIFY` is sent on: once a transaction, whatever it changed. */
export const CHANGED_CHANNEL = 'starling_shapes'

/** Enough that the cost of an entry is shared, and few enough that one is small. */
const ROWS_TOGETHER = 200

/** Rows are written with pinned settings, whatever the writer's session has: a log has one text form. */
export const CAPTURE_FUNCTION = `
create or replace function starling_shapes.capture() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'iso_8601'
set bytea_output = 'hex' set extra_float_digits = '1' as $capture$
declare
  own_layout text;
  own_names text[];
  own_kinds text[];
begin
  select ${LAYOUT_SQL}, array_agg(a.attname::text order by a.attnum), array_agg(${KIND_SQL} order by a.attnum)
    into own_layout, own_names, own_kinds from pg_catalog.pg_attribute a
    where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped;
  if not exists (select from starling_shapes.layout l where l.rel = tg_relid and l.layout = own_layout) then
    insert into starling_shapes.layout values (tg_relid, own_layout, own_names, own_kinds);
  end if;
  -- Dynamic, because a plan that was kept would outlive a change of the table.
  if tg_op = 'INSERT' then
    execute 'insert into starling_shapes.change (rel, layout, op, count, after)
      select $1, $2, ''i'', count(*), array_agg(row order by n)
      from (select row_number() over () as n, (starling_row.*)::text as row from after_rows starling_row) r
      group by (n - 1) / ${ROWS_TOGETHER} order by min(n)' using tg_relid, own_layout;
  elsif tg_op = 'DELETE' then
    execute 'insert into starling_shapes.change (rel, layout, op, count, before)
      select $1, $2, ''d'', count(*), array_agg(row order by n)
      from (select row_number() over () as n, (starling_row.*)::text as row from before_rows starling_row) r
      group by (n - 1) / ${ROWS_TOGETHER} order by min(n)' using tg_relid, own_layout;
  elsif tg_op = 'UPDATE' then
    execute 'insert into starling_shapes.change (rel, layout, op, count, before, after)
      select $1, $2, ''u'', count(*), array_agg(b.row order by n), array_agg(a.row order by n)
      from (select row_number() over () as n, (starling_row.*)::text as row from before_rows starling_row) b
      join (select row_number() over () as n, (starling_row.*)::text as row from after_rows starling_row) a using (n)
      where a.row <> b.row group by (n - 1) / ${ROWS_TOGETHER} order by min(n)' using tg_relid, own_layout;
  else
    insert into starling_shapes.change (rel, layout, op, count) values (tg_relid, own_layout, 't', 1);
  end if;
  perform pg_catalog.pg_notify('${CHANGED_CHANNEL}', '');
  return null;
end
$capture$;
`

const TRIGGERS = [
  ['starling_shapes_insert', 'insert', 'referencing new table as after_rows'],
  ['starling_shapes_update', 'update', 'referencing old table as before_rows new table as after_rows'],
  ['starling_shapes_delete', 'delete', 'referencing old table as before_rows'],
  ['starling_shapes_truncate', 'truncate', ''],
] as const

/** How long a new shape waits for those who write its table; they would wait behind it all the while. */
const LOCK_LIMIT_MS = 2_000
/** To give a table up is in no hurry, and whoever wants it would wait behind. */
const RELEASE_LOCK_LIMIT_MS = 100
const LOCK_NOT_AVAILABLE = '55P03'
const DEADLOCK = '40P01'

/**
 * Sees that changes of the table are captured from now on: whoever wrote it before has ended when this returns. Throws
 * {@link TableBusy}.
 */
export async function captureTable(db: Database, relation: Relation): Promise<void> {
  const present = await db.query<{ readonly name: string }>(
    `select tgname::text as name from pg_trigger where tgrelid = $1::int8::oid and tgname like 'starling_shapes_%' and tgenabled = 'A'`,
    [relation.oid],
  )
  const names = new Set(present.map(({ name }) => name))
  const missing = TRIGGERS.filter(([name]) => !names.has(name))
  if (missing.length === 0) return
  const table = quoteTable(relation)
  try {
    await db.transaction(async (tx) => {
      await tx.query(`set local lock_timeout = ${LOCK_LIMIT_MS}`)
      await tx.query(`lock table only ${table} in share row exclusive mode`)
      for (const [name, event, referencing] of TRIGGERS) {
        await tx.query(
          `create or replace trigger ${name} after ${event} on ${table} ${referencing} for each statement execute function starling_shapes.capture()`,
        )
        // Also for a session that replays a replica's changes.
        await tx.query(`alter table only ${table} enable always trigger ${name}`)
      }
    })
  } catch (error) {
    if (error instanceof SqlError && [LOCK_NOT_AVAILABLE, DEADLOCK].includes(error.sqlState))
      throw new TableBusy(error)
    throw error
  }
}

/** Stops capturing a table that no shape follows. A table that is locked just now is left for the next time. */
export async function releaseTable(db: Database, relation: Relation): Promise<void> {
  const table = quoteTable(relation)
  try {
    await db.transaction(async (tx) => {
      await tx.query(`set local lock_timeout = ${RELEASE_LOCK_LIMIT_MS}`)
      for (const [name] of TRIGGERS) await tx.query(`drop trigger if exists ${name} on ${table}`)
    })
  } catch (error) {
    const isGone =
      error instanceof SqlError && [LOCK_NOT_AVAILABLE, DEADLOCK, '42P01', '3F000'].includes(error.sqlState)
    if (!isGone) throw error
  }
}
