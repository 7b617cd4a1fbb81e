import { describe, expect, test } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { wordGraphOf } from '../../../edge-agent/grammar/net.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'

const netOf = (slot: string) =>
  compileDomain(
    parseDomain(`domain: x\nslots: { n: { ${slot} } }\nintents: { a: { templates: ["set it to {n}"] } }\n`),
    { assets: [], parts: [], workOrders: [] },
  )
const read = (slot: string, said: string): unknown =>
  new TextMatcher(netOf(slot)).match(wordsOf(`set it to ${said}`))?.slots['n']

describe('a range of numbers', () => {
  test.each([
    ['type: number, from: -5, to: 110', 'minus three', -3],
    ['type: number, from: -5, to: 110', 'one hundred and five', 105],
    ['type: number, from: -5, to: 110', 'sixty two point five', 62.5],
    ['type: number, from: -5, to: 110', '99.5', 99.5],
    ['type: number, from: 1, to: 50000', 'twelve thousand', 12_000],
    ['type: count, from: 1, to: 8', 'a', 1],
    ['type: count, from: 1, to: 8', 'eight', 8],
    ['type: digits, length: 4', 'four two zero seven', '4207'],
    ['type: digits, length: { from: 3, to: 4 }', 'four twenty seven', '427'],
  ])('%s takes “%s”', (slot, said, value) => {
    expect(read(slot, said)).toBe(value)
  })

  test.each([
    ['type: number, from: -5, to: 110', 'minus six'],
    ['type: number, from: -5, to: 110', 'one hundred and ten point five'],
    ['type: number, from: -5, to: 110', '111'],
    ['type: number, from: 1, to: 50000', 'ninety thousand'],
    ['type: count, from: 2, to: 8', 'a'],
    ['type: count, from: 1, to: 8', 'three point five'],
    ['type: digits, length: 4', 'four two zero'],
  ])('%s refuses “%s”', (slot, said) => {
    expect(read(slot, said)).toBeUndefined()
  })

  test('that is small is all that is heard', () => {
    const words = new Set(wordGraphOf(netOf('type: count, from: 2, to: 8')).arcs.map(({ word }) => word))
    expect(words).toContain('seven')
    expect(words).not.toContain('nine')
    expect(words).not.toContain('hundred')
  })
})
