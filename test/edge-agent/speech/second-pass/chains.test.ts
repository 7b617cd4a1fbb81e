/** Words as chains of their own: as many as there is room for, and what is not needed makes room. */
import { describe, expect, it } from 'vitest'
import { Chains } from '../../../../edge-agent/speech/second-pass/chains.ts'
import { treePaths } from '../../../../edge-agent/speech/second-pass/tree-paths.ts'
import { netOf } from './open-net.ts'

const net = netOf(['*'])
const paths = treePaths(net)
const ends = Array.from(net.endWord.keys())

function unitsOf(chains: Chains, end: number, frame: number): number[] {
  const { from, heads, inner, tails } = chains.chain(end, frame) ?? {
    from: 0,
    heads: [],
    inner: [],
    tails: [],
  }
  return Array.from({ length: heads.length + inner.length + tails.length }, (_, at) => from + at)
}

describe('chains', () => {
  it('lead from each head through the word to its last sounds, and to no other word', () => {
    const chains = new Chains(net, paths)
    const seen = new Set(chains.pauses)
    for (const end of ends.slice(0, 400)) {
      const { heads, inner, tails } = paths.path(end)
      const units = unitsOf(chains, end, 0)
      for (const unit of units) {
        expect(seen.has(unit)).toBe(false)
        seen.add(unit)
      }
      expect(units.map((unit) => chains.unitOf[unit])).toEqual([...heads, ...inner, ...tails])
      for (const [at, unit] of units.entries()) {
        const next = units.filter(
          (other) => other >= (chains.nextFrom[unit] ?? 0) && other < (chains.nextTo[unit] ?? 0),
        )
        const followed = next.map((other) => chains.unitOf[other])
        const place = at < heads.length ? 0 : at - heads.length + 1
        const expected =
          place < inner.length ? inner.slice(place, place + 1) : place === inner.length ? tails : []
        expect(followed).toEqual(expected)
      }
    }
  })

  it('are refused when all room is needed, and made again once some is not', () => {
    const chains = new Chains(net, paths)
    const made = ends.filter((end) => chains.chain(end, 1) !== undefined)
    expect(made.length).toBeGreaterThan(1_000)
    expect(made.length).toBeLessThan(ends.length)
    const refused = ends.filter((end) => !made.includes(end))
    expect(refused.every((end) => chains.chain(end, 1) === undefined)).toBe(true)
    // Two frames on none of the first is needed but those that are asked for again.
    const kept = made.slice(0, 3).map((end) => chains.chain(end, 3))
    const later = refused.slice(0, 500).map((end) => chains.chain(end, 3))
    expect(later.every((chain) => chain !== undefined)).toBe(true)
    expect(made.slice(0, 3).map((end) => chains.chain(end, 3))).toEqual(kept)
    const blocks = [...kept, ...later].flatMap((chain) => (chain === undefined ? [] : [chain]))
    blocks.sort((one, other) => one.from - other.from)
    for (const [at, chain] of blocks.entries())
      expect(chain.from + chain.room).toBeLessThanOrEqual(blocks[at + 1]?.from ?? chains.unitCount)
  })

  it('lose no room over time', () => {
    const chains = new Chains(net, paths)
    const count = (frame: number): number =>
      ends.filter((end) => chains.chain(end, frame) !== undefined).length
    const first = count(0)
    for (let frame = 3; frame < 30; frame += 3) count(frame)
    expect(count(30)).toBe(first)
  })
})
