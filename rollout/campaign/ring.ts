/** The open ring: when it begins, what its gates say, and what follows. */
import { judge, judgeBake, type GateVerdict } from '../gates/judge.ts'
import { cutOf } from './cohort.ts'
import { RingEvidence } from './evidence.ts'
import { halted } from './direction.ts'
import { isControl, isEligible } from './fleet.ts'
import { openRingOf } from './grant.ts'
import { BAKE, bakeGatesOf, gatesOf, type CampaignPlan } from './plan.ts'
import { decided, type CampaignState, type Chain, type RingRecord, type Standing } from './state.ts'

/** Who halts when a gate does. */
export const BY_GATES = 'gates'

/** Judges the open ring, and opens the next one where there is evidence for it (R2), or the first one once it is signed for. */
export function judged(state: CampaignState): CampaignState {
  const { phase, direction, clock } = state
  if (direction.runs !== 'candidate' || direction.statement === null) return state
  const open = openRingOf(state)
  if (open === null) return phase === 'running' ? opened(state) : state
  if (open.outcome !== 'open') return state
  const look = { nowMs: clock.campaignMs, planned: open.planned }
  const ledger = state.evidence.ledger()
  const verdict =
    open.baking === undefined
      ? judge(gatesOf(state.plan, state.ring), ledger, look)
      : judgeBake(bakeGatesOf(state.plan), ledger, look)
  const after = withRecord(state, { ...open, verdict })
  if (verdict.decision === 'HALT') {
    const reason = verdict.evidence.find(({ decision }) => decision === 'HALT')?.text ?? 'a gate'
    return halted(after, { by: BY_GATES, reason })
  }
  if (phase !== 'running' || !mayPass(open, verdict)) return after
  return clock.campaignMs - open.openedMs >= dwellOf(state, open)
    ? promoted(after, { ...open, verdict })
    : after
}

/** R2: by evidence, or by a person's signed word for it. */
function mayPass({ override }: RingRecord, { decision }: GateVerdict): boolean {
  return decision === 'PROMOTE' || (decision === 'HOLD' && override !== undefined)
}

/** At least so long is the open ring watched. */
export function dwellOf({ plan, ring }: CampaignState, { baking }: RingRecord): number {
  const dwellMs = baking === undefined ? plan.rings[ring]?.dwellMs : plan.bakeMs
  return dwellMs ?? Number.POSITIVE_INFINITY
}

function promoted(state: CampaignState, open: RingRecord): CampaignState {
  const atMs = state.clock.campaignMs
  const closed = withRecord(state, { ...open, outcome: 'promoted', closedMs: atMs })
  const after = decided(closed, { kind: 'ring_promoted', atMs, ring: open.name })
  if (state.ring < state.plan.rings.length - 1) return opened(after)
  if (state.plan.bakeMs !== undefined && open.baking === undefined) return baked(after, open)
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
  const before = state.rings.reduce((most, { cut: one }) => Math.max(most, one), 0)
  const cut = nextCut(state.plan, at, { units, before: at === 0 ? 0 : before })
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
  return begun({ ...state, ring: at }, record, fleet)
}

/** Of each arm so many more of the treated are observed in the bake than there are of the control, or so many at least. */
const BAKED_PER_CONTROL = 2
const LEAST_BAKED = 1_000

/** After the last ring the control stays behind once more, and devices are observed anew: what breaks late breaks now. */
function baked(state: CampaignState, { cut, planned }: RingRecord): CampaignState {
  const fleet = [...state.devices.values()].filter((standing) => isEligible(state, standing))
  const units = fleet
    .filter((standing) => !isControl(state, standing) && standing.unit < cut)
    .map(({ unit }) => unit)
    .sort((a, b) => a - b)
  const most = Math.max(LEAST_BAKED, BAKED_PER_CONTROL * planned.control)
  const below = units.length <= most ? cut : (units[most] ?? cut)
  return begun(
    state,
    {
      name: BAKE,
      openedMs: state.clock.campaignMs,
      cut,
      closedMs: null,
      outcome: 'open',
      planned: { treated: Math.min(most, units.length), control: planned.control },
      verdict: null,
      baking: { below },
    },
    fleet,
  )
}

function begun(state: CampaignState, record: RingRecord, fleet: readonly Standing[]): CampaignState {
  const after: CampaignState = {
    ...state,
    rings: [...state.rings, record],
    evidence: RingEvidence.open(gatesOf(state.plan, state.ring)),
    agenda: { ...state.agenda, touched: unjudged(fleet, state.agenda.touched) },
  }
  return decided(after, { kind: 'ring_opened', atMs: record.openedMs, ring: record.name })
}

/** Where ring number `at` ends, over the `units` of the fleet without its control, in rising order. */
export function nextCut(
  plan: CampaignPlan,
  at: number,
  { units, before }: { readonly units: readonly number[]; readonly before: number },
): number {
  const { share = 1, leastDevices = 1 } = plan.rings[at] ?? {}
  // R4: also where devices have left the fleet since, a ring contains the one before it.
  return Math.max(before, cutOf(Math.min(share, 1 - plan.controlShare), leastDevices, units))
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
