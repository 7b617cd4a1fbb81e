/** What becomes of writes that the centre does not take, or that somebody takes back: W6 and W7 of edge-agent/context/SPEC.md. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { removeRow } from '../../../control-plane/context/store.ts'
import {
  countDropped,
  discardWrite,
  listQuarantined,
  retryWrite,
} from '../../../edge-agent/context/quarantine.ts'
import { listConflicts } from '../../../edge-agent/context/reads.ts'
import { MAX_QUARANTINED } from '../../../edge-agent/context/settlement.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { NOTE, noted, openPair, type Pair } from './pair.ts'
import { putCentre, tenant, type SimulatedDevice } from './stage.ts'

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

describe('W6: a rejected write is set aside with what depends on it, and with nothing else', () => {
  async function rejectedNote(): Promise<{
    readonly ids: readonly string[]
    readonly key: string
    readonly free: string
  }> {
    const made = await noted(one)
    const then = await one.write('note', made.key, { text: 'it drips a lot' })
    const free = await one.write('work_order', 'wo-1', { priority: 'urgent' })
    // The centre does not take the first: its key is another row's.
    await putCentre(centre, 'note', made.key, NOTE)
    expect(await pair.up(one)).toEqual(['key_taken', 'dependency', 'applied'])
    await removeAtCentre(made.key)
    await one.pull(centre)
    return { ids: [made.writeId, then], key: made.key, free }
  }

  async function removeAtCentre(key: string): Promise<void> {
    await centre.transaction(async (tx) => await removeRow(tx, { tenant, table: 'note', key }))
  }

  it('is shown as rejected where it was made, and the rest goes on', async () => {
    const { ids, key } = await rejectedNote()
    expect(await listQuarantined(one.at.db)).toMatchObject([
      { id: ids[0], code: 'key_taken', because: null },
      { id: ids[1], code: 'dependency', because: ids[0] },
    ])
    expect(await one.seen('note', key)).toMatchObject({
      body: { text: 'it drips a lot' },
      rejected: true,
      pending: false,
    })
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({
      body: { priority: 'urgent' },
      pending: false,
      rejected: false,
    })
    await expect(one.write('note', key, { text: 'more' })).rejects.toMatchObject({ code: 'bad_local_write' })
  })

  it('is sent again with what depended on it, as new writes', async () => {
    const { ids, key } = await rejectedNote()
    const { sent } = await one.at.journal.transaction(
      async (tx) => await retryWrite(tx, one.writes, ids[0] ?? ''),
    )
    expect(sent).toHaveLength(2)
    expect(await one.seen('note', key)).toMatchObject({ pending: true, rejected: false })
    expect(await pair.up(one)).toEqual(['applied', 'applied'])
    expect(await pair.bodyAtCentre('note', key)).toMatchObject({ text: 'it drips a lot' })
  })

  it('is let go with what depended on it', async () => {
    const { ids, key } = await rejectedNote()
    const gone = await one.at.db.transaction(async (tx) => await discardWrite(tx, ids[0] ?? ''))
    expect(gone.discarded).toEqual(ids)
    expect(await one.seen('note', key)).toBeNull()
    await expect(
      one.at.db.transaction(async (tx) => await discardWrite(tx, ids[0] ?? '')),
    ).rejects.toMatchObject({ code: 'not_quarantined' })
  })

  it('keeps the newest of too many, and counts the others', async () => {
    await one.at.db.query(
      `insert into local.quarantine (seq, write_id, of, tbl, key, patch, code, at)
       select -n, 'w' || n, 'o', 'note', 'k' || n, '{}', 'schema', now() from generate_series(1, $1::int) n`,
      [MAX_QUARANTINED],
    )
    await rejectedNote()
    expect(await listQuarantined(one.at.db)).toHaveLength(MAX_QUARANTINED)
    expect(await countDropped(one.at.db)).toBe(2)
  })

  it.each([
    ['a row that is gone', 'missing_row'],
    ['a row out of its scope', 'scope'],
  ] as const)('%s', async (_what, code) => {
    await one.write('work_order', 'wo-1', { priority: 'urgent' })
    if (code === 'scope') await centre.query(`update ops.row set site = 'south' where key = 'wo-1'`)
    else await centre.query(`delete from ops.row where key = 'wo-1'`)
    expect(await pair.up(one)).toEqual([code])
  })
})

describe('W7: a write can be taken back', () => {
  it('while it is on its way: the row is as it was, here and there, and nobody is in conflict with it', async () => {
    const id = await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await one.undo(id)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'normal' } })
    await other.write('work_order', 'wo-1', { priority: 'high' })
    await pair.up(other)
    expect(await pair.up(one)).toEqual(['applied', 'applied'])
    await one.pull(centre)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'high' }, pending: false })
    expect(await listConflicts(one.at.db, { all: true })).toEqual([])
  })

  it('after it was applied, each kind by its inverse', async () => {
    const ids = [
      await one.write('work_order', 'wo-3', { status: 'closed', closedAt: '2026-06-01T09:00:00.000Z' }),
      await one.write('part', 'seal-9', { stock: -4 }),
      await one.write('asset', 'pump-1', { aliases: ['big blue'] }),
    ]
    const note = await noted(one)
    await pair.up(one)
    await one.pull(centre)
    for (const id of [...ids, note.writeId]) await one.undo(id)
    expect(await one.seen('work_order', 'wo-3')).toMatchObject({
      body: { status: 'on_hold', closedAt: null },
    })
    expect(await one.seen('part', 'seal-9')).toMatchObject({ body: { stock: 40 } })
    expect(await one.seen('asset', 'pump-1')).toMatchObject({ body: { aliases: ['the old one'] } })
    expect(await pair.up(one)).toEqual(['applied', 'applied', 'applied', 'applied'])
    expect(await pair.bodyAtCentre('work_order', 'wo-3')).toMatchObject({ status: 'on_hold', closedAt: null })
    expect(await pair.bodyAtCentre('part', 'seal-9')).toMatchObject({ stock: 40 })
    expect(await pair.bodyAtCentre('asset', 'pump-1')).toMatchObject({ aliases: ['the old one'] })
    expect(await pair.bodyAtCentre('note', note.key)).toMatchObject({ withdrawn: true })
  })

  it('not when somebody changed the same since, and not twice', async () => {
    const id = await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await pair.up(one)
    await other.pull(centre)
    await other.write('work_order', 'wo-1', { priority: 'low' })
    await pair.up(other)
    await one.pull(centre)
    await expect(one.undo(id)).rejects.toMatchObject({ code: 'changed_since' })
    const counted = await one.write('part', 'seal-9', { stock: -4 })
    await one.undo(counted)
    await expect(one.undo(counted)).rejects.toMatchObject({ code: 'not_undoable' })
    expect(await one.seen('part', 'seal-9')).toMatchObject({ body: { stock: 40 } })
  })

  it('to what its own earlier write had made, when that is still on its way too', async () => {
    await one.write('work_order', 'wo-1', { priority: 'high' })
    const id = await one.write('work_order', 'wo-1', { priority: 'urgent' })
    await one.undo(id)
    expect(await one.seen('work_order', 'wo-1')).toMatchObject({ body: { priority: 'high' } })
    await pair.up(one)
    expect(await pair.bodyAtCentre('work_order', 'wo-1')).toMatchObject({ priority: 'high' })
  })
})
