/** How many effects a principal may still cause in this window; stored, so that a restart does not refill it. */
import type { PolicyDocument } from '../policy/policy.ts'
import type { Transaction } from '../sql/port.ts'
import type { Principal } from './contract.ts'

export const BUDGET_SCHEMA = `
create schema if not exists kernel;
create table if not exists kernel.budget (
  principal text primary key, window_start bigint not null, spent bigint not null
);
`

/** Spends `cost` and returns true, or returns false and spends nothing. */
export async function spend(
  tx: Transaction,
  who: Principal,
  cost: number,
  at: { readonly budget: PolicyDocument['budget']; readonly nowMs: number },
): Promise<boolean> {
  const windowMs = at.budget.windowS * 1_000
  const start = Math.floor(at.nowMs / windowMs) * windowMs
  const rows = await tx.query(
    `insert into kernel.budget as b (principal, window_start, spent)
       select $1, $2, $3::bigint where $3::bigint <= $4::bigint
     on conflict (principal) do update set window_start = excluded.window_start,
       spent = case when b.window_start = excluded.window_start then b.spent + excluded.spent else excluded.spent end
       where b.window_start <> excluded.window_start or b.spent + excluded.spent <= $4::bigint
     returning spent`,
    [`${who.kind}:${who.id}`, start, cost, at.budget.effects],
  )
  return rows.length === 1
}
