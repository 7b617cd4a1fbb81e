import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldAction } from '../../../edge-agent/actions/field-actions.ts'
import { inboxPerformer } from '../../../edge-agent/actions/people.ts'
import type { FieldParts } from '../../../edge-agent/actions/field-performer.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { openLocalWrites } from '../../../edge-agent/context/local-writes.ts'
import { findWorkOrder, listInbox, readingsOf } from '../../../edge-agent/context/reads.ts'
import { recall } from '../../../edge-agent/memory/turn-memory.ts'
import { SAMPLE_DATA } from '../../../control-plane/context/sample-data.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'

let at: Governed
let parts: FieldParts
beforeAll(async () => {
  at = await governed()
  await migrate(at.db)
  parts = { clock: at.clock, person: 'amara', writes: openLocalWrites(at) }
  for (const { table, key, body } of SAMPLE_DATA)
    await at.db.query(
      'insert into context.row (tbl, key, version, body) values ($1, $2, 1, $3::text::jsonb)',
      [table, key, JSON.stringify(body)],
    )
})
afterAll(async () => await at.close())

/** Has `intent` carried out by the kernel; returns what is said, or the code of the failure. */
async function carryOut(intent: string, slots: JsonObject = {}): Promise<string> {
  const action = fieldAction(parts, intent, slots, await recall(at.db))
  if (action === null) return 'no such action'
  const answer = await at.kernel.admit(
    action.performer,
    technicianAsks(intent, slots, { resource: action.resource }),
  )
  return answer.kind === 'performed'
    ? action.say(answer.output)
    : answer.kind === 'failed'
      ? answer.code
      : 'denied'
}

async function withProcedure(): Promise<string> {
  const order = SAMPLE_DATA.find(
    ({ table, body }) =>
      table === 'work_order' && body['procedureId'] === 'proc-seal' && body['status'] !== 'closed',
  )
  if (order === undefined) throw new Error('the sample has no open work order with the seal procedure')
  const { number } = order.body
  if (typeof number !== 'string') throw new Error('a work order has a number')
  return number
}

describe('field actions', () => {
  it('open a work order, guide through its steps, and take the reading that a step asks for', async () => {
    const number = await withProcedure()
    expect(await carryOut('work_order.open', { work_order: number })).toMatch(/^Work order .*Step 1 of 10/)
    expect((await findWorkOrder(at.db, number))?.status).toBe('in_progress')
    expect(await carryOut('step.previous')).toMatch(/^This is the first step/)
    expect(await carryOut('step.next')).toMatch(/^Step 2 of 10/)
    expect(await carryOut('step.next')).toMatch(/^Step 3 of 10/)
    expect(await carryOut('step.next')).toBe('not_now')
    expect(await carryOut('reading.log', { value: 0, unit: 'bar' })).toMatch(
      /^Logged: pressure 0 bar for the /,
    )
    expect(await carryOut('step.next')).toMatch(/^Step 4 of 10/)
    expect(await carryOut('step.repeat')).toMatch(/^Step 4 of 10/)
    const order = await findWorkOrder(at.db, number)
    const [reading] = await readingsOf(at.db, order?.assetId ?? '')
    expect(reading).toMatchObject({
      quantity: 'pressure',
      value: 0,
      workOrderId: order?.id,
      takenBy: 'amara',
      pending: true,
    })
  })

  it('undo in the order in which things were done, without deleting what was said', async () => {
    const number = await withProcedure()
    const order = await findWorkOrder(at.db, number)
    expect(await carryOut('reading.log', { value: 4.2, unit: 'bar', asset: 'north chiller' })).toMatch(
      /north chiller/,
    )
    expect(await carryOut('undo')).toBe('Taken back: the reading of 4.2 bar.')
    expect(await readingsOf(at.db, 'asset-ch1')).toEqual([])
    expect(await carryOut('undo')).toMatch(/^Taken back: moving to the next step/)
    expect((await recall(at.db)).guide).toMatchObject({ kind: 'guiding', index: 2 })
    expect(await carryOut('work_order.close')).toBe(`Work order ${number} is closed.`)
    expect((await findWorkOrder(at.db, number))?.status).toBe('closed')
    expect(await carryOut('undo')).toMatch(/closing work order/)
    expect(await findWorkOrder(at.db, number)).toMatchObject({ status: order?.status, closedAt: null })
    expect((await recall(at.db)).workOrder).toBe(order?.id)
  })

  it('order parts by number and by name, and ask which when a name fits several', async () => {
    expect(await carryOut('part.order', { part: '4410', count: 2 })).toBe(
      'Ordered 2 of part 4410, mechanical seal.',
    )
    expect(await carryOut('part.order', { part: 'mechanical seal', count: 99 })).toMatch(/Only 6 in stock/)
    expect(await carryOut('part.order', { part: 'sensor' })).toBe('ambiguous_name')
    expect(await carryOut('part.order', { part: 'flux capacitor' })).toBe('not_found_here')
    expect(await carryOut('part.order', { part: '4410', count: 0 })).toBe('input_refused')
    expect(await carryOut('part.order', {})).toBe('input_refused')
  })

  it('note, look up, list, ask for a person', async () => {
    expect(await carryOut('note.record', { text: 'the coupling is worn' })).toMatch(
      /^Noted on work order \d+: the coupling is worn$/,
    )
    expect(await carryOut('asset.look_up', { asset: 'main boiler' })).toMatch(/^steam boiler one, B-1/)
    expect(await carryOut('work_order.list')).toMatch(/^\d+ open\. /)
    expect(await carryOut('human.ask', { text: 'which valve' })).toMatch(/^A person will be asked/)
    const raised = await at.kernel.admit(
      inboxPerformer(parts),
      technicianAsks('inbox.raise', { transcript: 'mumble', reason: 'low_confidence' }),
    )
    expect(raised.kind).toBe('performed')
    expect((await listInbox(at.db)).map(({ question }) => question)).toEqual(
      expect.arrayContaining(['mumble', 'which valve']),
    )
  })

  it('say what is wrong, and change nothing', async () => {
    const { seq } = (
      await at.db.query<{ seq: number }>('select coalesce(max(seq), 0) as seq from local.overlay')
    )[0] ?? { seq: 0 }
    expect(await carryOut('work_order.open', { work_order: '999999' })).toBe('not_found_here')
    expect(await carryOut('work_order.open', { work_order: 'seven' })).toBe('input_refused')
    expect(await carryOut('reading.log', { value: 'four' })).toBe('input_refused')
    expect(await carryOut('asset.look_up', { asset: 'moon' })).toBe('not_found_here')
    expect(await carryOut('make.coffee')).toBe('no such action')
    expect(await carryOut('constructor')).toBe('no such action')
    expect((await at.db.query<{ seq: number }>('select max(seq) as seq from local.overlay'))[0]?.seq).toBe(
      seq,
    )
  })

  it('leave one write record for each change, of the effect that caused it', async () => {
    const records = await at.journal.read({ from: 1, limit: 1_000 })
    const writes = records.filter(({ body }) => body.kind === 'write')
    expect(writes.length).toBeGreaterThan(8)
    for (const { body } of writes) {
      if (body.kind !== 'write') continue
      const following = await at.journal.following(body.of)
      expect(following.at(-1)?.body).toMatchObject({ kind: 'outcome', status: 'performed' })
    }
    const overlay = await at.db.query<{ n: number }>('select count(*) as n from local.overlay')
    expect(overlay[0]?.n).toBe(writes.length)
  })
})
