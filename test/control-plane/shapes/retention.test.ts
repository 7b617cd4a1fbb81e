import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Retention } from '../../../control-plane/shapes/upkeep.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { handClock } from '../../support/hand-clock.ts'
import { Follower } from './follower.ts'
import { headerOf, newTable, openPglite, openStage, readAll, type Source, type Stage } from './stage.ts'

const HOUR_MS = 3_600_000

describe('what a shape server keeps', () => {
  let source: Source
  let stage: Stage
  let db: Database
  let table: string
  const retention: Retention = { logBytes: 20_000, logAgeMs: 1_000_000 * HOUR_MS, idleMs: 24 * HOUR_MS }
  beforeEach(async () => {
    source = await openPglite()
    stage = await openStage(source, { retention, chunkBytes: 2_000 })
    db = await source.connect()
    table = newTable()
    await db.script(`create table ${table} (id int primary key, value text not null)`)
  })
  afterEach(async () => {
    await stage.close()
    await source.remove()
  })

  const fill = async (from: number, to: number): Promise<void> => {
    await db.query(
      `insert into ${table} select i, repeat('x', 500) from generate_series($1::int, $2::int) i`,
      [from, to],
    )
  }

  it('of a log past its size is the newer half: who reads there goes on, who is behind starts again once', async () => {
    const [near, far] = [new Follower(stage, { table }), new Follower(stage, { table })]
    await near.catchUp()
    await far.catchUp()
    await fill(1, 60)
    await near.catchUp()
    await stage.shapes.keepUp()
    await fill(61, 63)
    await near.catchUp()
    expect([near.refetches, near.rows.size]).toEqual([0, 63])
    await far.catchUp()
    expect([far.refetches, far.rows.size]).toEqual([1, 63])
    expect(far.handle).not.toBe(near.handle)
    // Both are followed on, each in its own log.
    await fill(64, 65)
    for (const follower of [near, far]) {
      await follower.catchUp()
      expect([follower.rows.size, follower.refetches]).toEqual([65, follower === far ? 1 : 0])
    }
  })

  it('and where it was cut survive a restart', async () => {
    const [near, far] = [new Follower(stage, { table }), new Follower(stage, { table })]
    for (const follower of [near, far]) await follower.catchUp()
    await fill(1, 60)
    await near.catchUp()
    await stage.shapes.keepUp()
    await stage.close()
    stage = await openStage(source, { retention, chunkBytes: 2_000 })
    const again = [near.moved(stage), far.moved(stage)]
    for (const follower of again) await follower.catchUp()
    expect(again.map(({ refetches, rows }) => [refetches, rows.size])).toEqual([
      [0, 60],
      [1, 60],
    ])
  })

  it('of a log past its age is nothing old', async () => {
    const follower = new Follower(stage, { table })
    await follower.catchUp()
    await fill(1, 3)
    await follower.catchUp()
    await stage.close()
    stage = await openStage(source, { retention: { ...retention, logAgeMs: -HOUR_MS } })
    await stage.shapes.keepUp()
    const [kept] = await db.query<{ readonly count: number }>(
      'select count(*)::int4 as count from starling_shapes.log',
    )
    expect(kept?.count).toBe(0)
    const moved = follower.moved(stage)
    await fill(4, 4)
    await moved.catchUp()
    expect([moved.refetches, moved.rows.size]).toEqual([0, 4])
  })

  it('is no shape that nobody reads, and no trigger on a table that nobody follows', async () => {
    const clock = handClock(systemClock.nowMs())
    await stage.close()
    stage = await openStage(source, { retention, clock })
    const start = await readAll(stage, { table })
    clock.advance(retention.idleMs + 1)
    await stage.shapes.keepUp()
    const triggers = await db.query(`select from pg_trigger where tgname like 'starling_shapes_%'`)
    expect(triggers).toHaveLength(0)
    const response = await stage.get({ table, ...start.at })
    expect(response.status).toBe(409)
    expect(headerOf(response, 'electric-handle')).not.toBe(start.at.handle)
  })

  it('is not shared: a second server takes over, and the first says so', async () => {
    const start = await readAll(stage, { table })
    const second = await openStage(source)
    await fill(1, 1)
    const refused = await stage.get({ table, ...start.at })
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { message: 'another shape server has taken over this database' },
    ])
    const follower = new Follower(second, { table })
    await follower.catchUp()
    expect(follower.values('id')).toEqual(['1'])
    await second.close()
  })
})
