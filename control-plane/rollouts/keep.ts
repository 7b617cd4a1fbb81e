/** What is written beside a campaign's events whenever something was decided: its checkpoint with the row of the list, and what its gates said and why. */
import { stateHash } from '../../rollout/campaign/digest.ts'
import { isOver } from '../../rollout/campaign/ending.ts'
import type { RingRecord } from '../../rollout/campaign/state.ts'
import type { Clock } from '../../shared/clock.ts'
import type { CentreWork } from '../performer.ts'
import type { Held } from './event-log.ts'
import { summaryOf } from './summary.ts'

export async function checkpoint(work: CentreWork, id: string, { seq, state }: Held): Promise<void> {
  await work.tx.query(
    `update rollout.campaign set checkpoint_seq = $2, checkpoint_hash = $3, phase = $4, over = $5,
       summary = $6::text::jsonb where id = $1`,
    [id, seq, stateHash(state), state.phase, isOver(state), JSON.stringify(summaryOf(state))],
  )
}

/** Takes a campaign of which nothing can change any more out of those that every report is held against. */
export async function closeIfOver(work: CentreWork, id: string, held: Held): Promise<void> {
  if (isOver(held.state)) await checkpoint(work, id, held)
}

/** Keeps a verdict with its evidence where the gates said something new, or the ring was closed by it. */
export async function keepVerdicts(
  work: CentreWork,
  clock: Clock,
  of: { readonly id: string; readonly before: Held; readonly after: Held },
): Promise<void> {
  const { id, before, after } = of
  for (const [at, ring] of after.state.rings.entries()) {
    if (ring.verdict === null || saysTheSame(before.state.rings[at], ring)) continue
    await work.tx.query(
      `insert into rollout.verdict (campaign, seq, ring, decision, outcome, verdict, at)
       values ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::timestamptz) on conflict (campaign, seq) do nothing`,
      [
        id,
        after.seq,
        ring.name,
        ring.verdict.decision,
        ring.outcome,
        JSON.stringify(ring.verdict),
        new Date(clock.nowMs()).toISOString(),
      ],
    )
  }
}

function saysTheSame(before: RingRecord | undefined, now: RingRecord): boolean {
  if (before === now) return true
  if (before?.verdict == null || now.verdict === null || before.outcome !== now.outcome) return false
  const said = ({ verdict }: RingRecord): string =>
    JSON.stringify([
      verdict?.decision,
      verdict?.holdReason,
      verdict?.evidence.map(({ gate, decision, holdReason }) => [gate, decision, holdReason]),
    ])
  return said(before) === said(now)
}
