import { expect, test } from 'vitest'
import { isSameGraph, packGraph } from '../../../edge-agent/domain-build/graph-file.ts'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain } from '../../../edge-agent/grammar/domain-file.ts'
import { wordGraphOf } from '../../../edge-agent/grammar/net.ts'
import { LAMPS } from './lamps.ts'

const graphOf = (text: string) =>
  wordGraphOf(compileDomain(parseDomain(text), { assets: [], parts: [], workOrders: [] }))

test('a packed graph is the same as its own and as no other', () => {
  const packed = packGraph(graphOf(LAMPS))
  expect(isSameGraph(packed, graphOf(LAMPS))).toBe(true)
  expect(isSameGraph(packed, graphOf(LAMPS.replace('make it dark', 'make it darker')))).toBe(false)
  expect(isSameGraph(packed.slice(0, -3), graphOf(LAMPS))).toBe(false)
  expect(isSameGraph(new Uint8Array([1, 2, 3]), graphOf(LAMPS))).toBe(false)
})
