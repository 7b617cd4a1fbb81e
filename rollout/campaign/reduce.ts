/**
 * The campaign's reducer: the same events make the same state, to the last bit (SPEC.md). What devices say is only noted,
 * newest report first, so that it makes no difference in which order it comes or how often; everything that is decided on it
 * is decided by a tick, over the devices in an order of their own.
 */
import type { CampaignEvent, EventOf } from './events.ts'
import { halted, withDirection } from './direction.ts'
import { standingOf, withStanding } from './fleet.ts'
import { wantsOf } from './grant.ts'
import { riskOf } from './observe.ts'
import { decided, type CampaignState, type Phase } from './state.ts'
import { tick } from './tick.ts'
import { judgeEvent } from './transitions.ts'

/** The state after `event`; the very same object where it changes nothing. Total: an event that is refused changes nothing. */
export function reduce(state: CampaignState, event: CampaignEvent): CampaignState {
  if (judgeEvent(state, event) !== 'take') return state
  switch (event.kind) {
    case 'joined':
      return joined(state, event)
    case 'left':
      return left(state, event)
    case 'asked':
      return asked(state, event)
    case 'reported':
      return reported(state, event)
    case 'ticked':
      return tick(state, event)
    case 'stated':
      return stated(state, event)
    case 'approved':
      return approved(taken(state, event.id), event)
    case 'paused':
      return { ...told(taken(state, event.id), event), phase: 'paused' }
    case 'resumed':
      return resumed(taken(state, event.id), event)
    case 'halted':
      return halted(taken(state, event.id), { by: event.by, reason: event.reason })
    case 'overridden':
      return overridden(taken(state, event.id), event)
    case 'cancelled':
    case 'superseded':
      return ended(taken(state, event.id), event)
  }
}

function taken(state: CampaignState, id: string): CampaignState {
  return { ...state, commands: [...state.commands, id] }
}

function told(
  state: CampaignState,
  event: EventOf<'paused' | 'resumed' | 'cancelled' | 'superseded'>,
): CampaignState {
  const { kind, by, reason } = event
  return decided(state, { kind, atMs: state.clock.campaignMs, by, reason })
}

function joined(state: CampaignState, event: EventOf<'joined'>): CampaignState {
  const before = standingOf(state, event.device)
  if (before.facts !== null && event.sequence <= before.facts.sequence) return state
  const { sequence, site, hardware, utcOffsetMinutes } = event
  const facts = { sequence, site, hardware, utcOffsetMinutes }
  const { device, unit, left: isGone, asking, grant, risk, watch, report } = before
  const after = { device, unit, facts, left: isGone, asking, grant, risk, watch, report }
  return withStanding(state, { before, after })
}

function left(state: CampaignState, { device }: EventOf<'left'>): CampaignState {
  const before = standingOf(state, device)
  return before.left
    ? state
    : withStanding(state, { before, after: { ...before, left: true, asking: false } })
}

function asked(state: CampaignState, { device }: EventOf<'asked'>): CampaignState {
  const before = state.devices.get(device)
  if (before === undefined || before.asking || wantsOf(state, before) === null) return state
  const { waiting, asked: earlier, served, touched, due } = state.agenda
  const agenda = { waiting, asked: { item: device, rest: earlier }, served, touched, due }
  const { unit, facts, left: isGone, grant, risk, watch, report } = before
  const after = { device, unit, facts, left: isGone, asking: true, grant, risk, watch, report }
  return withStanding(state, { before, after }, agenda)
}

function reported(state: CampaignState, event: EventOf<'reported'>): CampaignState {
  const before = standingOf(state, event.device)
  if (before.report !== null && event.sequence <= before.report.sequence) return state
  const { device, unit, facts, left: isGone, asking, grant, watch } = before
  const risk = riskOf(state.plan, grant, event)
  const after = { device, unit, facts, left: isGone, asking, grant, risk, watch, report: event }
  if (watch === null || watch.judged) return withStanding(state, { before, after })
  const { waiting, asked: asks, served, touched, due } = state.agenda
  const agenda = { waiting, asked: asks, served, touched: { item: device, rest: touched }, due }
  return withStanding(state, { before, after }, agenda)
}

function stated(state: CampaignState, event: EventOf<'stated'>): CampaignState {
  const { direction } = state
  if (direction.statement !== null || event.generation !== direction.generation) return state
  const after: CampaignState = {
    ...state,
    direction: { ...direction, statement: event.statement },
    ...(direction.runs === 'last_good' ? { lastGoodGeneration: direction.generation } : {}),
  }
  const { generation, keyId } = event
  return decided(after, { kind: 'stated', atMs: state.clock.campaignMs, generation, keyId })
}

/** R6: the last approval that is needed starts the campaign by itself. */
function approved(state: CampaignState, { by, keyId }: EventOf<'approved'>): CampaignState {
  const atMs = state.clock.campaignMs
  const approvals = [...state.approvals, { by, keyId }]
  const after = decided({ ...state, approvals }, { kind: 'approved', atMs, by, keyId })
  if (approvals.length < state.plan.approvals) return after
  return withDirection(decided({ ...after, phase: 'running' }, { kind: 'started', atMs }), 'candidate')
}

/** R3: a pause ends by one, a halt by two different operators, and then its ring begins anew. */
function resumed(state: CampaignState, event: EventOf<'resumed'>): CampaignState {
  const { by, reason } = event
  if (state.phase === 'paused') return { ...told(state, event), phase: phaseByRing(state) }
  const resumers = [...state.resumers, by]
  const asking = decided(
    { ...state, resumers },
    { kind: 'resume_asked', atMs: state.clock.campaignMs, by, reason },
  )
  if (resumers.length < RESUMERS) return asking
  const ring = Math.max(-1, state.ring - 1)
  return withDirection({ ...told(asking, event), phase: 'running', resumers: [], ring }, 'candidate')
}
/** One person may be mistaken, or somebody else. */
export const RESUMERS = 2

/** R2: noted beside what the gates said; the ring passes after its dwell time, unless they halt it before. */
function overridden(state: CampaignState, event: EventOf<'overridden'>): CampaignState {
  const { by, keyId, verdictDigest, reason, ring } = event
  const rings = state.rings.map((record, at) =>
    at === state.rings.length - 1 ? { ...record, override: { by, keyId, verdictDigest, reason } } : record,
  )
  const atMs = state.clock.campaignMs
  return decided({ ...state, rings }, { kind: 'overridden', atMs, by, keyId, ring, reason })
}

function phaseByRing({ ring, rings, plan }: CampaignState): Phase {
  return ring === plan.rings.length - 1 && rings.at(-1)?.outcome === 'promoted' ? 'complete' : 'running'
}

function ended(state: CampaignState, event: EventOf<'cancelled' | 'superseded'>): CampaignState {
  const after: CampaignState = { ...told(state, event), phase: event.kind }
  if (event.kind === 'superseded' || state.direction.runs === 'last_good') return after
  return withDirection(after, 'last_good')
}
