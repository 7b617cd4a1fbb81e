import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_CHAIN,
  planTransfer,
  type DeltaOffer,
  type TransferGround,
} from '../../../rollout/delta/transfer.ts'

const offer = (base: string, target: string, sizeBytes: number): DeltaOffer => ({
  baseSha256: base,
  targetSha256: target,
  sha256: `${base}>${target}:${sizeBytes}`,
  sizeBytes,
})
const ground = (change: Partial<TransferGround>): TransferGround => ({
  target: { sha256: 'd', sizeBytes: 1_000 },
  held: new Set(['a']),
  offers: [],
  link: 'unmetered',
  allowsFullOnMetered: false,
  ...change,
})

describe('what is moved to a device', () => {
  it('nothing, when the device holds the file', () => {
    expect(planTransfer(ground({ held: new Set(['d']) }))).toEqual({ kind: 'held' })
  })

  it('one delta before a longer chain that costs more, and a chain before a delta that costs more', () => {
    const direct = offer('a', 'd', 400)
    const chain = [offer('a', 'b', 150), offer('b', 'd', 200)]
    expect(planTransfer(ground({ offers: [direct, ...chain] }))).toEqual({
      kind: 'deltas',
      chain,
      moveBytes: 350,
    })
    const cheaper = offer('a', 'd', 300)
    expect(planTransfer(ground({ offers: [cheaper, ...chain] }))).toEqual({
      kind: 'deltas',
      chain: [cheaper],
      moveBytes: 300,
    })
  })

  it('the full file where deltas are no smaller', () => {
    expect(planTransfer(ground({ offers: [offer('a', 'd', 1_000)] }))).toEqual({
      kind: 'full',
      moveBytes: 1_000,
    })
  })

  it('never the full file over a metered link, unless the policy says so', () => {
    for (const offers of [[], [offer('a', 'd', 5_000)], [offer('z', 'd', 5)]]) {
      const plan = planTransfer(ground({ link: 'metered', offers }))
      expect(plan).toEqual({ kind: 'wait', reason: 'full_file_on_metered_link', moveBytes: 1_000 })
      expect(planTransfer(ground({ link: 'metered', offers, allowsFullOnMetered: true })).kind).toBe('full')
    }
    expect(planTransfer(ground({ link: 'metered', offers: [offer('a', 'd', 5)] })).kind).toBe('deltas')
  })

  it('what came already counts: the rest of a file may be less than a fresh delta', () => {
    const offers = [offer('a', 'd', 300)]
    expect(planTransfer(ground({ offers, fetchedBytes: new Map([['d', 900]]) }))).toEqual({
      kind: 'full',
      moveBytes: 100,
    })
    expect(planTransfer(ground({ offers, fetchedBytes: new Map([['a>d:300', 250]]) }))).toMatchObject({
      kind: 'deltas',
      moveBytes: 50,
    })
  })

  it('circles and offers from nothing held lead nowhere', () => {
    const offers = [offer('b', 'c', 1), offer('c', 'b', 1), offer('c', 'd', 1), offer('d', 'd', 0)]
    expect(planTransfer(ground({ offers })).kind).toBe('full')
  })

  it('any chain leads from something held to the target, and none of the offers would have been cheaper by itself', () => {
    const node = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const anyOffer = fc
      .tuple(node, node, fc.nat(1_500))
      .map(([base, target, size]) => offer(base, target, size))
    fc.assert(
      fc.property(fc.array(anyOffer, { maxLength: 30 }), fc.uniqueArray(node), (offers, held) => {
        const plan = planTransfer(ground({ offers, held: new Set(held), link: 'metered' }))
        const single = Math.min(
          ...offers
            .filter((one) => held.some((name) => name === one.baseSha256) && one.targetSha256 === 'd')
            .map((one) => one.sizeBytes),
        )
        if (held.includes('d')) expect(plan.kind).toBe('held')
        else if (plan.kind === 'deltas') {
          expect(plan.chain.length).toBeLessThanOrEqual(MAX_CHAIN)
          expect(held.some((name) => name === plan.chain[0]?.baseSha256)).toBe(true)
          plan.chain.forEach((one, at) =>
            expect(one.targetSha256).toBe(plan.chain[at + 1]?.baseSha256 ?? 'd'),
          )
          expect(plan.moveBytes).toBeLessThanOrEqual(single)
        } else {
          expect(plan.kind).toBe('wait')
          expect(single).toBeGreaterThanOrEqual(1_000)
        }
      }),
    )
  })
})
