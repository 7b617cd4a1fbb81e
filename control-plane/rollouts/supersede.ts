/** The end of campaigns that are over but for their name: something newer decides what devices run. */
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import type { Phase } from '../../rollout/campaign/state.ts'
import type { CentreWork } from '../performer.ts'
import { decide, type RolloutParts } from './decide.ts'

/** Ends those of a bundle that are in one of `phases`; returns the highest generation that any campaign of it gave. */
export async function supersede(
  work: CentreWork,
  parts: RolloutParts,
  of: { readonly name: string; readonly reason: string; readonly phases: readonly Phase[] },
): Promise<number> {
  const rows = await work.tx.query<{ id: string }>(
    'select id from rollout.campaign where bundle = $1 order by created_at, id',
    [of.name],
  )
  let generation = 0
  for (const { id } of rows) {
    const { state } = await parts.campaigns.current(work.tx, id)
    generation = Math.max(generation, state.direction.generation)
    if (!of.phases.includes(state.phase)) continue
    const by = work.principal.id
    const event: CampaignEvent = {
      kind: 'superseded',
      id: work.recordId,
      atMs: parts.clock.nowMs(),
      by,
      reason: of.reason,
    }
    await decide(work, parts, { id, eventsOf: () => [event] })
  }
  return generation
}
