/**
 * What each of two people signs before a halted campaign goes on (SPEC.md, R3): a DSSE envelope over the plan and over this one halt,
 * named by its generation, so that nobody's word for an earlier halt is a word for a later one.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import type { KeyPair, PublicKey } from '../../shared/signing/ed25519.ts'
import { openEnvelope, signEnvelope, type Envelope } from '../../shared/signing/envelope.ts'
import { decodeJson } from '../../shared/wire/answer.ts'

const RESUMPTION_PAYLOAD_TYPE = 'application/vnd.starling.rollout-resumption.v1+json'

const StatementSchema = v.strictObject({
  v: v.literal(1),
  campaign: v.pipe(v.string(), v.maxLength(100)),
  planDigest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Of the direction that the halt gave. */
  generation: v.pipe(v.number(), v.integer(), v.minValue(0)),
  decision: v.literal('resume'),
})
export type ResumptionStatement = Omit<v.InferOutput<typeof StatementSchema>, 'v' | 'decision'>

export function signResumption(said: ResumptionStatement, signer: KeyPair): Envelope {
  const statement = { v: 1, decision: 'resume', ...said } as const
  return signEnvelope(RESUMPTION_PAYLOAD_TYPE, canonicalBytes(statement), [signer])
}

/** Throws `BadEnvelope` unless `key` signed it, `MalformedMessage` where that is no resumption. */
export function openResumption(envelope: unknown, key: PublicKey): ResumptionStatement {
  const trust = { payloadType: RESUMPTION_PAYLOAD_TYPE, keys: [key], threshold: 1 }
  const { campaign, planDigest, generation } = decodeJson(StatementSchema, openEnvelope(envelope, trust))
  return { campaign, planDigest, generation }
}
