/**
 * What time brings: first what devices said since the last tick is told to the gates, then the ring is judged, then devices
 * that asked are given the candidate as far as budgets go. Devices are taken by name or by their place in the campaign's
 * order, never by the order in which their reports came.
 */
import { observe, type GateLedger, type GateState } from '../gates/ledger.ts'
import type { EventOf } from './events.ts'
import { withStanding } from './fleet.ts'
import { given } from './give.ts'
import { observeDevice, type Told } from './observe.ts'
import { judged } from './ring.ts'
import { itemsOf, withDue, type CampaignState, type Due, type Watch } from './state.ts'

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
  const { past, due } = splitDue(state, campaignMs)
  const names = new Set([...itemsOf(state.agenda.touched), ...past])
  let now: CampaignState = {
    ...state,
    agenda: { ...state.agenda, served: null, touched: null, due, dueNext: null },
  }
  const told: Told[] = []
  for (const name of [...names].toSorted()) {
    const standing = now.devices.get(name)
    const seen = standing === undefined ? null : observeDevice(now, standing, campaignMs)
    if (standing === undefined || seen === null) continue
    told.push(...seen.told)
    now = withStanding(now, { ...standing, watch: seen.watch })
    const atMs = silenceAt(now, seen.watch)
    if (atMs !== null && atMs !== (standing.watch && silenceAt(now, standing.watch)))
      now = withDue(now, { device: name, atMs })
  }
  return told.length === 0 || state.rings.at(-1)?.outcome !== 'open'
    ? now
    : { ...now, ledger: ledgerWith(now, told) }
}

/** When silence of the device counts as its outcome. */
function silenceAt({ plan }: CampaignState, watch: Watch): number | null {
  if (watch.judged || !watch.begun) return null
  if (watch.enteredMs !== null) return watch.enteredMs + plan.probationMs + plan.silenceMs
  return watch.isNew && !watch.installJudged ? watch.sinceMs + plan.silenceMs : null
}

function splitDue(
  { agenda }: CampaignState,
  nowMs: number,
): { readonly past: readonly string[]; readonly due: readonly Due[] } {
  const fresh = itemsOf(agenda.dueNext)
  const all =
    fresh.length === 0
      ? agenda.due
      : [...agenda.due, ...fresh].sort((a, b) => a.atMs - b.atMs || (a.device < b.device ? -1 : 1))
  const after = all.findIndex(({ atMs }) => atMs > nowMs)
  const count = after === -1 ? all.length : after
  return { past: all.slice(0, count).map(({ device }) => device), due: count === 0 ? all : all.slice(count) }
}

/** The gates are moved in place, so the ledger that an older state holds is left alone. */
function ledgerWith(state: CampaignState, told: readonly Told[]): GateLedger {
  const ledger = copied(state.ledger)
  for (const { gate, fact } of told) {
    const known: GateState | undefined = ledger[gate]
    if (known !== undefined) observe(known, fact)
  }
  return ledger
}

/** A copy of plain JSON, all the way down. */
function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => copied(item)) as T
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) copy[key] = copied(item)
  return copy as T
}
