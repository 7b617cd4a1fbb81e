/** Where a campaign stands: what `reduce` makes of its events, and nothing else. */
import type { Arm } from '../gates/fact.ts'
import type { GateVerdict } from '../gates/judge.ts'
import { RingEvidence } from './evidence.ts'
import type { DeviceReport, Health, ShadowCount } from './events.ts'
import { planDigest, type CampaignPlan } from './plan.ts'
import { Table } from './table.ts'

export const PHASES = [
  'awaiting_approval',
  'running',
  'paused',
  /** Back to the last good bundle; until two operators resume it (R3). */
  'halted',
  /** Every ring passed: whoever asks may have the candidate, the control and late joiners too. */
  'complete',
  /** Given up: back to the last good bundle for good. */
  'cancelled',
  /** A newer campaign decides what devices run. */
  'superseded',
] as const
export type Phase = (typeof PHASES)[number]

/** The campaign's own time: it only grows, by ticks, however the centre's clock jumps (R12). */
export interface CampaignClock {
  readonly campaignMs: number
  /** The centre's clock at the last tick, for freeze windows. */
  readonly wallMs: number
  readonly tickSequence: number
}

/** What the fleet follows. A change of it is a new generation, and takes effect once the director signed for it (R5). */
export interface Direction {
  readonly runs: 'candidate' | 'last_good'
  readonly generation: number
  /** The digest of the signed statement; null while it is awaited. */
  readonly statement: string | null
}

export interface RingRecord {
  readonly name: string
  readonly openedMs: number
  /** Devices whose unit is below this are of the ring. */
  readonly cut: number
  readonly closedMs: number | null
  readonly outcome: 'open' | 'promoted' | 'halted'
  /** Devices of each arm when it was opened. */
  readonly planned: { readonly treated: number; readonly control: number }
  /** What the gates said last, each with its evidence; null before they were asked. */
  readonly verdict: GateVerdict | null
  /** It is the stretch after the last ring: of the treated, those whose unit is below this are observed. */
  readonly baking?: { readonly below: number }
  /** A person's signed word that it may go on although the gates hold. */
  readonly override?: Override
}

export interface Override extends Approval {
  /** What the gates said, by its digest, when the person signed. */
  readonly verdictDigest: string
  readonly reason: string
}

export type Decision =
  | { readonly kind: 'approved'; readonly atMs: number; readonly by: string; readonly keyId: string }
  | { readonly kind: 'started'; readonly atMs: number }
  | { readonly kind: 'ring_opened'; readonly atMs: number; readonly ring: string }
  | { readonly kind: 'ring_promoted'; readonly atMs: number; readonly ring: string }
  | { readonly kind: 'halted'; readonly atMs: number; readonly by: string; readonly reason: string }
  | { readonly kind: 'resume_asked'; readonly atMs: number; readonly by: string; readonly reason: string }
  | {
      readonly kind: 'paused' | 'resumed' | 'cancelled' | 'superseded'
      readonly atMs: number
      readonly by: string
      readonly reason: string
    }
  | {
      readonly kind: 'overridden'
      readonly atMs: number
      readonly by: string
      readonly keyId: string
      readonly ring: string
      readonly reason: string
    }
  | { readonly kind: 'stated'; readonly atMs: number; readonly generation: number; readonly keyId: string }
  | { readonly kind: 'completed'; readonly atMs: number }

export interface Approval {
  readonly by: string
  readonly keyId: string
}

/** One device under observation in the open ring. */
export interface Watch {
  /** The number of the record of the ring that was open: a ring that is opened again is another round. */
  readonly round: number
  readonly arm: Arm
  /** It got the candidate in this ring; otherwise it has it longer, or is of the control. */
  readonly isNew: boolean
  readonly sinceMs: number
  /** The gates were told that it began. */
  readonly begun: boolean
  /** Since when the gates know it as a running device; null until the candidate is active. */
  readonly enteredMs: number | null
  /** What it had counted then. */
  readonly from: Health | null
  readonly installJudged: boolean
  readonly judged: boolean
  /** The newest report of it, and when a tick found it: for how long nothing was heard is counted from there. */
  readonly heard: { readonly sequence: number; readonly atMs: number }
  /** What its shadow had counted when the gates were last told. */
  readonly shadow: ShadowCount
}

export interface Grant {
  readonly generation: number
  readonly ring: number
  readonly atMs: number
  /** On how many inputs the candidate runs beside what runs, before it is activated; 0 where the ring is large enough without. */
  readonly shadowInputs: number
}

/**
 * `at_risk`: it may run the candidate and nobody knows yet how that ends. `proven`: it ran it through its probation.
 * `returned`: it runs what it ran before. `failed`: it failed, and still has it.
 */
export type Risk = 'none' | 'at_risk' | 'proven' | 'failed' | 'returned'

export interface Standing {
  readonly device: string
  /** Its place in the campaign's order, from 0 to 1. */
  readonly unit: number
  /** Null until it is known where the device stands: its reports may come first. */
  readonly facts: {
    readonly sequence: number
    readonly site: string
    readonly hardware: string
    readonly utcOffsetMinutes: number
  } | null
  readonly left: boolean
  /** It asked, and the next tick answers. */
  readonly asking: boolean
  readonly grant: Grant | null
  /** As `riskOf` says of grant and report; kept because sums are. */
  readonly risk: Risk
  readonly watch: Watch | null
  /** The newest. */
  readonly report: DeviceReport | null
}

export interface SiteStanding {
  readonly site: string
  readonly devices: number
  readonly atRisk: number
  /** Over its link, in all and in the window of that number. */
  readonly bytes: number
  readonly window: number
  readonly windowBytes: number
  /** The generation that its leaf has fetched. */
  readonly fetched: number
}

export interface Counts {
  /** Devices that are in the fleet and may take the candidate. */
  readonly fleet: number
  /** Ever given the candidate, in whatever generation. */
  readonly exposed: number
  readonly atRisk: number
  readonly proven: number
  readonly failed: number
  readonly returned: number
}

/** What nearly every event moves: the devices, and sums over them. */
export interface Fleet {
  readonly devices: Table<Standing>
  readonly sites: Table<SiteStanding>
  readonly counts: Counts
}

export interface CampaignState extends Fleet {
  readonly plan: CampaignPlan
  readonly planDigest: string
  readonly phase: Phase
  readonly clock: CampaignClock
  /** The plan's number of the open ring; -1 before the first. */
  readonly ring: number
  /** Each ring that was opened, in order; one that was opened again is there twice. */
  readonly rings: readonly RingRecord[]
  /** What the gates know of the open ring. */
  readonly evidence: RingEvidence
  readonly direction: Direction
  /** The generation by which devices without a grant run the last good bundle. */
  readonly lastGoodGeneration: number
  readonly approvals: readonly Approval[]
  /** Who asked to resume this halt. */
  readonly resumers: readonly string[]
  /** Ids of the commands that were taken. */
  readonly commands: readonly string[]
  /** The newest {@link MAX_DECISIONS}. */
  readonly decisions: readonly Decision[]
  readonly bandwidth: { readonly window: number; readonly bytes: number }
  /** Work for the next tick; found in the devices too, so no part of the digest. */
  readonly agenda: Agenda
}

/** A list that only grows at its head between two ticks, so that an event need not copy it. */
export interface Chain<T> {
  readonly item: T
  readonly rest: Chain<T> | null
}

/** A device that waits, with its place in the campaign's order. */
export interface Waiting {
  readonly device: string
  readonly unit: number
}

export interface Agenda {
  /** Devices that wait for the candidate, by their unit, as the last tick left them. */
  readonly waiting: readonly Waiting[]
  readonly asked: Chain<string> | null
  /** Devices to which the last tick gave the candidate: to be told at once. */
  readonly served: Chain<string> | null
  /** Devices under observation with news. */
  readonly touched: Chain<string> | null
  /** When a device is to be looked at without news of it: by the number of the span of {@link DUE_SPAN_MS} that has to pass. */
  readonly due: ReadonlyMap<number, Chain<string>>
}

/** Silence of days is found out so much later at most. */
export const DUE_SPAN_MS = 15 * 60_000

export function itemsOf<T>(chain: Chain<T> | null): T[] {
  const items: T[] = []
  for (let link = chain; link !== null; link = link.rest) items.push(link.item)
  return items
}

/** What a person reads of a campaign's course; older ones are in the centre's log of events. */
export const MAX_DECISIONS = 200
/** Commands are a person's: far more than a campaign sees. Beyond it a campaign takes no more and has to be cancelled. */
export const MAX_COMMANDS = 10_000

/** A campaign that nobody has approved yet. `atMs`: the centre's clock. */
export function openCampaign(plan: CampaignPlan, atMs: number): CampaignState {
  return {
    plan,
    planDigest: planDigest(plan),
    phase: 'awaiting_approval',
    clock: { campaignMs: atMs, wallMs: atMs, tickSequence: 0 },
    ring: -1,
    rings: [],
    evidence: RingEvidence.open([]),
    direction: { runs: 'last_good', generation: plan.baseGeneration, statement: planDigest(plan) },
    lastGoodGeneration: plan.baseGeneration,
    approvals: [],
    resumers: [],
    commands: [],
    decisions: [],
    devices: Table.empty(),
    sites: Table.empty(),
    counts: { fleet: 0, exposed: 0, atRisk: 0, proven: 0, failed: 0, returned: 0 },
    bandwidth: { window: 0, bytes: 0 },
    agenda: { waiting: [], asked: null, served: null, touched: null, due: new Map() },
  }
}

/**
 * The state with another fleet and agenda. Field by field, because a spread of so many costs many times as much in V8, and
 * every report of every device comes through here.
 */
export function withFleet(
  state: CampaignState,
  { devices, sites, counts }: Fleet,
  agenda: Agenda = state.agenda,
): Required<CampaignState> {
  return {
    plan: state.plan,
    planDigest: state.planDigest,
    phase: state.phase,
    clock: state.clock,
    ring: state.ring,
    rings: state.rings,
    evidence: state.evidence,
    direction: state.direction,
    lastGoodGeneration: state.lastGoodGeneration,
    approvals: state.approvals,
    resumers: state.resumers,
    commands: state.commands,
    decisions: state.decisions,
    devices,
    sites,
    counts,
    bandwidth: state.bandwidth,
    agenda,
  }
}

export function decided(state: CampaignState, decision: Decision): CampaignState {
  return { ...state, decisions: [...state.decisions, decision].slice(-MAX_DECISIONS) }
}
