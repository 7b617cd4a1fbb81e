/**
 * Whether a segment may be stored: subject, device, key, seal, chain and schema, in this order, and what it means against how
 * far the device's journal is held. Decides without touching anything.
 */
import { ChainBroken, verifySeal } from '../../shared/journal/seal.ts'
import type { JournalRecord } from '../../shared/journal/record.ts'
import type { DeviceId, SiteId } from '../../shared/ids.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { QuarantineReason } from '../../shared/wire/receipt.ts'
import { BadSegment, decodeSegment, type Segment } from '../../shared/wire/segment.ts'

/** How far a device's journal is held. */
export interface Watermark {
  readonly seq: number
  readonly hash: string
}

/** A device that is enrolled and not revoked. */
export interface KnownDevice {
  readonly device: DeviceId
  readonly site: SiteId
  readonly key: PublicKey
}

export interface NamedGap {
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly recordId: string
}

export type Verdict =
  /** The records that are new, which follow on the watermark, or on a gap that the device has signed. */
  | {
      readonly kind: 'store'
      readonly segment: Segment
      readonly records: readonly JournalRecord[]
      readonly gap: NamedGap | null
    }
  /** All of it is held already, the same: a sender that was unsure. */
  | { readonly kind: 'held' }
  | { readonly kind: 'refuse'; readonly reason: QuarantineReason; readonly message: string }

export interface Arrival {
  readonly bytes: Uint8Array
  /** From the subject; null when the subject names none. */
  readonly named: DeviceId | null
  readonly device: KnownDevice | null
  readonly held: Watermark
  /** The stored hash at a sequence number, for what overlaps. */
  hashAt(seq: number): Promise<string | null>
}

export async function judge(arrival: Arrival): Promise<Verdict> {
  const { device, named } = arrival
  const opened = open(arrival.bytes)
  if ('kind' in opened) return opened
  if (named === null || device === null)
    return refuse('unknown_device', 'no enrolled device may send on this subject')
  const { seal, records } = opened
  if (seal.origin !== named) return refuse('wrong_device', `it is sealed for ${seal.origin}`)
  const fault = faultOf(opened, device.key)
  if (fault !== null) return fault
  const { held } = arrival
  if (seal.to <= held.seq)
    return (await arrival.hashAt(seal.to)) === seal.head
      ? { kind: 'held' }
      : refuse('replayed', `records ${seal.from} to ${seal.to} are held already, and differ`)
  if (seal.from > held.seq + 1) return beyond(opened, held, device.key)
  // What overlaps must be the very same; then only the rest is new.
  const before = records.find(({ seq }) => seq === held.seq + 1)?.prev
  if (before !== held.hash)
    return refuse('broken_chain', `record ${held.seq + 1} does not follow on the one held`)
  return { kind: 'store', segment: opened, records: records.filter(({ seq }) => seq > held.seq), gap: null }
}

/** A segment that leaves records out: taken only with a gap record, signed in its own run, that names just these. */
function beyond(segment: Segment, held: Watermark, key: PublicKey): Verdict {
  const missing = { from: held.seq + 1, to: segment.seal.from - 1 }
  const words = `records ${missing.from} to ${missing.to} have not come`
  const { gapRun } = segment
  if (gapRun === null) return refuse('gap', words)
  if (gapRun.seal.origin !== segment.seal.origin) return refuse('wrong_device', 'its gap is another device’s')
  const fault = faultOf(gapRun, key)
  if (fault !== null) return fault
  for (const { body, id } of gapRun.records) {
    if (body.kind !== 'gap' || body.from > missing.from || body.to < missing.to) continue
    const gap = { ...missing, reason: body.reason, recordId: id }
    return { kind: 'store', segment, records: segment.records, gap }
  }
  return refuse('gap', `${words}, and the gap that it names is another`)
}

function open(bytes: Uint8Array): Segment | Extract<Verdict, { kind: 'refuse' }> {
  try {
    return decodeSegment(bytes)
  } catch (thrown) {
    if (thrown instanceof BadSegment) return refuse(thrown.fault, thrown.message)
    throw thrown
  }
}

function faultOf(
  run: Pick<Segment, 'seal' | 'records'>,
  key: PublicKey,
): Extract<Verdict, { kind: 'refuse' }> | null {
  try {
    verifySeal(run.seal, run.records, key)
    return null
  } catch (thrown) {
    if (!(thrown instanceof ChainBroken)) throw thrown
    const reason =
      thrown.fault === 'forged_seal'
        ? 'forged_seal'
        : thrown.fault === 'wrong_origin'
          ? 'wrong_device'
          : 'broken_chain'
    return refuse(reason, thrown.message)
  }
}

function refuse(reason: QuarantineReason, message: string): Extract<Verdict, { kind: 'refuse' }> {
  return { kind: 'refuse', reason, message: message.slice(0, 500) }
}
