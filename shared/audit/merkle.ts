/** Merkle trees as RFC 6962 (section 2.1) defines them: roots and inclusion proofs over lists of byte strings. */
import { createHash } from 'node:crypto'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export function leafHash(entry: Uint8Array): Uint8Array {
  return hash(LEAF, entry)
}

/** The root over leaf hashes; the hash of nothing for an empty list. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (only === undefined) return hash()
  if (leaves.length === 1) return only
  const k = split(leaves.length)
  return hash(NODE, merkleRoot(leaves.slice(0, k)), merkleRoot(leaves.slice(k)))
}

/** The audit path of leaf `index`, nearest sibling first. Throws RangeError when there is no such leaf. */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): readonly Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`no leaf ${index}`)
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...inclusionProof(leaves.slice(0, k), index), merkleRoot(leaves.slice(k))]
    : [...inclusionProof(leaves.slice(k), index - k), merkleRoot(leaves.slice(0, k))]
}

/** True when `proof` leads from `leaf` at `index` of `size` leaves to `root` (RFC 9162, section 2.1.3.2). */
export function verifyInclusion(
  claim: {
    readonly leaf: Uint8Array
    readonly index: number
    readonly size: number
    readonly root: Uint8Array
  },
  proof: readonly Uint8Array[],
): boolean {
  if (claim.index < 0 || claim.index >= claim.size) return false
  let at = claim.index
  let last = claim.size - 1
  let running = claim.leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      running = hash(NODE, sibling, running)
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2)
        last = Math.floor(last / 2)
      }
    } else running = hash(NODE, running, sibling)
    at = Math.floor(at / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && Buffer.from(running).equals(claim.root)
}

function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

function hash(...pieces: readonly Uint8Array[]): Uint8Array {
  const digest = createHash('sha256')
  for (const piece of pieces) digest.update(piece)
  return digest.digest()
}
