/** Keys and thresholds: which signatures over a message count, and how often. */
import { BadKey, isSmallOrder } from '../../shared/signing/ed25519.ts'
import {
  loadEcdsaP256,
  loadEd25519,
  loadRsaPss,
  type VerificationKey,
} from '../../shared/signing/verification-key.ts'
import type { Json } from '../../shared/json.ts'
import { Fields } from './fields.ts'
import { TufRefused } from './refused.ts'

/** What a metadata file says of one key; it is loaded when it is first needed. */
export interface TufKey {
  readonly keytype: string
  readonly scheme: string
  readonly publicText: string
}

/** Who signs for a role: at least `threshold` different keys out of `keyIds`. */
export interface Signers {
  readonly keyIds: readonly string[]
  readonly threshold: number
  readonly keys: ReadonlyMap<string, TufKey>
}

const LOADERS: ReadonlyMap<string, (publicText: string) => VerificationKey> = new Map([
  ['ed25519/ed25519', loadEd25519],
  ['ecdsa/ecdsa-sha2-nistp256', loadEcdsaP256],
  ['ecdsa-sha2-nistp256/ecdsa-sha2-nistp256', loadEcdsaP256],
  ['rsa/rsassa-pss-sha256', loadRsaPss],
])
const HEX = /^(?:[0-9a-f]{2})+$/i

/** Reads a `keys` object. Unknown kinds stay, and never count; a small-order Ed25519 key refuses the file. */
export function readKeys(fields: Fields, role: string): ReadonlyMap<string, TufKey> {
  return new Map(fields.members().map(([id, value]) => [id, readKey(value, role, `key ${id}`)]))
}

function readKey(value: Json, role: string, where: string): TufKey {
  const fields = new Fields(value, role, where)
  const keytype = fields.text('keytype')
  const scheme = fields.text('scheme')
  const keyval = fields.fields('keyval')
  // A kind that we do not know may carry its value under another name.
  const publicText = keyval.has('public') ? keyval.text('public') : ''
  if (keytype === 'ed25519' && HEX.test(publicText) && isSmallOrder(Buffer.from(publicText, 'hex')))
    throw new TufRefused('weak_key', role, `${where} is of small order`)
  return { keytype, scheme, publicText }
}

/** Reads `keyids` and `threshold`. A repeated key id refuses the file: it can only be there to look like more signers. */
export function readSigners(fields: Fields, keys: ReadonlyMap<string, TufKey>): Signers {
  const keyIds = fields.texts('keyids')
  if (new Set(keyIds).size !== keyIds.length) throw fields.bad('keyids', 'a list with a repeated id')
  return { keyIds, threshold: fields.integer('threshold', 1), keys }
}

/**
 * How many different keys of `signers` signed `message`. A signature that is empty, damaged, or by an unknown kind of key
 * does not count; one key under two ids counts once.
 */
export function countSigners(
  signers: Signers,
  message: Uint8Array,
  signatures: ReadonlyMap<string, string>,
): number {
  const counted = new Set<string>()
  for (const id of signers.keyIds) {
    const signature = signatures.get(id)
    const key = signature !== undefined && HEX.test(signature) ? load(signers.keys.get(id)) : undefined
    if (key === undefined || signature === undefined) continue
    if (key.verifies(message, Buffer.from(signature, 'hex'))) counted.add(key.identity)
  }
  return counted.size
}

function load(key: TufKey | undefined): VerificationKey | undefined {
  const loader = key === undefined ? undefined : LOADERS.get(`${key.keytype}/${key.scheme}`)
  if (key === undefined || loader === undefined) return undefined
  try {
    return loader(key.publicText)
  } catch (thrown) {
    // A key that cannot verify signs nothing; the threshold decides whether the role can do without it.
    if (thrown instanceof BadKey) return undefined
    throw thrown
  }
}
