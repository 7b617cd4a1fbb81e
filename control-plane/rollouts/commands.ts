/** What people may do with a campaign, each an admitted effect: approve by signature, pause, resume, halt, cancel. */
import * as v from 'valibot'
import { ApprovalRefused, verifyApproval } from '../../rollout/campaign/approval.ts'
import type { CampaignCommand } from '../../rollout/campaign/events.ts'
import { openOverride } from '../../rollout/campaign/override.ts'
import { openResumption } from '../../rollout/campaign/resumption.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import { assertTaken } from '../../rollout/campaign/transitions.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { EnvelopeSchema, type Envelope } from '../../shared/signing/envelope.ts'
import { centrePerformer, type CentreWork } from '../performer.ts'
import { approverOf } from '../registry/approvals.ts'
import { authorOf } from '../registry/transitions.ts'
import { decide, outcomeOf, type RolloutParts } from './decide.ts'
import { ResumptionUnsigned } from './errors.ts'

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const ApproveSchema = v.strictObject({ campaign: Id, envelope: EnvelopeSchema })
const CommandSchema = v.strictObject({
  campaign: Id,
  reason: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
})
/** After a halt, what the person who resumes has signed. */
const ResumeSchema = v.strictObject({ ...CommandSchema.entries, envelope: v.exactOptional(EnvelopeSchema) })

/** Performs `rollout.approve`. Throws `CampaignRefused` for the author's own, `ApprovalRefused` for what was signed of another plan. */
export function approvePerformer(parts: RolloutParts): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('rollout.approve', ApproveSchema, async (work, { campaign: id, envelope }) => {
    const { tx, recordId } = work
    const keyId = envelope.signatures[0]?.keyid ?? ''
    const ground = { environment: parts.environment, policyKey: parts.policyKey.publicKey }
    const { person, key } = await approverOf(tx, keyId, ground)
    const atMs = parts.clock.nowMs()
    const decided = await decide(work, parts, {
      id,
      eventsOf: async (state) => {
        const { planDigest } = state
        verifyApproval(envelope, { campaign: state.plan.campaign, planDigest }, [key])
        const event: CampaignCommand = {
          kind: 'approved',
          id: recordId,
          atMs,
          by: person,
          keyId,
          planDigest,
        }
        assertTaken(state, event)
        await requireOther(work, state, person)
        return [event]
      },
    })
    await tx.query(
      `insert into rollout.approval (campaign, person, key_id, envelope, record_id, at)
       values ($1, $2, $3, $4::text::jsonb, $5, $6::text::timestamptz)`,
      [id, person, keyId, JSON.stringify(envelope), recordId, isoOf(atMs)],
    )
    return { ...outcomeOf(id, decided), person }
  })
}

/** Who published the release is no second pair of eyes on it. Throws {@link ApprovalRefused}. */
async function requireOther({ tx }: CentreWork, { plan }: CampaignState, person: string): Promise<void> {
  const { name, version } = plan.candidate
  if ((await authorOf(tx, { name, version })) === person)
    throw new ApprovalRefused(`the approval is refused: ${person} published ${name} ${version}`, {
      remedy: 'Somebody else has to approve it.',
    })
}

/**
 * Performs `rollout.promote`: a person signed that the open ring may pass although its gates hold. Throws `CampaignRefused` for the
 * author's word, a ring that is not open or does not hold, and what was signed of an older verdict.
 */
export function overridePerformer(parts: RolloutParts): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('rollout.promote', ApproveSchema, async (work, { campaign: id, envelope }) => {
    const { tx, recordId } = work
    const keyId = envelope.signatures[0]?.keyid ?? ''
    const ground = { environment: parts.environment, policyKey: parts.policyKey.publicKey }
    const { person, key } = await approverOf(tx, keyId, ground)
    const { campaign, planDigest, ring, verdictDigest, reason } = openOverride(envelope, key)
    const atMs = parts.clock.nowMs()
    const decided = await decide(work, parts, {
      id,
      eventsOf: async (state) => {
        if (campaign !== id || planDigest !== state.planDigest)
          throw new ApprovalRefused(`the word is refused: it is about a plan of ${campaign}`, {
            remedy: 'Sign for the campaign as it stands: starling rollout promote.',
          })
        const said = { ring, verdictDigest, reason, by: person, keyId }
        const event: CampaignCommand = { kind: 'overridden', id: recordId, atMs, ...said }
        assertTaken(state, event)
        await requireOther(work, state, person)
        return [event]
      },
    })
    await tx.query(
      `insert into rollout.override (campaign, seq, ring, person, key_id, envelope, record_id, at)
       values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8::text::timestamptz)`,
      [id, decided.after.seq, ring, person, keyId, JSON.stringify(envelope), recordId, isoOf(atMs)],
    )
    return { ...outcomeOf(id, decided), person, passes: ring }
  })
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

/** Who signed that this halt may be resumed. */
async function resumerOf(
  { tx }: CentreWork,
  parts: RolloutParts,
  { state, envelope }: { readonly state: CampaignState; readonly envelope: Envelope | undefined },
): Promise<string> {
  const { planDigest, direction, plan } = state
  if (envelope === undefined)
    throw new ResumptionUnsigned(`${plan.campaign} is halted: two people have to sign that it may go on`, {
      remedy: `Each of two people signs with a key of their own: starling rollout resume ${plan.campaign} --key FILE.`,
    })
  const ground = { environment: parts.environment, policyKey: parts.policyKey.publicKey }
  const { person, key } = await approverOf(tx, envelope.signatures[0]?.keyid ?? '', ground)
  const said = openResumption(envelope, key)
  if (
    said.campaign !== plan.campaign ||
    said.planDigest !== planDigest ||
    said.generation !== direction.generation
  )
    throw new ApprovalRefused('the word is refused: it is about another halt, or another campaign', {
      remedy: `Sign for the halt as it stands: starling rollout resume ${plan.campaign} --key FILE.`,
    })
  return person
}

export const COMMANDS = {
  pause: 'paused',
  resume: 'resumed',
  halt: 'halted',
  cancel: 'cancelled',
} as const satisfies Record<string, CampaignCommand['kind']>
export type CommandWord = keyof typeof COMMANDS

/**
 * Performs `rollout.pause`, `rollout.resume`, `rollout.halt` or `rollout.cancel`. A halted campaign is resumed by two signatures
 * over this halt (R3), whoever hands them in. Throws `CampaignRefused`, `ResumptionUnsigned`, `ApprovalRefused`.
 */
export function commandPerformer(
  parts: RolloutParts,
  word: CommandWord,
): TransactionalPerformer<JsonObject, JsonObject> {
  const schema: v.GenericSchema<unknown, v.InferOutput<typeof ResumeSchema>> = word === 'resume'
    ? ResumeSchema
    : CommandSchema
  return centrePerformer(`rollout.${word}`, schema, async (work, { campaign: id, reason, envelope }) => {
    const atMs = parts.clock.nowMs()
    const decided = await decide(work, parts, {
      id,
      eventsOf: async (state) => {
        const isSigned = word === 'resume' && state.phase === 'halted'
        const by = isSigned ? await resumerOf(work, parts, { state, envelope }) : work.principal.id
        const event: CampaignCommand = { kind: COMMANDS[word], id: work.recordId, atMs, by, reason }
        assertTaken(state, event)
        return [event]
      },
    })
    return outcomeOf(id, decided)
  })
}
