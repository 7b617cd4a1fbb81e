/** Keeps the device's copy near the centre: one pull at a time, batch by batch, until nothing is left to fetch. */
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import { CentreUnreachable, decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { ContextAnswerSchema, type ContextAnswer } from '../../shared/wire/context.ts'
import { applyPerformer, applyRequest, readPosition, storePosition, type SyncPosition } from './applier.ts'

export class ContextNotApplied extends StarlingError {
  override readonly code = 'context_not_applied'
}

export type PullOutcome =
  | { readonly kind: 'synced'; readonly changes: number; readonly syncedAt: string }
  | { readonly kind: 'unreachable' }

export interface ContextSync {
  /** Pulls to the end. A call during a pull gets a pull that starts after it, shared by all who wait. */
  pull(signal: AbortSignal): Promise<PullOutcome>
  /** When the centre was last heard, ISO 8601; null for never. */
  lastSyncedAt(): Promise<string | null>
}

/** An idle device writes the time of its last contact this often, not at every pull. */
const NOTE_CONTACT_EVERY_MS = 15 * 60_000

export interface ContextSyncParts {
  readonly db: Database
  readonly ask: Ask
  readonly kernel: Kernel
  readonly principal: Principal
  readonly clock: Clock
}

export function openContextSync(parts: ContextSyncParts): ContextSync {
  let heardAt: string | null = null
  let running: Promise<PullOutcome> | null = null
  let waiting: Promise<PullOutcome> | null = null
  const start = (signal: AbortSignal): Promise<PullOutcome> => {
    const pulling = pullAll(parts, signal).then((outcome) => {
      if (outcome.kind === 'synced') heardAt = outcome.syncedAt
      return outcome
    })
    const ended = pulling.finally(() => {
      if (running === ended) running = null
    })
    running = ended
    return ended
  }
  return {
    pull: async (signal) => {
      if (running === null) return await start(signal)
      const before = running
      waiting ??= before
        .catch(() => undefined)
        .then(async () => {
          waiting = null
          return await start(signal)
        })
      return await waiting
    },
    lastSyncedAt: async () => heardAt ?? (await readPosition(parts.db)).syncedAt,
  }
}

async function pullAll(parts: ContextSyncParts, signal: AbortSignal): Promise<PullOutcome> {
  let changes = 0
  for (;;) {
    signal.throwIfAborted()
    const position = await readPosition(parts.db)
    let answer: ContextAnswer
    try {
      answer = await askOnce(parts, position, signal)
    } catch (thrown) {
      if (thrown instanceof CentreUnreachable) return { kind: 'unreachable' }
      throw thrown
    }
    const nowMs = parts.clock.nowMs()
    changes += answer.rows.length + answer.tombstones.length
    if (answer.restart || answer.nextCursor !== position.cursor) await apply(parts, answer, position)
    else await noteContact(parts, position, nowMs)
    if (!answer.more) return { kind: 'synced', changes, syncedAt: new Date(nowMs).toISOString() }
  }
}

async function askOnce(
  parts: ContextSyncParts,
  position: SyncPosition,
  signal: AbortSignal,
): Promise<ContextAnswer> {
  const request = { v: 1, epoch: position.epoch, cursor: position.cursor }
  const bytes = await parts.ask('context.pull', new TextEncoder().encode(JSON.stringify(request)), signal)
  return decodeJson(ContextAnswerSchema, bytes)
}

async function apply(parts: ContextSyncParts, answer: ContextAnswer, position: SyncPosition): Promise<void> {
  const performer = applyPerformer(answer, parts.clock.nowMs())
  const verdict = await parts.kernel.admit(performer, applyRequest(answer, position, parts.principal))
  if (verdict.kind === 'performed') return
  const why = verdict.kind === 'denied' ? verdict.reason : verdict.message
  throw new ContextNotApplied(`what the centre sent was not applied: ${why}`, {
    remedy: verdict.kind === 'failed' ? verdict.remedy : 'Permit context.apply to the device in the policy.',
  })
}

async function noteContact(parts: ContextSyncParts, position: SyncPosition, nowMs: number): Promise<void> {
  const { epoch, cursor, syncedAt } = position
  if (epoch === null || (syncedAt !== null && nowMs - Date.parse(syncedAt) < NOTE_CONTACT_EVERY_MS)) return
  await parts.db.transaction(async (tx) => {
    await storePosition(tx, { epoch, nextCursor: cursor }, nowMs)
  })
}
