/**
 * What the centre says became of local writes, carried out on the device in the transaction that brings the news: a
 * change that was taken leaves the overlay once the copy shows it; one that was rejected goes into quarantine with what
 * depends on it, and with nothing else.
 */
import type { Transaction } from '../../shared/sql/port.ts'

/** Rejected writes that wait for a person. The oldest go first; the journal has them all. */
export const MAX_QUARANTINED = 1_000

/**
 * To be called after the rows of an answer lie in the copy. `through`: the centre's version up to which the copy is complete;
 * infinite where rows and results of one change of the centre always come together.
 */
export async function settleWrites(tx: Transaction, through: number): Promise<void> {
  const moved = await tx.query(
    `with recursive lost as (
       select o.write_id, coalesce(r.body->>'code', 'schema') as code, r.body->>'reason' as reason, null::text as because
         from local.overlay o join context.row r on r.tbl = 'write_result' and r.key = o.write_id
         where r.body->>'outcome' = 'rejected'
       union
       select o.write_id, 'dependency', 'a change that it builds on was rejected', coalesce(l.because, l.write_id)
         from local.overlay o join lost l on l.write_id = any(o.depends_on)
     ), once as (
       select distinct on (write_id) * from lost order by write_id, because nulls last
     ), gone as (
       delete from local.overlay o using once where o.write_id = once.write_id returning o.*, once.code, once.reason, once.because
     )
     insert into local.quarantine (seq, write_id, of, tbl, key, patch, code, reason, because, at)
       select seq, write_id, of, tbl, key, patch, code, reason, because, now() from gone returning seq`,
  )
  if (moved.length > 0) await keepBounded(tx)
  await tx.query(
    `delete from local.overlay o using context.row r
     where r.tbl = 'write_result' and r.key = o.write_id and coalesce((r.body->>'rowVersion')::bigint, 0) <= $1::bigint`,
    [Math.min(through, Number.MAX_SAFE_INTEGER)],
  )
}

async function keepBounded(tx: Transaction): Promise<void> {
  const dropped = await tx.query(
    `delete from local.quarantine where seq in (select seq from local.quarantine order by seq desc offset $1) returning seq`,
    [MAX_QUARANTINED],
  )
  if (dropped.length === 0) return
  await tx.query(
    `insert into local.quarantine_dropped (writes) values ($1)
     on conflict (only_one) do update set writes = local.quarantine_dropped.writes + excluded.writes`,
    [dropped.length],
  )
}
