/** A campaign in one row of a list: kept beside its checkpoint, so that a list of hundreds opens no log. */
import * as v from 'valibot'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import { turnOf } from '../../rollout/campaign/view.ts'
import type { Queryable } from '../../shared/sql/port.ts'

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))

export const SummarySchema = v.object({
  /** The ring that was opened last; null before the first. */
  ring: v.nullable(v.string()),
  /** Its place in the plan, from 1, of how many. */
  ringAt: Count,
  rings: Count,
  fleet: Count,
  exposed: Count,
  atRisk: Count,
  failed: Count,
  /** What the gates said last. */
  verdict: v.nullable(v.picklist(['HALT', 'PROMOTE', 'HOLD'])),
  holdReason: v.nullable(v.string()),
  /** Gates that said HALT. */
  halting: v.array(v.string()),
  /** Since when it is in its phase, who brought it there and why, where that was somebody. */
  sinceMs: v.nullable(v.number()),
  by: v.nullable(v.string()),
  reason: v.nullable(v.string()),
})
export type Summary = v.InferOutput<typeof SummarySchema>

export function summaryOf(state: CampaignState): Summary {
  const { counts, plan, ring } = state
  const verdict = state.rings.at(-1)?.verdict ?? null
  const turn = turnOf(state)
  return {
    ring: state.rings.at(-1)?.name ?? null,
    ringAt: ring + 1,
    rings: plan.rings.length,
    fleet: counts.fleet,
    exposed: counts.exposed,
    atRisk: counts.atRisk,
    failed: counts.failed,
    verdict: verdict?.decision ?? null,
    holdReason: verdict?.holdReason ?? null,
    halting: (verdict?.evidence ?? []).filter(({ decision }) => decision === 'HALT').map(({ gate }) => gate),
    sinceMs: turn?.atMs ?? null,
    by: turn !== null && 'by' in turn ? turn.by : null,
    reason: turn !== null && 'reason' in turn ? turn.reason : null,
  }
}

export type Listed = {
  readonly campaign: string
  readonly bundle: string
  readonly version: string
  readonly from: string
  readonly phase: string
  readonly urgency: string
  readonly author: string
  readonly createdAt: string
  /** Null for one that was decided on last before summaries were kept. */
  readonly summary: Summary | null
}

/** More than anybody reads; older ones are found by their name. */
const MAX_LISTED = 200

/** Newest first. */
export async function listCampaigns(sql: Queryable): Promise<readonly Listed[]> {
  return await sql.query<Listed>(
    `select id as campaign, bundle, plan->'candidate'->>'version' as version, plan->'lastGood'->>'version' as "from",
       phase, plan->>'urgency' as urgency, author, created_at as "createdAt", summary
     from rollout.campaign order by created_at desc, id limit ${MAX_LISTED}`,
  )
}
