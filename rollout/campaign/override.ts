/**
 * What a person signs who lets a ring pass although its gates hold: a DSSE envelope over the plan, the ring and what the gates
 * said then, so that nobody can say later that more was known.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import { digestOf } from '../../shared/digest.ts'
import type { Sha256Hex } from '../../shared/ids.ts'
import type { Json } from '../../shared/json.ts'
import type { KeyPair, PublicKey } from '../../shared/signing/ed25519.ts'
import { openEnvelope, signEnvelope, type Envelope } from '../../shared/signing/envelope.ts'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { GateVerdict } from '../gates/judge.ts'

const OVERRIDE_PAYLOAD_TYPE = 'application/vnd.starling.rollout-override.v1+json'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const StatementSchema = v.strictObject({
  v: v.literal(1),
  campaign: v.pipe(v.string(), v.maxLength(100)),
  planDigest: Hash,
  ring: v.pipe(v.string(), v.maxLength(100)),
  verdictDigest: Hash,
  decision: v.literal('promote'),
  reason: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
})
export type OverrideStatement = Omit<v.InferOutput<typeof StatementSchema>, 'v' | 'decision'>

/** By which a verdict is named, to the last digit of its evidence. */
export function verdictDigest(verdict: GateVerdict): Sha256Hex {
  return digestOf(verdict as unknown as Json)
}

export function signOverride(said: OverrideStatement, signer: KeyPair): Envelope {
  const statement = { v: 1, decision: 'promote', ...said } as const
  return signEnvelope(OVERRIDE_PAYLOAD_TYPE, canonicalBytes(statement), [signer])
}

/** Throws `BadEnvelope` unless `key` signed it, `MalformedMessage` where that is no override. */
export function openOverride(envelope: unknown, key: PublicKey): OverrideStatement {
  const trust = { payloadType: OVERRIDE_PAYLOAD_TYPE, keys: [key], threshold: 1 }
  const {
    v: _version,
    decision: _decision,
    ...said
  } = decodeJson(StatementSchema, openEnvelope(envelope, trust))
  return said
}
