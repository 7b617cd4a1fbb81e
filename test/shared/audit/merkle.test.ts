import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inclusionProof, leafHash, merkleRoot, verifyInclusion } from '../../../shared/audit/merkle.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const entries = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 40 })

describe('Merkle trees', () => {
  it('give the roots of RFC 6962’s definition', () => {
    expect(hex(merkleRoot([]))).toBe(createHash('sha256').digest('hex'))
    const [a, b, c] = ['a', 'b', 'c'].map((text) => leafHash(Buffer.from(text)))
    if (a === undefined || b === undefined || c === undefined) throw new Error('three leaves')
    const node = (left: Uint8Array, right: Uint8Array) =>
      createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
    expect(hex(a)).toBe(createHash('sha256').update(Uint8Array.of(0)).update('a').digest('hex'))
    expect(hex(merkleRoot([a, b, c]))).toBe(hex(node(node(a, b), c)))
  })

  it('prove each entry, and no other', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(), (list, at, other) => {
        const leaves = list.map(leafHash)
        const index = at % leaves.length
        const root = merkleRoot(leaves)
        const proof = inclusionProof(leaves, index)
        const leaf = leaves[index]
        if (leaf === undefined) throw new Error('no leaf')
        expect(verifyInclusion({ leaf, index, size: leaves.length, root }, proof)).toBe(true)
        const wrong = leafHash(Buffer.from(`another ${other}`))
        expect(verifyInclusion({ leaf: wrong, index, size: leaves.length, root }, proof)).toBe(false)
        expect(verifyInclusion({ leaf, index: leaves.length, size: leaves.length, root }, proof)).toBe(false)
        expect(verifyInclusion({ leaf, index, size: leaves.length, root }, [...proof, leaf])).toBe(false)
      }),
    )
  })
})
