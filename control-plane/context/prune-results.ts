/**
 * Results of devices' writes are kept for as long as somebody may need them, and then the newest: a result may go when its device has said that
 * it holds it, and when every write that the device made before it said so has come: one that builds on the write can come no more (W6).
 */
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import type { HeldResults } from '../../shared/wire/state.ts'

/** Of a device: what its people and the console look back on. */
export const MAX_HELD_RESULTS = 1_000

/** Returns how many results went. One that is in conflict stays: a person may yet decide it. */
export async function pruneResults(
  tx: Transaction,
  of: { readonly tenant: TenantId; readonly device: DeviceId },
  held: HeldResults,
  kept = MAX_HELD_RESULTS,
): Promise<number> {
  const rows = await tx.query(
    `delete from ops.row r using (
       select key from ops.row where tenant = $1 and tbl = 'write_result' and device = $2
       order by version desc offset $5::int
     ) old
     where r.tenant = $1 and r.tbl = 'write_result' and r.key = old.key and r.version <= $3::bigint and r.body->>'outcome' <> 'conflict'
       and exists (select from ingest.device d where d.tenant = $1 and d.device = $2 and d.seq >= $4::bigint)
     returning r.key`,
    [of.tenant, of.device, held.version, held.seq, kept],
  )
  return rows.length
}
