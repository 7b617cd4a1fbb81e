/** What the device tells the centre of the results that it holds, so that the centre need not keep them for ever. */
import type { Queryable } from '../../shared/sql/port.ts'
import type { HeldResults } from '../../shared/wire/state.ts'

/**
 * The copy is whole up to a transaction, so with its newest result it holds every older one; and what the device writes from here on builds on
 * no write whose result it holds. In one statement, so that both are of one moment. Null where the copy holds none.
 */
export async function heldResults(sql: Queryable): Promise<HeldResults | null> {
  const [row] = await sql.query<{ version: number | null; seq: number | null }>(
    `select (select max(version) from context.row where tbl = 'write_result') as version, (select max(seq) from journal.record) as seq`,
  )
  return row?.version == null || row.seq === null ? null : { version: row.version, seq: row.seq }
}
