/**
 * Every phase against every event: what is done, or why a command may not be. A forgotten cell does not compile.
 *
 * Facts (what devices do, time) are never refused, at most of no account; commands of people are refused by name.
 */
import { StarlingError } from '../../shared/errors.ts'
import {
  COMMAND_KINDS,
  type CampaignCommand,
  type CampaignEvent,
  type CampaignEventKind,
  type CommandKind,
  type EventOf,
} from './events.ts'
import type { CampaignPlan } from './plan.ts'
import { verdictDigest } from './override.ts'
import { MAX_COMMANDS, type Approval, type CampaignState, type Phase } from './state.ts'

export const REFUSALS = [
  'awaits_approval',
  'approved_already',
  'over',
  'not_running',
  'not_paused',
  'halted',
  'author_may_not_approve',
  'counted_already',
  'other_plan',
  'other_ring',
  'not_held',
  'other_verdict',
  'too_many_commands',
] as const
export type CommandRefusal = (typeof REFUSALS)[number]

/** The command was taken before: a repetition, which is no fault. */
type Cell = 'take' | 'nothing' | CommandRefusal

export type TransitionTable = {
  readonly [P in Phase]: { readonly [E in CampaignEventKind]: Cell }
}

const facts = { joined: 'take', left: 'take', reported: 'take', ticked: 'take', stated: 'take' } as const
const over = {
  ...facts,
  asked: 'nothing',
  approved: 'over',
  paused: 'over',
  resumed: 'over',
  halted: 'over',
  cancelled: 'over',
  superseded: 'over',
  overridden: 'over',
} as const

export const TRANSITIONS: TransitionTable = {
  awaiting_approval: {
    ...facts,
    asked: 'nothing',
    approved: 'take',
    paused: 'awaits_approval',
    resumed: 'awaits_approval',
    halted: 'awaits_approval',
    cancelled: 'take',
    superseded: 'take',
    overridden: 'awaits_approval',
  },
  running: {
    ...facts,
    asked: 'take',
    approved: 'approved_already',
    paused: 'take',
    resumed: 'not_paused',
    halted: 'take',
    cancelled: 'take',
    superseded: 'take',
    overridden: 'take',
  },
  paused: {
    ...facts,
    asked: 'nothing',
    approved: 'approved_already',
    paused: 'not_running',
    resumed: 'take',
    halted: 'take',
    cancelled: 'take',
    superseded: 'take',
    overridden: 'not_running',
  },
  halted: {
    ...facts,
    asked: 'nothing',
    approved: 'approved_already',
    paused: 'halted',
    resumed: 'take',
    halted: 'halted',
    cancelled: 'take',
    superseded: 'take',
    overridden: 'halted',
  },
  complete: {
    ...facts,
    asked: 'take',
    approved: 'approved_already',
    paused: 'not_running',
    resumed: 'not_paused',
    halted: 'take',
    cancelled: 'take',
    superseded: 'take',
    overridden: 'not_running',
  },
  // What it went back to, something newer may decide.
  cancelled: { ...over, superseded: 'take' },
  superseded: over,
}

export class CampaignRefused extends StarlingError {
  override readonly code = 'campaign_refused'
  readonly reason: CommandRefusal

  constructor(reason: CommandRefusal, state: CampaignState) {
    super(`the campaign ${state.plan.campaign} (${state.phase}) refuses: ${WHY[reason]}`, {
      remedy: REMEDY[reason],
      details: { reason, campaign: state.plan.campaign, phase: state.phase },
    })
    this.reason = reason
  }
}

/** What comes of `event` now: `take`; `nothing`, for a repetition or a fact of no account; or why it is refused. */
export function judgeEvent(state: CampaignState, event: CampaignEvent): Cell {
  if (isCommand(event) && state.commands.includes(event.id)) return 'nothing'
  const cell = TRANSITIONS[state.phase][event.kind]
  if (cell !== 'take' || !isCommand(event)) return cell
  if (state.commands.length >= MAX_COMMANDS && event.kind !== 'halted' && event.kind !== 'cancelled')
    return 'too_many_commands'
  if (event.kind === 'approved') return judgeApproval(state, event)
  if (event.kind === 'overridden') return judgeOverride(state, event)
  if (event.kind === 'resumed' && state.phase === 'halted' && state.resumers.includes(event.by))
    return 'counted_already'
  return 'take'
}

/** For whoever brings a person's command: throws {@link CampaignRefused} where it may not be. A repetition passes. */
export function assertTaken(state: CampaignState, command: CampaignCommand): void {
  const cell = judgeEvent(state, command)
  if (cell !== 'take' && cell !== 'nothing') throw new CampaignRefused(cell, state)
}

/** R6: by person and by key, so that neither a second key nor a borrowed name counts twice. */
function judgeApproval(
  { plan, planDigest, approvals }: CampaignState,
  event: Extract<CampaignEvent, { kind: 'approved' }>,
): Cell {
  if (event.planDigest !== planDigest) return 'other_plan'
  if (isAuthor(plan, event)) return 'author_may_not_approve'
  const counted = approvals.some(({ by, keyId }) => by === event.by || keyId === event.keyId)
  return counted ? 'counted_already' : 'take'
}

/** R2: never the author's, and only of a ring whose gates hold, by somebody who saw what they say now. */
function judgeOverride({ plan, rings }: CampaignState, event: EventOf<'overridden'>): Cell {
  if (isAuthor(plan, event)) return 'author_may_not_approve'
  const open = rings.at(-1)
  if (open?.outcome !== 'open' || open.name !== event.ring) return 'other_ring'
  if (open.verdict?.decision !== 'HOLD') return 'not_held'
  return verdictDigest(open.verdict) === event.verdictDigest ? 'take' : 'other_verdict'
}

function isAuthor(plan: CampaignPlan, { by, keyId }: Approval): boolean {
  return by === plan.author || keyId === plan.authorKeyId
}

function isCommand(event: CampaignEvent): event is CampaignCommand {
  return COMMAND_KINDS.some((kind: CommandKind) => kind === event.kind)
}

const WHY: Readonly<Record<CommandRefusal, string>> = {
  awaits_approval: 'it has not been approved yet',
  approved_already: 'it has the approvals that it needs',
  over: 'it is over',
  not_running: 'it does not run',
  not_paused: 'it is neither paused nor halted',
  halted: 'it is halted already',
  author_may_not_approve: 'its author is never one of its approvers',
  counted_already: 'this person or this key is counted already, and another is needed',
  other_plan: 'what was signed names another plan',
  other_ring: 'that ring is not open',
  not_held: 'its gates do not hold: there is nothing to pass by',
  other_verdict: 'its gates say something else since that was signed',
  too_many_commands: 'it has taken more commands than a campaign needs',
}
const REMEDY: Readonly<Record<CommandRefusal, string>> = {
  awaits_approval: 'Let others than its author approve it, or cancel it.',
  approved_already: 'Nothing is missing.',
  over: 'Create a new campaign.',
  not_running: 'See its state with `starling rollout status`.',
  not_paused: 'See its state with `starling rollout status`.',
  halted: 'Let two operators resume it, or cancel it.',
  author_may_not_approve: 'Ask another person who may approve.',
  counted_already: 'Ask another person.',
  other_plan: 'Sign the plan as it stands now.',
  other_ring: 'See which ring is open with `starling rollout status`.',
  not_held: 'See what they say with `starling rollout explain`.',
  other_verdict: 'Look at it again with `starling rollout explain`, and sign that.',
  too_many_commands: 'Cancel it and create a new one.',
}
