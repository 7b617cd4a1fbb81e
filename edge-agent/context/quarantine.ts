/** Local writes that the centre did not take, with those that depended on them: a person sends them again or lets them go. */
import { isContextTable, type ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { LocalWrites } from './local-writes.ts'

export class NotQuarantined extends StarlingError {
  override readonly code = 'not_quarantined'
}

export type QuarantinedWrite = {
  readonly id: string
  readonly table: string
  readonly key: string
  readonly patch: JsonObject
  readonly code: string
  readonly reason: string | null
  /** The rejected write on which this one depended; null for one that was rejected itself. */
  readonly because: string | null
  /** When it was set aside, ISO 8601 in UTC. */
  readonly at: string
}

/** Oldest first. */
export async function listQuarantined(sql: Queryable): Promise<readonly QuarantinedWrite[]> {
  return await sql.query<QuarantinedWrite>(
    `select write_id as id, tbl as "table", key, patch, code, reason, because, at from local.quarantine order by seq`,
  )
}

/** How many were dropped because there were too many. */
export async function countDropped(sql: Queryable): Promise<number> {
  const [row] = await sql.query<{ writes: number }>('select writes from local.quarantine_dropped')
  return row?.writes ?? 0
}

/** Sends a write and what depended on it again, as new writes against the rows as they are now. Throws {@link NotQuarantined}. */
export async function retryWrite(
  tx: Transaction,
  writes: LocalWrites,
  id: string,
): Promise<{ readonly sent: readonly string[] }> {
  const sent: string[] = []
  for (const { of, tbl, key, patch } of await takeOut(tx, id))
    if (isContextTable(tbl)) sent.push(await writes.record<ContextTable>(tx, of, { table: tbl, key, patch }))
  return { sent }
}

/** Lets a write go, and what depended on it. Throws {@link NotQuarantined}. */
export async function discardWrite(
  tx: Transaction,
  id: string,
): Promise<{ readonly discarded: readonly string[] }> {
  return { discarded: (await takeOut(tx, id)).map((one) => one.write_id) }
}

type Taken = {
  readonly write_id: string
  readonly of: string
  readonly tbl: string
  readonly key: string
  readonly patch: JsonObject
}

async function takeOut(tx: Transaction, id: string): Promise<readonly Taken[]> {
  const taken = await tx.query<Taken>(
    `with gone as (delete from local.quarantine where write_id = $1 or because = $1 returning *)
     select write_id, of, tbl, key, patch from gone order by seq`,
    [id],
  )
  if (taken.some((one) => one.write_id === id)) return taken
  throw new NotQuarantined('no rejected change of that id waits on this device', {
    remedy: 'See `starling context conflicts`.',
  })
}
