import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PACK_KINDS, packContext, type PackItem } from '../../../edge-agent/turn/context-pack.ts'

const items = fc.uniqueArray(
  fc.record({
    kind: fc.constantFrom(...PACK_KINDS),
    id: fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed()),
    rank: fc.nat(5),
    text: fc.string({ maxLength: 300, unit: 'grapheme' }),
    sources: fc.constant([{ system: 's', record: 'r' }]),
  }),
  { selector: ({ kind, id }) => `${kind} ${id}`, maxLength: 30 },
)

it('gives the same bytes for the same items in whatever order, never more than the budget, and whole items only', () => {
  fc.assert(
    fc.property(
      items,
      fc.integer({ min: 20, max: 4_096 }),
      fc.infiniteStream(fc.nat()),
      (given, budget, keys) => {
        const pack = packContext(given, budget)
        const shuffled = given
          .map((item) => ({ item, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item)
        expect(packContext(shuffled, budget)).toEqual(pack)
        expect(Buffer.byteLength(pack.text)).toBe(pack.sizeBytes)
        expect(pack.sizeBytes).toBeLessThanOrEqual(budget)
        const { items: inText } = JSON.parse(pack.text) as { items: { id: string; text: string }[] }
        expect(inText.map(({ id }) => id)).toEqual(pack.items.map(({ id }) => id))
        for (const { id, text } of inText)
          expect(given.some((item) => item.id === id && item.text === text)).toBe(true)
        expect(pack.left).toBe(given.length - pack.items.length)
      },
    ),
    { numRuns: 200 },
  )
})

const item = (change: Partial<PackItem>): PackItem => ({
  kind: 'found',
  id: 'document/a#1',
  rank: 0,
  text: 'text',
  sources: [],
  ...change,
})

it('puts the work in hand before what was found, and takes a smaller item where a large one finds no room', () => {
  const pack = packContext(
    [
      item({ id: 'large', rank: 0, text: 'x'.repeat(400) }),
      item({ id: 'small', rank: 1 }),
      item({ kind: 'work_order', id: 'work_order/427' }),
    ],
    250,
  )
  expect(pack.items.map(({ id }) => id)).toEqual(['work_order/427', 'small'])
  expect(pack.left).toBe(1)
})

it('changes its digest with any byte of what it holds', () => {
  const [one, other] = ['text', 'texts'].map((text) => packContext([item({ text })], 500).digest)
  expect(one).not.toBe(other)
})

it('is empty, and within its budget, when nothing fits, and refuses a budget for less than that', () => {
  expect(packContext([item({ text: 'x'.repeat(100) })], 20)).toMatchObject({
    items: [],
    text: '{"items":[],"v":1}',
  })
  expect(() => packContext([], 3)).toThrow(RangeError)
})
