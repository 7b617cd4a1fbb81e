/**
 * One decision of a campaign: events into its log, the director's word where it needs one, its checkpoint, its evidence, and at
 * its end the alias — all in the transaction of the record that names who decided.
 */
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { CentreWork } from '../performer.ts'
import type { PromotionParts } from '../registry/aliases.ts'
import type { Campaigns } from './campaigns.ts'
import { completionOf } from './completion.ts'
import { signedFor } from './direction.ts'
import { enter, folded, type Folded, type Held } from './event-log.ts'
import { keepEvidence } from './evidence-course.ts'
import { checkpoint, keepVerdicts } from './keep.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'

export interface RolloutParts extends PromotionParts {
  readonly campaigns: Campaigns
}

export interface Decided {
  readonly before: Held
  readonly after: Held
  /** Why a campaign whose rings have all passed is paused and not complete; null where nothing kept it from that. */
  readonly notPromoted: string | null
}

/** `eventsOf` sees the state as it is now; it may throw to refuse. */
export async function decide(
  work: CentreWork,
  parts: RolloutParts,
  of: {
    readonly id: string
    readonly eventsOf: (state: CampaignState) => Iterable<CampaignEvent> | Promise<Iterable<CampaignEvent>>
  },
): Promise<Decided> {
  const { id } = of
  await oneAtATime(work, id)
  const before = await parts.campaigns.current(work.tx, id)
  const wished = folded(before, await of.eventsOf(before.state))
  const { taken, notPromoted } = await endingOf(work, parts, { before, wished })
  const heard = await enter(work, parts.clock, { id, folded: taken })
  const after = await signedFor(work, parts, { id, held: heard })
  if (after === before) return { before, after, notPromoted }
  await keepVerdicts(work, parts.clock, { id, before, after })
  await keepEvidence(work, id, after)
  await checkpoint(work, id, after)
  return { before, after, notPromoted }
}

/** Two centres on one database: whoever comes second decides on what the first one left. */
export async function oneAtATime({ tx }: CentreWork, id: string): Promise<void> {
  await tx.query('select 1 as held from rollout.campaign where id = $1 for update', [id])
}

/**
 * A campaign is complete when the alias moves with it, or not at all: where the registry refuses that, it is paused and says why,
 * and comes to its end once it is resumed and nothing is in the way.
 */
async function endingOf(
  work: CentreWork,
  parts: RolloutParts,
  { before, wished }: { readonly before: Held; readonly wished: Folded },
): Promise<{ readonly taken: Folded; readonly notPromoted: string | null }> {
  const isEnding = before.state.phase !== 'complete' && wished.after.state.phase === 'complete'
  const notPromoted = isEnding ? await completionOf(work, parts, wished.after.state) : null
  if (notPromoted === null) return { taken: wished, notPromoted }
  const paused: CampaignEvent = {
    kind: 'paused',
    id: work.recordId,
    atMs: parts.clock.nowMs(),
    by: work.principal.id,
    reason: `every ring passed, and the registry refuses: ${notPromoted}`.slice(0, 2_000),
  }
  return { taken: folded(before, [paused]), notPromoted }
}

/** For the record. */
export function outcomeOf(id: string, { after, notPromoted }: Decided): JsonObject {
  const { phase, direction, ring, plan } = after.state
  return {
    campaign: id,
    phase,
    seq: after.seq,
    ring: plan.rings[ring]?.name ?? null,
    generation: direction.generation,
    notPromoted,
  }
}
