/**
 * What time brings: first what devices said since the last tick is told to the gates, then the ring is judged, then devices
 * that asked are given the candidate as far as budgets go. Devices are taken by name or by their place in the campaign's
 * order, never by the order in which their reports came.
 */
import { inOrder } from './evidence.ts'
import type { EventOf } from './events.ts'
import type { Told } from './fact-log.ts'
import { placed } from './fleet.ts'
import { given } from './give.ts'
import { observeDevice } from './observe.ts'
import { judged } from './ring.ts'
import {
  DUE_SPAN_MS,
  itemsOf,
  withFleet,
  type CampaignState,
  type Chain,
  type Fleet,
  type Watch,
} from './state.ts'

/**
 * The most that one tick moves the campaign's time (R12): a clock that jumps ahead makes no device silent and no ring old. A
 * centre that was down for longer gives its devices that much more time.
 */
export const MAX_TICK_MS = 3_600_000

export function tick(state: CampaignState, event: EventOf<'ticked'>): CampaignState {
  const { clock } = state
  if (event.sequence <= clock.tickSequence) return state
  const passedMs = Math.min(MAX_TICK_MS, Math.max(0, event.atMs - clock.wallMs))
  const now: CampaignState = {
    ...state,
    clock: { campaignMs: clock.campaignMs + passedMs, wallMs: event.atMs, tickSequence: event.sequence },
  }
  return given(judged(observed(now)))
}

function observed(state: CampaignState): CampaignState {
  const { campaignMs } = state.clock
  const due = new Map(state.agenda.due)
  const reminded = new Set(pastOf(state, due))
  const names = itemsOf(state.agenda.touched)
  for (const name of reminded) names.push(name)
  names.sort()
  if (names.length === 0 && state.agenda.served === null) return state
  let fleet: Fleet = state
  const told: Told[] = []
  let last: string | null = null
  for (const name of names) {
    const standing = name === last ? undefined : fleet.devices.get(name)
    last = name
    if (standing === undefined) continue
    const seen = observeDevice(state, standing, campaignMs)
    if (seen !== null) {
      for (const one of seen.told) told.push(one)
      const { device, unit, facts, left, asking, grant, risk, report } = standing
      const after = { device, unit, facts, left, asking, grant, risk, watch: seen.watch, report }
      fleet = placed(state, fleet, { before: standing, after })
    }
    const atMs = silenceAt(state, seen?.watch ?? standing.watch)
    const isRemindedLater = silenceAt(state, standing.watch) !== null && !reminded.has(name)
    if (atMs !== null && !isRemindedLater) remind(due, name, atMs)
  }
  const { waiting, asked } = state.agenda
  const after = withFleet(state, fleet, { waiting, asked, served: null, touched: null, due })
  const isOpen = state.rings.at(-1)?.outcome === 'open'
  return told.length > 0 && isOpen ? { ...after, evidence: state.evidence.with(inOrder(told)) } : after
}

/** Takes out of `due` what is due by now, and says for which devices that still matters. */
function pastOf({ clock, devices }: CampaignState, due: Map<number, Chain<string>>): readonly string[] {
  const past: string[] = []
  for (const [span, chain] of due) {
    if (span * DUE_SPAN_MS > clock.campaignMs) continue
    for (const device of itemsOf(chain)) if (devices.get(device)?.watch?.judged === false) past.push(device)
    due.delete(span)
  }
  return past
}

/** One reminder for each stretch in which a device may be silent; when it was heard since, it is put off. */
function remind(due: Map<number, Chain<string>>, device: string, atMs: number): void {
  const span = Math.ceil(atMs / DUE_SPAN_MS)
  due.set(span, { item: device, rest: due.get(span) ?? null })
}

/** When silence of the device counts as its outcome: only ever later, the more is heard of it. */
function silenceAt({ plan }: CampaignState, watch: Watch | null): number | null {
  if (watch === null || watch.judged || !watch.begun) return null
  if (watch.enteredMs !== null) return watch.heard.atMs + plan.probationMs + plan.silenceMs
  return watch.isNew && !watch.installJudged ? watch.heard.atMs + plan.silenceMs : null
}
