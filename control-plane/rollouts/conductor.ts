/**
 * Drives the campaigns: brings them time and the questions of devices, has people's commands carried out, and tells the devices
 * whose assignment changed, at once. It holds nothing that a restart would miss.
 */
import { assignmentFor } from '../../rollout/campaign/assignment.ts'
import { reduce } from '../../rollout/campaign/reduce.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import { reportError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Database } from '../../shared/sql/port.ts'
import { atCentre, CENTRE } from '../performer.ts'
import type { RolloutParts } from './decide.ts'
import { nullIfDiverged, nullIfUnknown } from './errors.ts'
import { tickPerformer } from './tick.ts'

/** How often time passes for a campaign that runs: silence and dwell times are minutes and hours. */
export const TICK_EVERY_MS = 30_000
/** Questions of a moment are answered together. */
const SOON_MS = 500

export interface ConductorParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly rollout: RolloutParts
  readonly log: Log
  tell(devices: Iterable<string>): Promise<void>
}

export interface Conductor {
  /** A device asked what to run; a campaign that could give it something is told with its next tick. */
  asked(device: string): Promise<void>
  /** Carries out one effect on a campaign, and tells the devices that are assigned something else after it. */
  carryOut(
    id: string,
    performer: TransactionalPerformer<JsonObject, JsonObject>,
    wish: { readonly input: JsonObject; readonly principal: Principal },
  ): Promise<JsonObject>
  tick(id: string): Promise<void>
  /** Calls `heard` after every change of that campaign; returns what ends it. */
  follow(id: string, heard: () => void): () => void
  /** Begins to let time pass; returns what stops it. */
  start(everyMs?: number): () => Promise<void>
}

export function openConductor(parts: ConductorParts): Conductor {
  const { db, kernel, rollout, log } = parts
  const { campaigns } = rollout
  const asking = new Map<string, Set<string>>()
  const listeners = new Map<string, Set<() => void>>()
  let soon: NodeJS.Timeout | null = null
  let isStarted = false

  const carryOut: Conductor['carryOut'] = async (id, performer, { input, principal }) => {
    const before = await campaigns.current(db, id).catch(nullIfUnknown)
    const { output } = await atCentre(kernel, performer, {
      resource: { type: 'rollout', id },
      input,
      principal,
    })
    const after = await campaigns.current(db, id)
    await parts.tell(movedBetween(before?.state ?? null, after.state))
    if (before?.seq !== after.seq) for (const heard of listeners.get(id) ?? []) heard()
    return output
  }
  const tick = async (id: string): Promise<void> => {
    const asked = [...(asking.get(id) ?? [])]
    asking.delete(id)
    await carryOut(id, tickPerformer(rollout), { input: { campaign: id, asked }, principal: CENTRE })
  }
  const tickAll = async (onlyAsked: boolean): Promise<void> =>
    await attempted(log, 'every campaign', async () => {
      for (const { id } of await campaigns.live(db))
        await attempted(log, `the campaign ${id}`, async () => {
          const { state } = await campaigns.current(db, id)
          const isAsked = (asking.get(id)?.size ?? 0) > 0
          if (isAsked || (!onlyAsked && (state.phase === 'running' || state.phase === 'paused')))
            await tick(id)
        })
    })
  return {
    carryOut,
    tick,
    asked: async (device) => {
      for (const { id } of await campaigns.live(db)) {
        const held = await campaigns.current(db, id).catch(nullIfDiverged)
        if (held === null || !mayWant(held.state, device)) continue
        asking.set(id, (asking.get(id) ?? new Set()).add(device))
        if (isStarted)
          soon ??= setTimeout(() => {
            soon = null
            void tickAll(true)
          }, SOON_MS)
      }
    },
    follow: (id, heard) => {
      const those = listeners.get(id) ?? new Set()
      listeners.set(id, those.add(heard))
      return () => void those.delete(heard)
    },
    start: (everyMs = TICK_EVERY_MS) => {
      isStarted = true
      const stop = repeated(async () => await tickAll(false), everyMs)
      return async () => {
        isStarted = false
        if (soon !== null) clearTimeout(soon)
        await stop()
      }
    },
  }
}

/** Says what failed, and never rejects: the next tick tries again. */
async function attempted(log: Log, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    const { code, message, remedy } = reportError(thrown)
    log.error(`${what} stands still: ${message}`, { code, remedy })
  }
}

/** One at a time: while one takes longer, the next waits for the interval after it. What it returns waits for the last. */
function repeated(work: () => Promise<void>, everyMs: number): () => Promise<void> {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = null
    })
  }, everyMs)
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** True where the question would change something, or the campaign has never heard of the device. */
function mayWant(state: CampaignState, device: string): boolean {
  if (state.phase !== 'running' && state.phase !== 'complete') return false
  const standing = state.devices.get(device)
  if (standing === undefined || standing.report === null) return true
  return reduce(state, { kind: 'asked', device }) !== state
}

/** Devices that shall run something else than before; where the whole fleet turned, all of it. */
export function* movedBetween(before: CampaignState | null, after: CampaignState): Generator<string> {
  if (before === after) return
  for (const { device, left } of after.devices.values()) {
    if (left) continue
    const now = assignmentFor(after, device)
    const was = before === null ? null : assignmentFor(before, device)
    const turned =
      before?.direction !== after.direction && before?.direction.statement !== after.direction.statement
    if (turned || was?.kind !== now.kind || generationOf(was) !== generationOf(now)) yield device
  }
}

function generationOf(assignment: ReturnType<typeof assignmentFor> | null): number | null {
  return assignment === null || assignment.kind === 'none' ? null : assignment.generation
}
