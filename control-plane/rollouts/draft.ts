/** A plan as an operator asks for it: little has to be said, everything can be. What is filled in is what suits the fleet's size. */
import * as v from 'valibot'
import { BadPlan, parsePlan, type CampaignPlan } from '../../rollout/campaign/plan.ts'
import { usualPlan, type FleetSize } from '../../rollout/campaign/usual-plan.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'

export const DraftSchema = v.strictObject({
  campaign: v.pipe(
    v.string(),
    v.regex(
      /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
      'a campaign is called by lower-case letters, digits and inner hyphens, 40 at most',
    ),
  ),
  bundle: BundleNameSchema,
  version: VersionSchema,
  urgency: v.optional(v.picklist(['usual', 'emergency']), 'usual'),
  /** Left out: as many as the policy asks for, one at least. */
  approvals: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5))),
  /** Shares of the fleet, rising to 1, in the place of the usual rings. */
  shares: v.optional(v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(12))),
  dwellMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Any field of the plan, in the place of what is filled in. */
  plan: v.optional(v.record(v.string(), v.unknown()), {}),
})
export type Draft = v.InferOutput<typeof DraftSchema>

/** Throws `BadPlan`, which names the field. */
export function planOf(
  draft: Draft,
  ground: {
    readonly author: string
    readonly candidate: DesiredBundle
    readonly lastGood: DesiredBundle
    readonly baseGeneration: number
    readonly salt: string
    readonly transferBytes: number
    readonly fleet: FleetSize
    /** That the policy asks for. */
    readonly approvalsNeeded: number
  },
): CampaignPlan {
  const { urgency, shares, campaign, dwellMs, plan } = draft
  const approvals = draft.approvals ?? Math.max(1, ground.approvalsNeeded)
  if (approvals < ground.approvalsNeeded)
    throw new BadPlan(
      `this is no campaign plan: approvals: the policy asks for ${ground.approvalsNeeded} before this release is stable`,
      { remedy: 'Ask for as many, or leave it out.' },
    )
  if (shares?.every((share, at) => share > (shares[at - 1] ?? 0)) === false || (shares?.at(-1) ?? 1) !== 1)
    throw new BadPlan('this is no campaign plan: shares: they rise, and the last one is 1', {
      remedy: 'Correct the field that is named.',
    })
  const { author, candidate, lastGood, baseGeneration, transferBytes } = ground
  const usual = usualPlan({ ...ground, campaign, urgency, ...(shares === undefined ? {} : { shares }) })
  const rings = usual.rings.map((ring) => (dwellMs === undefined ? ring : { ...ring, dwellMs }))
  // Never by a file: who made it, which bytes, and what they follow is the centre's to say.
  const own = { author, candidate, lastGood, baseGeneration, transferBytes }
  const bakeMs = dwellMs ?? usual.bakeMs
  return parsePlan({
    ...usual,
    ...(bakeMs === undefined ? {} : { bakeMs }),
    rings,
    ...plan,
    ...own,
    v: 1,
    campaign,
    urgency,
    approvals,
  })
}
