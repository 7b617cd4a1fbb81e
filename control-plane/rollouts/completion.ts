/** The end of a campaign: what every device runs now is `stable` from now on, by the plan, its approvals and its gates' verdicts. */
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import { ApprovalRefused, verifyApproval } from '../../rollout/campaign/approval.ts'
import { verdictDigest } from '../../rollout/campaign/override.ts'
import type { CampaignState, RingRecord } from '../../rollout/campaign/state.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { CampaignGround } from '../../shared/wire/approval.ts'
import type { CentreWork } from '../performer.ts'
import { promote, type PromotionParts } from '../registry/aliases.ts'
import { approverOf, type ApprovalParts } from '../registry/approvals.ts'
import { AliasMoved, NoSuchApprover, PromotionRefused, ReleaseRetired } from '../registry/errors.ts'
import { STABLE } from '../registry/stable.ts'

/** Moves the alias; null when it did, else why the registry refuses, and then nothing was written. */
export async function completionOf(
  work: CentreWork,
  parts: PromotionParts,
  state: CampaignState,
): Promise<string | null> {
  const { plan, planDigest } = state
  const { candidate, lastGood } = plan
  const { campaign } = plan
  const ground: CampaignGround = { campaign, planDigest, rings: passed(state.rings) }
  try {
    const signers = await signersOf(work, parts, ground)
    if (signers.length < plan.approvals)
      return `of the ${plan.approvals} approvals of the plan, ${signers.length} are by keys that still count`
    await promote(work, parts, {
      name: candidate.name,
      alias: STABLE,
      version: candidate.version,
      expected: lastGood.version,
      campaign: { ...ground, signers },
    })
    return null
  } catch (thrown) {
    if (REFUSALS.some((refusal) => thrown instanceof refusal)) return (thrown as Error).message
    throw thrown
  }
}

const REFUSALS = [PromotionRefused, AliasMoved, ReleaseRetired, BundleUnfit, ApprovalRefused] as const

/** Each ring as it passed last, in the order in which they did: one that was halted and opened again counts once. */
function passed(rings: readonly RingRecord[]): CampaignGround['rings'] {
  const last = new Map<string, string>()
  for (const { name, outcome, verdict } of rings) {
    if (outcome !== 'promoted' || verdict === null) continue
    last.delete(name)
    last.set(name, verdictDigest(verdict))
  }
  return [...last].map(([ring, verdictSha256]) => ({ ring, verdictSha256 }))
}

/** Who approved the plan, each signature verified again; a key that was removed since counts no more. */
async function signersOf(
  { tx }: CentreWork,
  { environment, policyKey }: ApprovalParts,
  { campaign, planDigest }: CampaignGround,
): Promise<readonly string[]> {
  const rows = await tx.query<{ keyId: string; envelope: Envelope }>(
    'select key_id as "keyId", envelope from rollout.approval where campaign = $1 order by person',
    [campaign],
  )
  const people: string[] = []
  for (const { keyId, envelope } of rows) {
    const ground = { environment, policyKey: policyKey.publicKey }
    const approver = await approverOf(tx, keyId, ground).catch((thrown: unknown) => {
      if (thrown instanceof NoSuchApprover) return null
      throw thrown
    })
    if (approver === null) continue
    verifyApproval(envelope, { campaign, planDigest }, [approver.key])
    people.push(approver.person)
  }
  return people
}
