/** Where the copy stands: the centre's transaction that all tables show, and where each resumes in its log. */
import { isContextTable, type ContextTable } from '../../shared/context/tables.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { Place } from './shape/place.ts'

export interface Position {
  /** The centre's number of it, as text; empty before the first. */
  readonly lsn: string
  /** When the copy was last known to be complete, ISO 8601; null for never. */
  readonly syncedAt: string | null
}

export async function readPosition(sql: Queryable): Promise<Position> {
  const [row] = await sql.query<{ lsn: string; synced_at: string }>(
    'select lsn, synced_at from context.position',
  )
  return { lsn: row?.lsn ?? '', syncedAt: row === undefined ? null : new Date(row.synced_at).toISOString() }
}

export async function storePosition(
  tx: Transaction,
  { lsn, syncedAtMs }: { readonly lsn: string; readonly syncedAtMs: number },
): Promise<void> {
  await tx.query(
    `insert into context.position (lsn, synced_at) values ($1, $2::text::timestamptz)
     on conflict (only_one) do update set lsn = excluded.lsn, synced_at = excluded.synced_at`,
    [lsn, new Date(syncedAtMs).toISOString()],
  )
}

export async function readPlaces(sql: Queryable): Promise<ReadonlyMap<ContextTable, Place>> {
  const rows = await sql.query<{ tbl: string; handle: string; place: string; columns: string }>(
    'select tbl, handle, place, columns from context.shape',
  )
  return new Map(
    rows.flatMap(({ tbl, handle, place, columns }) =>
      isContextTable(tbl) ? [[tbl, { handle, offset: place, schema: columns }] as const] : [],
    ),
  )
}

export async function storePlace(tx: Transaction, table: ContextTable, place: Place): Promise<void> {
  const { handle, offset, schema } = place
  await tx.query(
    `insert into context.shape (tbl, handle, place, columns) values ($1, $2, $3, $4)
     on conflict (tbl) do update set handle = excluded.handle, place = excluded.place, columns = excluded.columns`,
    [table, handle, offset, schema],
  )
}

/** Every table is fetched anew and put in place of what is there; until then that stays readable, as of its own position. */
export async function forgetPlaces(tx: Transaction): Promise<void> {
  await tx.query('delete from context.shape')
}
