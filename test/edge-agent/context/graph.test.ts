import { afterAll, beforeAll, expect, it } from 'vitest'
import { queryContext } from '../../../edge-agent/context/questions.ts'
import { document, edge, node, stage, SUPERVISOR, TECHNICIAN, type Stage } from '../search/stage.ts'

const signal = new AbortController().signal
let at: Stage

/** A line of eight with a ring at its end, an owner who changed, and a secret way across. */
beforeAll(async () => {
  at = await stage()
  for (let number = 1; number <= 8; number++) await at.put('node', `n${number}`, node(`p${number}`))
  for (let number = 1; number < 8; number++)
    await at.put('edge', `e${number}`, edge(`p${number}`, 'depends_on', `p${number + 1}`))
  await at.put('edge', 'ring', edge('p8', 'depends_on', 'p7'))
  await at.put('node', 'secret', node('vault', { dataClass: 'restricted' }))
  await at.put('edge', 'in', edge('p1', 'depends_on', 'vault'))
  await at.put('edge', 'out', edge('vault', 'depends_on', 'p8'))
  await at.put('node', 'amara', node('amara', { kind: 'person' }))
  await at.put('node', 'jonas', node('jonas', { kind: 'person' }))
  const change = '2026-03-01T00:00:00.000Z'
  const heard = '2026-04-01T00:00:00.000Z'
  // What was thought until the change was heard of, and what has been known since.
  await at.put('edge', 'o1', edge('amara', 'owns', 'p1', { retractedAt: heard }))
  await at.put('edge', 'o2', edge('amara', 'owns', 'p1', { validTo: change, recordedAt: heard }))
  await at.put('edge', 'o3', edge('jonas', 'owns', 'p1', { validFrom: change, recordedAt: heard }))
  await at.index.round(signal)
})
afterAll(async () => await at.close())

const query = async (of: string, change: object = {}, who = TECHNICIAN) =>
  await queryContext(at.asked(who), { of, where: {}, hops: null, limit: 100, asOf: null, ...change })
const around = async (of: string, change: object = {}, who = TECHNICIAN) => {
  const answer = await query(of, change, who)
  if (answer.kind !== 'graph') throw new Error('a node gives a graph')
  return answer
}

it('walks as many steps as were asked for, each node once, with sources', async () => {
  const { nodes, edges } = await around('p1', { hops: 3 })
  expect(nodes.map(({ node: id, hops }) => [id, hops])).toEqual([
    ['p1', 0],
    ['jonas', 1],
    ['p2', 1],
    ['p3', 2],
    ['p4', 3],
  ])
  expect(edges).toContainEqual({
    kind: 'owns',
    from: 'jonas',
    to: 'p1',
    properties: {},
    sources: [{ system: 'cmdb', record: 'jonas-p1' }],
  })
})

it('ends in a ring', async () => {
  expect((await around('p8', { hops: 6 })).nodes).toHaveLength(7)
})

it('says what held then as it was known then, and as it was known later', async () => {
  const owners = async (valid: string, known: string) =>
    (await around('p1', { asOf: { valid, known } })).nodes
      .filter(({ kind }) => kind === 'person')
      .map((n) => n.node)
  const march = '2026-03-15T00:00:00.000Z'
  expect(await owners(march, march)).toEqual(['amara'])
  expect(await owners(march, '2026-05-01T00:00:00.000Z')).toEqual(['jonas'])
  expect(await owners('2026-02-01T00:00:00.000Z', '2026-05-01T00:00:00.000Z')).toEqual(['amara'])
  expect(await owners('2025-01-01T00:00:00.000Z', march)).toEqual([])
})

it('goes no way through what the caller may not see, and does not tell that it is there', async () => {
  const { nodes, edges } = await around('p1', { hops: 2 })
  expect(nodes.map(({ node: id }) => id)).not.toContain('p8')
  expect(edges.flatMap(({ from, to }) => [from, to])).not.toContain('vault')
  expect((await around('vault')).nodes).toEqual((await around('nothing')).nodes)
})

it('gives rows of a table by their columns, and refuses columns that it has not', async () => {
  await at.put('document', 'd', document('Manual', 'Text.'))
  await at.put('document', 's', document('Salaries', 'Text.', { readers: ['supervisor'] }))
  const rows = async (of: string, where: object, who = TECHNICIAN) => {
    const answer = await query(of, { where }, who)
    return answer.kind === 'rows' ? answer.rows.map(({ key }) => key) : []
  }
  expect(await rows('node', { kind: 'person' })).toEqual(['amara', 'jonas'])
  expect(await rows('document', {})).toEqual(['d'])
  expect(await rows('document', {}, SUPERVISOR)).toEqual(['d', 's'])
  expect(await rows('document', { title: 'Salaries' })).toEqual([])
  await expect(rows('node', { 'kind" or true --': 'x' })).rejects.toMatchObject({ code: 'bad_context_query' })
})

it('refuses another time of a table that keeps none, steps from a table, and whom no rule permits', async () => {
  const asOf = { valid: '2026-03-01T00:00:00.000Z', known: '2026-03-01T00:00:00.000Z' }
  await expect(query('work_order', { asOf })).rejects.toMatchObject({ code: 'bad_context_query' })
  await expect(query('node', { hops: 2 })).rejects.toMatchObject({ code: 'bad_context_query' })
  const visitor = { kind: 'person', id: 'x', roles: ['visitor'] } as const
  await expect(query('person', {}, visitor)).rejects.toMatchObject({ code: 'denied' })
})
