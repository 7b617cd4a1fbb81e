/** One transaction of ingest: each message judged, stored or set aside, and the cursor moved with them. */
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { WriteBody } from '../../shared/journal/record.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import type { QuarantineReason } from '../../shared/wire/receipt.ts'
import { judge, type KnownDevice, type NamedGap, type Verdict, type Watermark } from './judge.ts'
import { boundQuarantine, hashAt, heldOf, moveCursor, quarantine, settle, storeRun } from './store.ts'

/** Carries out a device's change, in the transaction that stores its record. Must itself be idempotent by `record.id`. */
export type ApplyWrite = (
  tx: Transaction,
  writer: { readonly tenant: TenantId; readonly site: SiteId; readonly device: DeviceId },
  record: { readonly id: string; readonly body: WriteBody },
) => Promise<unknown>

/** A write could not be applied: the whole batch was rolled back. */
export class ApplyFailed extends StarlingError {
  override readonly code = 'apply_failed'
  /** Of the message in the stream. */
  readonly seq: number

  constructor(seq: number, recordId: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`the write ${recordId} could not be applied: ${why}`, {
      remedy: 'Look at the quarantine: the device sends it again until it can be applied.',
      cause,
      details: { recordId },
    })
    this.seq = seq
  }
}

export interface Incoming {
  readonly seq: number
  readonly subject: string
  /** From the subject; null when it names none of ours. */
  readonly device: DeviceId | null
  readonly bytes: Uint8Array
}

export type BatchOutcome =
  | {
      readonly kind: 'stored'
      readonly device: DeviceId
      readonly from: number
      readonly to: number
      readonly gap: NamedGap | null
    }
  | { readonly kind: 'held'; readonly device: DeviceId }
  | {
      readonly kind: 'quarantined'
      readonly device: DeviceId | null
      readonly reason: QuarantineReason
      readonly message: string
    }

export async function processBatch(
  tx: Transaction,
  work: {
    readonly tenant: TenantId
    readonly batch: readonly Incoming[]
    readonly known: ReadonlyMap<DeviceId, KnownDevice | null>
    readonly applyWrite: ApplyWrite
    /** The stream's moment of creation. */
    readonly created: string
    /** Messages whose writes have failed too often. */
    readonly hopeless: ReadonlySet<number>
  },
): Promise<readonly BatchOutcome[]> {
  const { tenant } = work
  const outcomes: BatchOutcome[] = []
  const watermarks = new Map<DeviceId, Watermark>()
  for (const incoming of work.batch) {
    const { device } = incoming
    const known = device === null ? null : (work.known.get(device) ?? null)
    const held = device === null ? NOTHING : (watermarks.get(device) ?? (await heldOf(tx, tenant, device)))
    const verdict = work.hopeless.has(incoming.seq)
      ? HOPELESS
      : await judge({
          bytes: incoming.bytes,
          named: device,
          device: known,
          held,
          hashAt: async (seq) => (device === null ? null : hashAt(tx, { tenant, device }, seq)),
        })
    const outcome = await carryOut(tx, { tenant, incoming, known, verdict, applyWrite: work.applyWrite })
    if (verdict.kind === 'store' && device !== null)
      watermarks.set(device, { seq: verdict.segment.seal.to, hash: verdict.segment.seal.head })
    outcomes.push(outcome)
  }
  if (outcomes.some(({ kind }) => kind === 'quarantined')) await boundQuarantine(tx, tenant)
  const last = work.batch.at(-1)
  if (last !== undefined) await moveCursor(tx, tenant, { created: work.created, seq: last.seq })
  return outcomes
}

const NOTHING: Watermark = { seq: 0, hash: '' }
const HOPELESS: Verdict = {
  kind: 'refuse',
  reason: 'apply_failed',
  message: 'a write in it could not be applied; the centre’s log says why',
}

async function carryOut(
  tx: Transaction,
  step: {
    readonly tenant: TenantId
    readonly incoming: Incoming
    readonly known: KnownDevice | null
    readonly verdict: Verdict
    readonly applyWrite: ApplyWrite
  },
): Promise<BatchOutcome> {
  const { tenant, incoming, known, verdict } = step
  // With the subject: the same bytes on another device's subject are another misdeed.
  const digest = sha256Hex(Buffer.concat([Buffer.from(`${incoming.subject}\n`), incoming.bytes]))
  if (verdict.kind === 'refuse' || known === null) {
    const { reason, message } = verdict.kind === 'refuse' ? verdict : UNKNOWN
    const { device, subject, bytes } = incoming
    await quarantine(tx, { tenant, device, subject, digest, bytes, reason, message })
    return { kind: 'quarantined', device, reason, message }
  }
  const { device, site } = known
  if (verdict.kind === 'held') return { kind: 'held', device }
  await storeRun(tx, { tenant, device }, verdict)
  for (const { id, body } of verdict.records) {
    if (body.kind !== 'write') continue
    try {
      await step.applyWrite(tx, { tenant, site, device }, { id, body })
    } catch (cause) {
      throw new ApplyFailed(incoming.seq, id, cause)
    }
  }
  await settle(tx, tenant, digest)
  const from = verdict.records[0]?.seq ?? verdict.segment.seal.from
  return { kind: 'stored', device, from, to: verdict.segment.seal.to, gap: verdict.gap }
}

const UNKNOWN = { reason: 'unknown_device', message: 'no such device is enrolled' } as const
