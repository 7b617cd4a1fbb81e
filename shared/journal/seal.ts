/**
 * A seal: the device's signature under a run of consecutive records. It binds the run's ends to the chain and its records
 * to an RFC 6962 root, so that one record can be shown to a third party without the others.
 */
import * as v from 'valibot'
import { leafHash, merkleRoot } from '../audit/merkle.ts'
import { canonicalBytes } from '../canonical.ts'
import { sha256Hex } from '../digest.ts'
import { StarlingError } from '../errors.ts'
import { verifySignature, type KeyPair, type PublicKey } from '../signing/ed25519.ts'
import { preAuthEncoding } from '../signing/envelope.ts'
import { GENESIS_HASH, type JournalRecord } from './record.ts'

export const SEAL_PAYLOAD_TYPE = 'application/vnd.starling.seal.v1+json'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Sequence = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER))

export const SealSchema = v.strictObject({
  v: v.literal(1),
  origin: v.pipe(v.string(), v.maxLength(40)),
  from: Sequence,
  to: Sequence,
  /** Hash of the record before `from`. */
  prev: Hash,
  /** Hash of the record `to`. */
  head: Hash,
  root: Hash,
  at: v.pipe(v.string(), v.maxLength(30)),
  keyid: Hash,
  /** Ed25519 over the DSSE encoding of the canonical bytes of all the rest; base64. */
  signature: v.pipe(v.string(), v.maxLength(100)),
})
export type Seal = v.InferOutput<typeof SealSchema>

export type ChainFault =
  | 'empty'
  | 'edited'
  | 'broken_link'
  | 'out_of_order'
  | 'deleted'
  | 'cut_off'
  | 'payload'
  | 'wrong_origin'
  | 'seal_mismatch'
  | 'forged_seal'

/** Names the first place where a run of records does not hold. */
export class ChainBroken extends StarlingError {
  override readonly code = 'chain_broken'
  readonly fault: ChainFault
  readonly seq: number

  constructor(fault: ChainFault, seq: number, why: string) {
    super(`the chain does not hold at record ${seq}: ${why}`, {
      remedy: 'Keep the data as it is and have it examined: somebody or something changed it.',
      details: { fault, seq },
    })
    this.fault = fault
    this.seq = seq
  }
}

/** Signs a run of consecutive records; `records` is not empty and in order. */
export function sealOf(records: readonly JournalRecord[], key: KeyPair, at: string): Seal {
  const [first] = records
  const last = records.at(-1)
  if (first === undefined || last === undefined) throw new RangeError('nothing to seal')
  const body = {
    v: 1 as const,
    origin: first.origin,
    from: first.seq,
    to: last.seq,
    prev: first.prev,
    head: last.hash,
    root: rootOf(records),
    at,
    keyid: key.publicKey.id,
  }
  const signature = key.sign(preAuthEncoding(SEAL_PAYLOAD_TYPE, canonicalBytes(body)))
  return { ...body, signature: Buffer.from(signature).toString('base64') }
}

/**
 * Checks a run under its seal: every record's own hash, the links between them, the ends, the root and the signature.
 * Throws {@link ChainBroken}. That the run follows on what is already held is the caller's to check, by `seal.prev`.
 */
export function verifySeal(seal: Seal, records: readonly JournalRecord[], key: PublicKey): void {
  const [first] = records
  if (first === undefined) throw new ChainBroken('empty', seal.from, 'there are no records under the seal')
  if (!isSigned(seal, key))
    throw new ChainBroken('forged_seal', seal.from, 'the seal is not signed by its origin')
  let prev = seal.prev
  let seq = seal.from
  for (const record of records) {
    if (record.seq !== seq) throw new ChainBroken('out_of_order', seq, `record ${record.seq} stands there`)
    if (record.origin !== seal.origin)
      throw new ChainBroken('wrong_origin', seq, `it is from ${record.origin}`)
    verifyRecord(record, prev)
    prev = record.hash
    seq += 1
  }
  if (seq !== seal.to + 1 || prev !== seal.head || rootOf(records) !== seal.root)
    throw new ChainBroken('seal_mismatch', seal.to, 'the records are not the ones that were sealed')
}

/** Checks one record's hash and its link. Throws {@link ChainBroken}. */
export function verifyRecord(record: JournalRecord, prev: string): void {
  if (hashOf(record) !== record.hash)
    throw new ChainBroken('edited', record.seq, 'its content is not what its hash says')
  if (record.prev !== prev)
    throw new ChainBroken('broken_link', record.seq, 'it does not follow the record before')
  if (record.seq === 1 && record.prev !== GENESIS_HASH)
    throw new ChainBroken('broken_link', 1, 'the first record does not begin the chain')
}

/** SHA-256 of the record's canonical bytes without `hash`. */
export function hashOf(record: Omit<JournalRecord, 'hash'> & { readonly hash?: string }): string {
  const { hash: _own, ...rest } = record
  return sha256Hex(canonicalBytes(rest))
}

export function isSigned(seal: Seal, key: PublicKey): boolean {
  const { signature, ...body } = seal
  if (seal.keyid !== key.id) return false
  const message = preAuthEncoding(SEAL_PAYLOAD_TYPE, canonicalBytes(body))
  return verifySignature(key, message, Buffer.from(signature, 'base64'))
}

function rootOf(records: readonly JournalRecord[]): string {
  return Buffer.from(merkleRoot(records.map(({ hash }) => leafHash(Buffer.from(hash, 'hex'))))).toString(
    'hex',
  )
}
