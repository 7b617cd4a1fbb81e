import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryContext, searchContext } from '../../../edge-agent/context/questions.ts'
import {
  checkVector,
  sameStamp,
  type StampedVector,
  type VectorStamp,
} from '../../../edge-agent/embedding/stamp.ts'
import type { Sha256Hex } from '../../../shared/ids.ts'
import type { Principal } from '../../../shared/kernel/contract.ts'
import { document, edge, node, stage, type Stage } from './stage.ts'

const signal = new AbortController().signal
const NORTH: Principal = { kind: 'person', id: 'nora', roles: ['technician', 'north'] }
const SOUTH: Principal = { kind: 'person', id: 'saul', roles: ['technician', 'south'] }
const WORDS = ['pump', 'seal', 'bearing', 'grinding', 'drips', 'isolate', 'boiler', 'noise']
const QUESTIONS = [
  'grinding noise',
  'the seal drips',
  'isolate the boiler',
  'pump bearing',
  'zzz',
  'what is loud',
]
const DOCUMENTS = 30

let at: Stage
beforeAll(async () => {
  at = await stage()
})
afterAll(async () => await at.close())

/** Everything that a caller gets to see. */
async function seen(who: Principal) {
  const found = []
  for (const words of QUESTIONS)
    found.push((await searchContext(at.asked(who), { words, limit: 20, asOf: null })).found)
  const asked = { where: {}, limit: 100, asOf: null }
  const { provenance: _rows, ...rows } = await queryContext(at.asked(who), {
    ...asked,
    of: 'document',
    hops: null,
  })
  const { provenance: _graph, ...graph } = await queryContext(at.asked(who), { ...asked, of: 'hub', hops: 2 })
  return { found, rows, graph }
}

async function put(site: 'north' | 'south', isThere: boolean): Promise<void> {
  const readers = [site]
  for (let number = 0; number < DOCUMENTS; number++) {
    const words = [0, 1, 2, 3].map(
      (step) => WORDS[(number * 3 + step * (site === 'north' ? 1 : 5)) % WORDS.length],
    )
    const title = `${words[0]} of the ${site} ${number}`
    await at.put(
      'document',
      `${site}-${number}`,
      isThere ? document(title, `${words.join(' ')}.`, { readers }) : null,
    )
    await at.put('node', `${site}-n${number}`, isThere ? node(`${site}-n${number}`, { readers }) : null)
    await at.put(
      'edge',
      `${site}-e${number}`,
      isThere ? edge('hub', 'owns', `${site}-n${number}`, { readers }) : null,
    )
  }
  await at.index.round(signal)
}

describe('two callers with nothing in common', () => {
  it('get nothing in common, and each the same, scores and counts too, as if the other’s rows were not there', async () => {
    await at.put('node', 'hub', node('hub'))
    await put('north', true)
    const alone = await seen(NORTH)
    expect(alone.found.flat().length).toBeGreaterThan(20)
    await put('south', true)
    const [north, south] = [await seen(NORTH), await seen(SOUTH)]
    expect(north).toEqual(alone)
    const keys = ({ found }: typeof north) => new Set(found.flat().map(({ key }) => key))
    expect(keys(south).size).toBeGreaterThan(20)
    expect([...keys(south)].filter((key) => keys(north).has(key))).toEqual([])
    const nodes = ({ graph }: typeof north) =>
      graph.kind === 'graph' ? graph.nodes.map((one) => one.node) : []
    expect(nodes(north).filter((id) => nodes(south).includes(id))).toEqual(['hub'])
    await put('north', false)
    expect(await seen(SOUTH)).toEqual(south)
  }, 60_000)
})

describe('vectors', () => {
  const stamp: fc.Arbitrary<VectorStamp> = fc.record({
    model: fc.constantFrom('a', 'b', 'c').map((letter) => letter.repeat(64) as Sha256Hex),
    dimension: fc.constantFrom(2, 3),
    norm: fc.constant('unit' as const),
    schema: fc.constantFrom(1, 2),
  })
  /** Of length 1 and of the stamp's dimension, so that only the stamp tells them apart. */
  const vector = ({ dimension, ...rest }: VectorStamp): StampedVector => ({
    stamp: { dimension, ...rest },
    values: Float32Array.from({ length: dimension }, (_, index) => (index === 0 ? 1 : 0)),
  })

  it('are compared with those of their own model, dimension and way alone, whatever was put beside them', () => {
    let refused = 0
    fc.assert(
      fc.property(stamp, stamp, (mine, theirs) => {
        const isSame = JSON.stringify(mine) === JSON.stringify(theirs)
        expect(sameStamp(mine, theirs)).toBe(isSame)
        const compare = (): void => checkVector(vector(mine), theirs)
        if (isSame) {
          expect(compare).not.toThrow()
          return
        }
        refused += 1
        expect(compare).toThrow(expect.objectContaining({ code: 'vector_refused' }) as Error)
      }),
      { numRuns: 1_000 },
    )
    expect(refused).toBeGreaterThan(500)
  })
})
