/** The links of a promotion at a campaign's end: the plan that people signed, and what let each of its rings pass. */
import * as v from 'valibot'
import { digestOf } from '../../shared/digest.ts'
import type { Json } from '../../shared/json.ts'
import type { CampaignGround, PromotionStatement } from '../../shared/wire/approval.ts'
import type { ChainedCampaign } from '../../shared/wire/promotion-chain.ts'
import { verifyApproval } from '../campaign/approval.ts'
import { openOverride, type OverrideStatement } from '../campaign/override.ts'
import { BAKE } from '../campaign/plan.ts'
import { ChainBroken } from './chain-broken.ts'
import type { Roster } from './roster.ts'

/** What is read of a plan: its digest vouches for the rest. */
const PlanView = v.looseObject({
  campaign: v.string(),
  author: v.string(),
  candidate: v.looseObject({ name: v.string(), version: v.string(), envelopeSha256: v.string() }),
  lastGood: v.looseObject({ version: v.string() }),
  approvals: v.number(),
  rings: v.array(v.looseObject({ name: v.string() })),
  bakeMs: v.optional(v.number()),
})
type PlanView = v.InferOutput<typeof PlanView>
const VerdictView = v.looseObject({ decision: v.picklist(['HALT', 'PROMOTE', 'HOLD']) })

/** The people who approved the campaign. Throws {@link ChainBroken} and `ApprovalRefused`; none where there was no campaign. */
export function campaignSigners(
  chained: ChainedCampaign | null,
  promotion: PromotionStatement,
  roster: Roster,
): readonly string[] {
  const ground = promotion.campaign
  if (chained === null || ground === null) {
    if (chained !== null || ground !== null)
      throw new ChainBroken('the campaign of the promotion is not here')
    return []
  }
  const plan = planOf(chained, ground, promotion)
  const people = new Set<string>()
  for (const envelope of chained.approvals) {
    const { person, key } = roster(envelope)
    verifyApproval(envelope, ground, [key])
    if (person === plan.author) throw new ChainBroken(`${person} made the plan and approved it`)
    people.add(person)
  }
  if (people.size < plan.approvals || people.size < chained.approvals.length)
    throw new ChainBroken(`the plan asks for ${plan.approvals} approvals, ${people.size} are here`)
  ringLinks({ chained, ground, plan }, roster)
  return [...people]
}

function planOf(
  { plan }: ChainedCampaign,
  ground: CampaignGround,
  { name, version, envelopeSha256, from }: PromotionStatement,
): PlanView {
  if (digestOf(plan as Json) !== ground.planDigest)
    throw new ChainBroken('the plan is not the one that was signed')
  const parsed = v.safeParse(PlanView, plan)
  if (!parsed.success) throw new ChainBroken('what was signed is no plan')
  const { candidate, lastGood, campaign } = parsed.output
  if (candidate.name !== name || candidate.version !== version || candidate.envelopeSha256 !== envelopeSha256)
    throw new ChainBroken(`the plan is about ${candidate.name} ${candidate.version}`)
  if (campaign !== ground.campaign || lastGood.version !== from)
    throw new ChainBroken(`the plan of ${campaign} replaces ${lastGood.version}`)
  return parsed.output
}

interface Links {
  readonly chained: ChainedCampaign
  readonly ground: CampaignGround
  readonly plan: PlanView
}

/** Every ring of the plan passed last by its gates, or by a person's word that is here, in the order of the plan. */
function ringLinks({ chained, ground, plan }: Links, roster: Roster): void {
  const { campaign, planDigest, rings } = ground
  const words = chained.overrides.map((envelope) =>
    overrideOf(envelope, { campaign, planDigest, plan }, roster),
  )
  if (chained.verdicts.length !== rings.length)
    throw new ChainBroken('a verdict is missing, or one too many is here')
  const used = new Set<OverrideStatement>()
  for (const [at, { ring, verdictSha256 }] of rings.entries()) {
    const verdict = chained.verdicts[at]
    if (digestOf(verdict as Json) !== verdictSha256)
      throw new ChainBroken(`the verdict on the ring ${ring} is not the one by which it passed`)
    const said = v.safeParse(VerdictView, verdict)
    const decision = said.success ? said.output.decision : null
    const word = words.find((one) => one.ring === ring && !used.has(one))
    if (decision === 'HOLD' && word !== undefined) used.add(word)
    else if (decision !== 'PROMOTE')
      throw new ChainBroken(`the gates say ${decision ?? 'nothing'} of the ring ${ring}`)
  }
  if (used.size < words.length) throw new ChainBroken('a word for a ring is here that let none pass')
  const wanted = [...plan.rings.map(({ name }) => name), ...(plan.bakeMs === undefined ? [] : [BAKE])]
  if (wanted.join() !== rings.map(({ ring }) => ring).join())
    throw new ChainBroken(`the plan has the rings ${wanted.join(', ')}`)
}

function overrideOf(
  envelope: ChainedCampaign['overrides'][number],
  of: { readonly campaign: string; readonly planDigest: string; readonly plan: PlanView },
  roster: Roster,
): OverrideStatement {
  const { person, key } = roster(envelope)
  const said = openOverride(envelope, key)
  if (person === of.plan.author) throw new ChainBroken(`${person} made the plan and let a ring of it pass`)
  if (said.campaign !== of.campaign || said.planDigest !== of.planDigest)
    throw new ChainBroken(`${person} let a ring of another plan pass`)
  return said
}
