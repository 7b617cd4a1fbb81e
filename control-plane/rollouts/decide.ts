/**
 * One decision of a campaign: events into its log, the director's word where it needs one, its checkpoint, its evidence, and at
 * its end the alias — all in the transaction of the record that names who decided.
 */
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { CentreWork } from '../performer.ts'
import { promote, STABLE, type PromotionParts } from '../registry/aliases.ts'
import { AliasMoved, PromotionRefused } from '../registry/errors.ts'
import type { Campaigns } from './campaigns.ts'
import { signedFor } from './direction.ts'
import { append, type Held } from './event-log.ts'
import { keepEvidence } from './evidence-course.ts'
import { checkpoint, keepVerdicts } from './keep.ts'

export interface RolloutParts extends PromotionParts {
  readonly campaigns: Campaigns
}

export interface Decided {
  readonly before: Held
  readonly after: Held
  /** Why the alias did not move although the campaign is complete; null where it did, or was not to. */
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
  const before = await parts.campaigns.current(work.tx, id)
  const events = await of.eventsOf(before.state)
  const heard = await append(work, parts.clock, { id, held: before, events })
  const after = await signedFor(work, parts, { id, held: heard })
  if (after === before) return { before, after, notPromoted: null }
  await keepVerdicts(work, parts.clock, { id, before, after })
  await keepEvidence(work, id, after)
  const isNewlyComplete = before.state.phase !== 'complete' && after.state.phase === 'complete'
  const notPromoted = isNewlyComplete ? await completed(work, parts, after.state) : null
  await checkpoint(work, id, after)
  return { before, after, notPromoted }
}

/** What every device runs now is `stable` from now on; whoever signed the campaign signed for that. */
async function completed(
  work: CentreWork,
  parts: RolloutParts,
  { plan, approvals }: CampaignState,
): Promise<string | null> {
  const { candidate, lastGood } = plan
  try {
    await promote(work, parts, {
      name: candidate.name,
      alias: STABLE,
      version: candidate.version,
      expected: lastGood.version,
      signers: approvals.map(({ by }) => by),
    })
    return null
  } catch (thrown) {
    if (thrown instanceof PromotionRefused || thrown instanceof AliasMoved) return thrown.message
    throw thrown
  }
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
