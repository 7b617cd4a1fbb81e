/** The log of events of each campaign: added to inside the transaction of the record that caused them, read in order. */
import * as v from 'valibot'
import { CampaignEventSchema, type CampaignEvent } from '../../rollout/campaign/events.ts'
import { reduce } from '../../rollout/campaign/reduce.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import type { Json } from '../../shared/json.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { CentreWork } from '../performer.ts'

/** A campaign's state after the first `seq` events of its log. */
export interface Held {
  readonly seq: number
  readonly state: CampaignState
}

/** Rows in one statement: well under the number of parameters that PostgreSQL takes. */
const BATCH = 5_000

/** The state after every event that is in the log now. */
export async function caughtUp(sql: Queryable, id: string, held: Held, to?: number): Promise<Held> {
  const rows = await sql.query<{ seq: number; event: Json }>(
    `select seq, event from rollout.event where campaign = $1 and seq > $2 and ($3::bigint is null or seq <= $3::bigint)
     order by seq`,
    [id, held.seq, to ?? null],
  )
  let { seq, state } = held
  for (const row of rows) {
    state = reduce(state, v.parse(CampaignEventSchema, row.event))
    seq = row.seq
  }
  return seq === held.seq ? held : { seq, state }
}

/** What would follow of events: the state after them, and those of them that change something. */
export interface Folded {
  readonly after: Held
  readonly taken: readonly { readonly seq: number; readonly event: CampaignEvent }[]
}

export function folded(held: Held, events: Iterable<CampaignEvent>): Folded {
  let { seq, state } = held
  const taken: { readonly seq: number; readonly event: CampaignEvent }[] = []
  for (const event of events) {
    const after = reduce(state, event)
    if (after === state) continue
    state = after
    seq += 1
    taken.push({ seq, event })
  }
  return { after: { seq, state }, taken }
}

/** Adds those events that change something, in order; returns the state after them. An event of no account is not kept. */
export async function append(
  work: CentreWork,
  clock: Clock,
  of: { readonly id: string; readonly held: Held; readonly events: Iterable<CampaignEvent> },
): Promise<Held> {
  return await enter(work, clock, { id: of.id, folded: folded(of.held, of.events) })
}

/** Adds to the log what was folded; returns the state after it. */
export async function enter(
  { tx, recordId }: CentreWork,
  clock: Clock,
  of: { readonly id: string; readonly folded: Folded },
): Promise<Held> {
  const { taken, after } = of.folded
  const at = new Date(clock.nowMs()).toISOString()
  for (let from = 0; from < taken.length; from += BATCH)
    await tx.query(
      `insert into rollout.event (campaign, seq, event, record_id, at)
       select $1, (one->>'seq')::bigint, one->'event', $2, $3::text::timestamptz from jsonb_array_elements($4::text::jsonb) one`,
      [of.id, recordId, at, JSON.stringify(taken.slice(from, from + BATCH))],
    )
  return after
}
