/** Local writes from the device to the centre and back, as edge-agent/context/SPEC.md promises: W1, W2, W3, W5. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { settlePerformer } from '../../../control-plane/context/settle.ts'
import { listQuarantined } from '../../../edge-agent/context/quarantine.ts'
import { findRow, listConflicts } from '../../../edge-agent/context/reads.ts'
import { settleWrites } from '../../../edge-agent/context/settlement.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'
import { openPair, type Pair } from './pair.ts'
import { carryUp, putCentre, tenant, WORK_ORDER, type SimulatedDevice } from './stage.ts'

let pair: Pair
let centre: Database
let one: SimulatedDevice
let other: SimulatedDevice
beforeAll(async () => {
  pair = await openPair()
  ;({ centre, one, other } = pair)
})
afterAll(async () => await pair.close())
beforeEach(async () => await pair.begin())

describe('W1: a local write is seen at once, and until the copy shows it', () => {
  it('lies over the copy, and goes from there with the row that carries it', async () => {
    await one.write('work_order', 'wo-1', { priority: 'urgent' })
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({
      body: { priority: 'urgent' },
      pending: true,
    })
    await pair.up(one)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ pending: true })
    await one.pull(centre)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({
      body: { priority: 'urgent' },
      pending: false,
    })
  })

  it('adds differences and items to what the copy has, and shows each once', async () => {
    await one.write('part', 'seal-9', { stock: -2 })
    await one.write('part', 'seal-9', { stock: -3 })
    await one.write('asset', 'pump-1', { aliases: ['the old one', 'big blue'] })
    await other.write('part', 'seal-9', { stock: -10 })
    await other.write('asset', 'pump-1', { aliases: ['Bertha'] })
    expect((await one.seen('part', 'seal-9'))?.body['stock']).toBe(35)
    expect((await one.seen('asset', 'pump-1'))?.body['aliases']).toEqual(['the old one', 'big blue'])
    await pair.up(other)
    await one.pull(centre)
    expect((await one.seen('part', 'seal-9'))?.body['stock']).toBe(25)
    await pair.up(one)
    await one.pull(centre)
    expect((await one.seen('part', 'seal-9'))?.body['stock']).toBe(25)
    expect((await pair.bodyAtCentre('asset', 'pump-1'))['aliases']).toEqual([
      'the old one',
      'big blue',
      'Bertha',
    ])
  })

  it('is not hidden by a result that comes before its row', async () => {
    const id = await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await one.at.db.query(
      `insert into context.row (tbl, key, version, body) values ('write_result', $1, 900, $2::text::jsonb)`,
      [id, JSON.stringify({ outcome: 'applied', rowVersion: 901 })],
    )
    await one.at.db.transaction(async (tx) => await settleWrites(tx, 900))
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'urgent' } })
    await one.at.db.transaction(async (tx) => await settleWrites(tx, 901))
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'normal' } })
  })
})

describe('W3: disjoint fields merge, and one field goes to its policy', () => {
  it('keeps both when two change different fields of one row', async () => {
    await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await other.write('work_order', 'wo-1', { status: 'in_progress' })
    expect([...(await pair.up(one)), ...(await pair.up(other))]).toEqual(['applied', 'applied'])
    expect(await pair.bodyAtCentre('work_order', 'wo-1')).toMatchObject({
      priority: 'urgent',
      status: 'in_progress',
    })
  })

  it('lets the centre’s own change stand, and keeps the other version', async () => {
    await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await putCentre(centre, 'work_order', 'wo-1', { ...WORK_ORDER, priority: 'low' })
    expect(await pair.up(one)).toEqual(['conflict'])
    await one.pull(centre)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'low' }, pending: false })
    const [conflict] = await listConflicts(one.at.db, { all: false })
    expect(conflict).toMatchObject({
      table: 'work_order',
      key: 'wo-1',
      field: 'priority',
      policy: 'server_wins',
      status: 'open',
      base: { priority: 'normal' },
      ours: { priority: 'urgent' },
      theirs: { priority: 'low' },
      oursBy: { device: 'van-1' },
      theirsBy: { device: null },
    })
    expect(await pair.bodyAtCentre('inbox_item', conflict?.id ?? '')).toEqual({})
  })

  it('asks a person where one must choose, and both devices are told', async () => {
    await one.write('work_order', 'wo-1', { status: 'closed', closedAt: '2026-06-01T09:00:00.000Z' })
    other.at.clock.advance(60_000)
    await other.write('work_order', 'wo-1', { status: 'on_hold' })
    expect([...(await pair.up(other)), ...(await pair.up(one))]).toEqual(['applied', 'applied'])
    for (const device of [one, other]) {
      await device.pull(centre)
      expect(await device.seen('work_order', 'wo-1')).toMatchObject({ body: { status: 'closed' } })
      const [conflict] = await listConflicts(device.at.db, { all: false })
      expect(conflict).toMatchObject({
        ours: { status: 'on_hold', closedAt: null },
        oursBy: { device: 'van-2' },
        theirsBy: { device: 'van-1' },
      })
      expect(await findRow(device.at.db, 'inbox_item', conflict?.id ?? '')).toMatchObject({
        reason: 'write_conflict',
        status: 'open',
        workOrderId: 'wo-1',
      })
    }
  })

  it('is no conflict when both want the same, or when one saw the other', async () => {
    await one.write('work_order', 'wo-1', { status: 'in_progress' })
    await other.write('work_order', 'wo-1', { status: 'in_progress' })
    await pair.up(one)
    expect(await pair.up(other)).toEqual(['applied'])
    await other.pull(centre)
    await other.write('work_order', 'wo-1', { status: 'on_hold' })
    expect(await pair.up(other)).toEqual(['applied'])
    await one.pull(centre)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { status: 'on_hold' } })
    expect(await listConflicts(one.at.db, { all: true })).toEqual([])
  })
})

describe('W5: a conflict is settled by a person, once', () => {
  let operator: Governed
  beforeAll(async () => {
    operator = await governed()
  })
  afterAll(async () => await operator.close())

  async function inConflict(): Promise<string> {
    await one.write('work_order', 'wo-1', { status: 'closed', closedAt: '2026-06-01T09:00:00.000Z' })
    other.at.clock.advance(60_000)
    await other.write('work_order', 'wo-1', { status: 'on_hold' })
    await pair.up(one)
    expect(await pair.up(other)).toEqual(['conflict'])
    for (const device of [one, other]) await device.pull(centre)
    return (await listConflicts(other.at.db, { all: false }))[0]?.id ?? ''
  }

  it.each([
    ['ours', 'on_hold'],
    ['theirs', 'closed'],
  ] as const)('by a choice of %s on a device', async (take, status) => {
    const id = await inConflict()
    await one.write('write_conflict', id, { choice: take })
    expect(await pair.up(one)).toEqual(['applied'])
    for (const device of [one, other]) {
      await device.pull(centre)
      expect(await device.seen('work_order', 'wo-1')).toMatchObject({ body: { status }, pending: false })
      expect(await listConflicts(device.at.db, { all: false })).toEqual([])
      expect(await listConflicts(device.at.db, { all: true })).toMatchObject([
        { id, status: 'settled', choice: take },
      ])
    }
    expect(await pair.bodyAtCentre('inbox_item', id)).toMatchObject({ status: 'answered', answer: take })
  })

  it('the second who chooses is told, and nothing changes', async () => {
    const id = await inConflict()
    await one.write('write_conflict', id, { choice: 'theirs' })
    await other.write('write_conflict', id, { choice: 'ours' })
    expect([...(await pair.up(one)), ...(await pair.up(other))]).toEqual(['applied', 'settled'])
    await other.pull(centre)
    expect(await other.seen('work_order', 'wo-1')).toMatchObject({ body: { status: 'closed' } })
    expect(await listQuarantined(other.at.db)).toMatchObject([{ code: 'settled', table: 'write_conflict' }])
  })

  it('at the centre by nobody to whom the policy does not permit it', async () => {
    const principal = { kind: 'person' as const, id: 'gil', roles: ['governance'] }
    const asked = technicianAsks('context.settle', { id: await inConflict(), take: 'ours' }, { principal })
    const answer = await operator.kernel.admit(settlePerformer({ tenant, clock: one.at.clock }), asked)
    expect(answer.kind).toBe('denied')
  })

  it('a write that had not seen the choice does not undo it', async () => {
    const id = await inConflict()
    await one.write('write_conflict', id, { choice: 'ours' })
    await other.write('work_order', 'wo-1', { status: 'in_progress' })
    await pair.up(one)
    expect(await pair.up(other)).toEqual(['conflict'])
    expect(await pair.bodyAtCentre('work_order', 'wo-1')).toMatchObject({ status: 'on_hold' })
  })
})

describe('W2: what a device may write is checked on both sides by one code', () => {
  it.each([
    ['a table that is the centre’s', 'person', 'p-1', { name: 'x' }],
    ['a column that is the centre’s', 'work_order', 'wo-1', { title: 'x' }],
    ['a value that breaks the schema', 'work_order', 'wo-1', { priority: 'never' }],
    ['a counter that is no difference', 'part', 'seal-9', { stock: 0.5 }],
    ['a text that no database holds', 'work_order', 'wo-1', { description: 'a\0b' }],
    ['nothing', 'work_order', 'wo-1', {}],
    ['a new row of a table whose rows the centre makes', 'work_order', 'wo-99', { priority: 'high' }],
  ] as const)('refuses %s', async (_what, table, key, patch) => {
    await expect(one.write(table, key, patch)).rejects.toMatchObject({ code: 'bad_local_write' })
    const [record] = await other.records()
    expect(record).toBeUndefined()
    const written = await other.write('work_order', 'wo-1', { priority: 'high' })
    const [good] = await other.records()
    if (good === undefined) throw new Error('it was written')
    const forged = { ...good, body: { ...good.body, table, key, patch: JSON.stringify(patch) } }
    const outcome = await carryUp(centre, other.id, forged)
    expect(outcome).toMatchObject({ kind: 'rejected' })
    expect((await carryUp(centre, other.id, forged)).kind).toBe('duplicate')
    expect(written).toBe(good.id)
  })
})
