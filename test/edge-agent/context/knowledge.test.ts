/** What people ask of the graph, over the rows that a centre of the sample site serves; and records of three systems joined by their keys. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinByKeys, type NodeRecord } from '../../../control-plane/context/identity-keys.ts'
import { sampleKnowledge } from '../../../control-plane/context/sample-knowledge.ts'
import { queryContext } from '../../../edge-agent/context/questions.ts'
import { EDGE_KINDS, NODE_KINDS } from '../../../shared/context/knowledge.ts'
import type { RowOf } from '../../../shared/context/tables.ts'
import { edge, node, stage, TECHNICIAN, type Stage } from '../search/stage.ts'

const signal = new AbortController().signal
let at: Stage
beforeAll(async () => {
  at = await stage()
  for (const { table, key, body } of sampleKnowledge()) await at.put(table, key, body as never)
  await at.index.round(signal)
})
afterAll(async () => await at.close())

async function around(of: string, hops: number) {
  const asked = { of, where: {}, hops, limit: 100, asOf: null }
  const answer = await queryContext(at.asked(TECHNICIAN), asked)
  if (answer.kind !== 'graph') throw new Error('a node gives a graph')
  return answer
}

describe('the graph of the sample site', () => {
  it('has people, processes, dependencies, ownership and rules', () => {
    for (const kind of ['person', 'process', 'rule'] as const) expect(NODE_KINDS).toContain(kind)
    for (const kind of ['depends_on', 'owns', 'governed_by', 'changed_by'] as const)
      expect(EDGE_KINDS).toContain(kind)
    const rows = sampleKnowledge()
    const kinds = new Set(
      rows.flatMap(({ table, body }) =>
        table === 'document' ? [] : [(body as RowOf<'node'>).kind as string],
      ),
    )
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'person',
        'process',
        'rule',
        'depends_on',
        'owns',
        'governed_by',
        'changed_by',
      ]),
    )
  })

  it('says who owns the north chiller, which three things it stands on, and by whom it was changed, each with its record', async () => {
    const { edges } = await around('asset-ch1', 3)
    const of = (kind: string, pick: (one: (typeof edges)[number]) => boolean) =>
      edges
        .filter((one) => one.kind === kind && pick(one))
        .map(({ from, to, sources }) => ({ from, to, sources }))
    const said = (system: string, record: string) => [{ system, record }]
    expect(of('owns', ({ to }) => to === 'asset-ch1')).toEqual([
      { from: 'team-cold', to: 'asset-ch1', sources: said('directory', 'team-cold/owns/asset-ch1') },
    ])
    const upstream = new Set(['asset-ch1'])
    for (let step = 0; step < 3; step++)
      for (const one of edges) if (one.kind === 'depends_on' && upstream.has(one.from)) upstream.add(one.to)
    upstream.delete('asset-ch1')
    expect([...upstream]).toEqual(['asset-ct1', 'asset-p205', 'asset-g1'])
    expect(of('depends_on', ({ from }) => from === 'asset-ch1' || upstream.has(from))).toEqual([
      { from: 'asset-ch1', to: 'asset-ct1', sources: said('maintenance', 'asset-ch1/depends_on/asset-ct1') },
      {
        from: 'asset-ct1',
        to: 'asset-p205',
        sources: said('maintenance', 'asset-ct1/depends_on/asset-p205'),
      },
      { from: 'asset-p205', to: 'asset-g1', sources: said('maintenance', 'asset-p205/depends_on/asset-g1') },
    ])
    expect(of('changed_by', ({ from }) => from === 'asset-ch1')).toEqual([
      {
        from: 'asset-ch1',
        to: 'person-mei',
        sources: said('maintenance', 'asset-ch1/changed_by/person-mei'),
      },
    ])
  })
})

describe('records of three systems', () => {
  const record = (
    system: string,
    id: string,
    properties: Readonly<Record<string, string | number>>,
  ): NodeRecord => ({
    system,
    node: { node: id, properties },
  })
  const keys = [
    { system: 'maintenance', property: 'plate', names: 'plate' },
    { system: 'scada', property: 'tag', names: 'plate' },
    { system: 'ledger', property: 'inventory', names: 'plate' },
    { system: 'maintenance', property: 'serial', names: 'serial' },
    { system: 'ledger', property: 'serialNumber', names: 'serial' },
  ]

  it('are one thing where their keys agree, by whatever key, and only there', () => {
    const records = [
      record('maintenance', 'm1', { plate: 'P-101', serial: 'A 77' }),
      record('maintenance', 'm2', { plate: 'P-102' }),
      record('maintenance', 'm3', { serial: 'B9' }),
      record('scada', 's1', { tag: 'p-101', plate: 'P-102' }),
      record('scada', 's2', { tag: 'P-1O2' }),
      record('ledger', 'l1', { inventory: 'P-101 ', serialNumber: 'a77' }),
      record('ledger', 'l3', { serialNumber: 'b9' }),
      record('wiki', 'w1', { plate: 'P-101' }),
    ]
    expect(joinByKeys(records, keys).map(({ from, to, names }) => [from, to, names])).toEqual([
      ['m1', 's1', 'plate'],
      ['m1', 'l1', 'plate'],
      ['m3', 'l3', 'serial'],
    ])
  })

  it('are not joined through a key that one system gave to two of its records, or through an empty one', () => {
    const records = [
      record('maintenance', 'm1', { plate: 'P-101' }),
      record('maintenance', 'm2', { plate: 'p-101' }),
      record('scada', 's1', { tag: 'P-101' }),
      record('ledger', 'l1', { inventory: ' ' }),
      record('scada', 's2', { tag: '' }),
    ]
    expect(joinByKeys(records, keys)).toEqual([])
  })

  it('answer three steps across all three: from a SCADA point to the cost centre of what the pump feeds', async () => {
    const records: readonly (readonly [
      system: string,
      id: string,
      properties: RowOf<'node'>['properties'],
    ])[] = [
      ['scada', 'point-9', { tag: 'X-9' }],
      ['maintenance', 'pump-9', { plate: 'X-9' }],
      ['maintenance', 'boiler-9', { plate: 'X-10' }],
      ['ledger', 'book-9', { inventory: 'X-10' }],
      ['ledger', 'book-8', { inventory: 'X-8' }],
    ]
    for (const [, id, properties] of records) await at.put('node', `three-${id}`, node(id, { properties }))
    const joined = joinByKeys(
      records.map(([system, id, properties]) => record(system, id, properties as never)),
      keys,
    )
    for (const { from, to } of joined)
      await at.put(
        'edge',
        `three-${from}-${to}`,
        edge(from, 'same_as', to, { sources: [{ system: 'keys', record: to }] }),
      )
    await at.put('edge', 'three-feeds', edge('boiler-9', 'depends_on', 'pump-9'))
    await at.index.round(signal)
    const { nodes, edges } = await around('point-9', 3)
    expect(nodes.map(({ node: id, hops }) => [id, hops])).toEqual([
      ['point-9', 0],
      ['pump-9', 1],
      ['boiler-9', 2],
      ['book-9', 3],
    ])
    expect(edges.map(({ from, kind, to }) => [from, kind, to])).toEqual([
      ['boiler-9', 'depends_on', 'pump-9'],
      ['boiler-9', 'same_as', 'book-9'],
      ['pump-9', 'same_as', 'point-9'],
    ])
  })

  it('are joined so in the sample site: the pump, its SCADA point and its line in the ledger', async () => {
    const { nodes } = await around('scada-fwp-1', 2)
    expect(nodes.map(({ node: id }) => id)).toEqual(expect.arrayContaining(['asset-p101', 'ledger-88213']))
  })
})
