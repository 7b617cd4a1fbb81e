/** The open ring: when it begins, what its gates say, and what follows. */
import { judge } from '../gates/judge.ts'
import { cutOf } from './cohort.ts'
import { RingEvidence } from './evidence.ts'
import { halted } from './direction.ts'
import { isControl, isEligible } from './fleet.ts'
import { openRingOf } from './grant.ts'
import { gatesOf } from './plan.ts'
import { decided, type CampaignState, type Chain, type RingRecord, type Standing } from './state.ts'

/** Who halts when a gate does. */
export const BY_GATES = 'gates'

/** Judges the open ring, and opens the next one where there is evidence for it (R2), or the first one once it is signed for. */
export function judged(state: CampaignState): CampaignState {
  const { phase, direction, clock } = state
  if (direction.runs !== 'candidate' || direction.statement === null) return state
  const open = openRingOf(state)
  if (open === null) return phase === 'running' ? opened(state) : state
  const ring = state.plan.rings[state.ring]
  const verdict = judge(gatesOf(state.plan, state.ring), state.evidence.ledger(), {
    nowMs: clock.campaignMs,
    planned: open.planned,
  })
  const after = withRecord(state, { ...open, verdict })
  if (verdict.decision === 'HALT') {
    const reason = verdict.evidence.find(({ decision }) => decision === 'HALT')?.text ?? 'a gate'
    return halted(after, { by: BY_GATES, reason })
  }
  if (verdict.decision !== 'PROMOTE' || phase !== 'running' || ring === undefined) return after
  return clock.campaignMs - open.openedMs >= ring.dwellMs ? promoted(after, { ...open, verdict }) : after
}

function promoted(state: CampaignState, open: RingRecord): CampaignState {
  const atMs = state.clock.campaignMs
  const closed = withRecord(state, { ...open, outcome: 'promoted', closedMs: atMs })
  const after = decided(closed, { kind: 'ring_promoted', atMs, ring: open.name })
  if (state.ring < state.plan.rings.length - 1) return opened(after)
  return decided({ ...after, phase: 'complete' }, { kind: 'completed', atMs })
}

function opened(state: CampaignState): CampaignState {
  const at = state.ring + 1
  const ring = state.plan.rings[at]
  if (ring === undefined) return state
  const fleet = [...state.devices.values()].filter((standing) => isEligible(state, standing))
  const units = fleet
    .filter((standing) => !isControl(state, standing))
    .map(({ unit }) => unit)
    .sort((a, b) => a - b)
  const share = Math.min(ring.share, 1 - state.plan.controlShare)
  // R4: also where devices have left the fleet since, a ring contains the one before it.
  const before = state.rings.reduce((most, { cut: one }) => Math.max(most, one), 0)
  const cut = Math.max(at === 0 ? 0 : before, cutOf(share, ring.leastDevices, units))
  const atMs = state.clock.campaignMs
  const record: RingRecord = {
    name: ring.name,
    openedMs: atMs,
    cut,
    closedMs: null,
    outcome: 'open',
    planned: { treated: units.filter((unit) => unit < cut).length, control: fleet.length - units.length },
    verdict: null,
  }
  const after: CampaignState = {
    ...state,
    ring: at,
    rings: [...state.rings, record],
    evidence: RingEvidence.open(gatesOf(state.plan, at)),
    agenda: { ...state.agenda, touched: unjudged(fleet, state.agenda.touched) },
  }
  return decided(after, { kind: 'ring_opened', atMs, ring: ring.name })
}

/** Devices that are still installing go on in the new ring: the next tick tells its gates of them. */
function unjudged(fleet: readonly Standing[], touched: Chain<string> | null): Chain<string> | null {
  return fleet.reduce(
    (rest, { device, watch }) =>
      watch !== null && !watch.judged && watch.isNew && watch.enteredMs === null
        ? { item: device, rest }
        : rest,
    touched,
  )
}

function withRecord(state: CampaignState, record: RingRecord): CampaignState {
  return { ...state, rings: [...state.rings.slice(0, -1), record] }
}
