/** Performs `rollout.tick`: who asked since the last one, and the time; what the gates say then is in its outcome. */
import * as v from 'valibot'
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { centrePerformer } from '../performer.ts'
import { entering, members } from './create.ts'
import { decide, outcomeOf, type RolloutParts } from './decide.ts'

const TickSchema = v.strictObject({
  campaign: v.pipe(v.string(), v.maxLength(100)),
  asked: v.array(v.pipe(v.string(), v.maxLength(100))),
})

export function tickPerformer(parts: RolloutParts): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('rollout.tick', TickSchema, async (work, { campaign: id, asked }) => {
    const decided = await decide(work, parts, {
      id,
      eventsOf: async (state) => {
        const bundle = state.plan.candidate.name
        const fleet = asked.length === 0 ? [] : await members(work.tx, { bundle, only: asked })
        const present = new Set(fleet.map(({ device }) => device))
        const events: CampaignEvent[] = [...entering(state, fleet)]
        for (const device of asked) if (present.has(device)) events.push({ kind: 'asked', device })
        const sequence = state.clock.tickSequence + 1
        return [...events, { kind: 'ticked', sequence, atMs: parts.clock.nowMs() }]
      },
    })
    return outcomeOf(id, decided)
  })
}
