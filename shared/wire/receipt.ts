/**
 * A receipt: the centre's signed word on how far it holds a device's journal, verified and durable. A device forgets what it
 * has to send only up to a receipt whose signature and hash it has checked.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../canonical.ts'
import type { KeyPair, PublicKey } from '../signing/ed25519.ts'
import { openEnvelope, signEnvelope, EnvelopeSchema } from '../signing/envelope.ts'
import { decodeJson } from './answer.ts'

const RECEIPT_PAYLOAD_TYPE = 'application/vnd.starling.receipt.v1+json'

/** Why the centre did not take a segment. */
const QUARANTINE_REASONS = [
  'oversized',
  'malformed',
  'unknown_version',
  'unknown_device',
  'wrong_device',
  'forged_seal',
  'broken_chain',
  'replayed',
  'gap',
  'apply_failed',
] as const
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number]

export const ReceiptSchema = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.maxLength(40)),
  device: v.pipe(v.string(), v.maxLength(40)),
  /** Everything up to and including this record is stored; 0 for nothing. */
  seq: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** That record's hash; 64 zeros for 0. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  at: v.pipe(v.string(), v.maxLength(30)),
  /** What stands in the way, where something does. */
  problem: v.nullable(
    v.strictObject({
      reason: v.picklist(QUARANTINE_REASONS),
      message: v.pipe(v.string(), v.maxLength(500)),
    }),
  ),
})
export type Receipt = v.InferOutput<typeof ReceiptSchema>

/** The signed bytes, as told on `cmd.….receipt` and answered to `receipt.read`. */
export function signReceipt(receipt: Receipt, key: KeyPair): Uint8Array {
  const envelope = signEnvelope(RECEIPT_PAYLOAD_TYPE, canonicalBytes(receipt), [key])
  return new TextEncoder().encode(JSON.stringify(envelope))
}

/** Verifies, then parses. Throws BadEnvelope for a signature that is not the centre's, MalformedMessage for the rest. */
export function openReceipt(bytes: Uint8Array, centre: PublicKey): Receipt {
  const envelope = decodeJson(EnvelopeSchema, bytes)
  const payload = openEnvelope(envelope, {
    payloadType: RECEIPT_PAYLOAD_TYPE,
    keys: [centre],
    threshold: 1,
  })
  return decodeJson(ReceiptSchema, payload)
}
