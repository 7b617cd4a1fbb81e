import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PAGE_ROWS } from '../../../control-plane/shapes/capture/batch.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { Follower } from './follower.ts'
import {
  headerOf,
  newTable,
  openStage,
  overEachDatabase,
  place,
  readAll,
  type Source,
  type Stage,
} from './stage.ts'

overEachDatabase((open) => {
  let source: Source
  let stage: Stage
  let db: Database
  let table: string
  beforeAll(async () => {
    source = await open()
    stage = await openStage(source, { chunkBytes: 100_000 })
    db = await source.connect()
  }, 60_000)
  afterAll(async () => {
    await stage.close()
    await source.remove()
  })
  beforeEach(async () => {
    table = newTable()
    await db.script(
      `create table ${table} (id int primary key, value text not null default '', num int not null default 0)`,
    )
  })

  const follow = async (shape: Readonly<Record<string, string>> = {}): Promise<Follower> => {
    const follower = new Follower(stage, { table, ...shape })
    await follower.catchUp()
    return follower
  }

  it('forgets what was rolled back, to a savepoint or whole', async () => {
    const follower = await follow()
    await db.transaction(async (tx) => {
      await tx.query(`insert into ${table} values (1)`)
      await tx.query('savepoint half')
      await tx.query(`insert into ${table} values (2)`)
      await tx.query('rollback to savepoint half')
      await tx.query(`insert into ${table} values (3)`)
    })
    await expect(
      db.transaction(async (tx) => {
        await tx.query(`insert into ${table} values (4)`)
        throw new Error('a change of mind')
      }),
    ).rejects.toThrow('a change of mind')
    await follower.catchUp()
    expect(follower.values('id')).toEqual(['1', '3'])
  })

  it('tells a bulk load of many pages as one transaction, in order, its last row marked', async () => {
    const start = await readAll(stage, { table, where: 'num >= 0' })
    const count = 2 * PAGE_ROWS + 10
    await db.query(`insert into ${table} select i, 'row ' || i, i from generate_series(1, ${count}) i`)
    const rest = await readOn(stage, { table, where: 'num >= 0' }, start.at)
    const told = rest.filter(({ headers }) => 'operation' in headers)
    expect(told).toHaveLength(count)
    expect(new Set(told.map(({ headers }) => headers['lsn'])).size).toBe(1)
    expect(told.filter(({ headers }) => headers['last'] === true)).toEqual([told.at(-1)])
    expect(told.map(({ value }) => value?.['id'])).toEqual(
      Array.from({ length: count }, (_, index) => String(index + 1)),
    )
  }, 60_000)

  it('pairs the old and the new row of an update of keys, however many', async () => {
    await db.query(`insert into ${table} select i, 'v' || i from generate_series(1, 500) i`)
    const follower = await follow()
    await db.query(`update ${table} set id = id + 1000, value = value || '!' where id % 3 = 0`)
    await db.query(
      `insert into ${table} values (1, 'again'), (2000, 'new') on conflict (id) do update set value = excluded.value`,
    )
    await follower.catchUp()
    expect(rowsOf(follower)).toEqual(await rowsIn(db, table))
  })

  it('follows foreign keys that cascade', async () => {
    const parent = newTable('parent')
    await db.script(`create table ${parent} (id int primary key);
      alter table ${table} add foreign key (num) references ${parent} on delete cascade on update cascade;
      insert into ${parent} values (1), (2); insert into ${table} values (10, 'a', 1), (20, 'b', 2)`)
    const follower = await follow()
    await db.query(`delete from ${parent} where id = 1`)
    await db.query(`update ${parent} set id = 3 where id = 2`)
    await follower.catchUp()
    expect(rowsOf(follower)).toEqual([{ id: '20', value: 'b', num: '3' }])
  })

  it('has readers start again, once, after TRUNCATE, and leaves the other tables alone', async () => {
    const other = newTable('other')
    await db.script(`create table ${other} (id int primary key); insert into ${other} values (1)`)
    await db.query(`insert into ${table} values (1)`)
    const [follower, beside] = [await follow(), new Follower(stage, { table: other })]
    await beside.catchUp()
    const { handle } = beside
    await db.query(`truncate ${table}`)
    await db.query(`insert into ${table} values (2)`)
    await follower.catchUp()
    await beside.catchUp()
    expect([follower.values('id'), follower.refetches, beside.refetches, beside.handle]).toEqual([
      ['2'],
      1,
      0,
      handle,
    ])
  })

  describe('a changed table', () => {
    it('ends only the shapes that use the changed column', async () => {
      await db.query(`insert into ${table} values (1, 'a', 1)`)
      const shapes = {
        all: {},
        value: { columns: 'id,value' },
        num: { columns: 'id,num' },
        clause: { columns: 'id', where: 'num = 1' },
      }
      const followers = new Map<string, Follower>()
      for (const [name, shape] of Object.entries(shapes)) followers.set(name, await follow(shape))
      await db.query(`insert into ${table} values (2, 'b', 1)`)
      await db.script(`alter table ${table} alter column num type bigint`)
      await db.query(`insert into ${table} values (3, 'c', 1)`)
      for (const follower of followers.values()) await follower.catchUp()
      const refetches = [...followers].map(([name, follower]) => [name, follower.refetches])
      expect(refetches).toEqual([
        ['all', 1],
        ['value', 0],
        ['num', 1],
        ['clause', 1],
      ])
      expect([...followers.values()].map((follower) => follower.values('id'))).toEqual(
        Array.from({ length: 4 }, () => ['1', '2', '3']),
      )
    })

    it('gains and loses columns that a shape did not ask for, under its readers', async () => {
      await db.query(`insert into ${table} values (1, 'a', 1)`)
      const follower = await follow({ columns: 'id,value', where: `value <> 'x'` })
      await db.script(`alter table ${table} drop column num`)
      await db.query(`insert into ${table} values (2, 'b')`)
      await db.script(`alter table ${table} add column note text`)
      await db.query(`insert into ${table} values (3, 'c', 'a note')`)
      await follower.catchUp()
      expect([follower.values('value'), follower.refetches]).toEqual([['a', 'b', 'c'], 0])
    })

    it('whose values were written anew sends its readers back, though no trigger heard of it', async () => {
      await db.query(`insert into ${table} values (1, 'a', 1)`)
      const follower = await follow()
      const beside = await follow({ columns: 'id,value' })
      await db.script(`alter table ${table} alter column num type int using num * 10`)
      await follower.catchUp()
      await beside.catchUp()
      expect([follower.values('num'), follower.refetches, beside.refetches]).toEqual([['10'], 1, 0])
    })

    it('says in the header that a column may be null now, and goes on', async () => {
      const start = await readAll(stage, { table })
      await db.script(`alter table ${table} alter column value drop not null`)
      await db.query(`insert into ${table} values (1, null)`)
      const response = await stage.get({ table, ...start.at })
      expect(response.status).toBe(200)
      expect((JSON.parse(headerOf(response, 'electric-schema')) as { value: object }).value).toEqual({
        type: 'text',
      })
    })

    it('that is made anew sends its readers back to the start, also those who wait', async () => {
      const start = await readAll(stage, { table })
      const held = stage.get({ table, ...start.at, live: 'true' })
      await db.script(`drop table ${table}; create table ${table} (id int primary key, value text not null)`)
      expect((await held).status).toBe(409)
      const again = await stage.get({ table, ...start.at })
      expect(again.status).toBe(409)
      expect(headerOf(again, 'electric-handle')).not.toBe(start.at.handle)
    })

    it('that is gone is said to be gone', async () => {
      const start = await readAll(stage, { table })
      await db.script(`drop table ${table}`)
      const response = await stage.get({ table, ...start.at })
      expect([response.status, await response.text()]).toEqual([
        400,
        expect.stringContaining('does not exist') as unknown,
      ])
    })
  })

  it('ends a shape whose clause fails on a row, and goes on with all others', async () => {
    await db.query(`insert into ${table} values (1, 'a', 1)`)
    const follower = await follow()
    const failing = await readAll(stage, { table, where: '10 / num > 1' })
    await db.query(`insert into ${table} values (2, 'b', 0)`)
    await follower.catchUp()
    expect(follower.values('id')).toEqual(['1', '2'])
    const response = await stage.get({ table, where: '10 / num > 1', ...failing.at })
    expect([response.status, await response.json()]).toEqual([
      400,
      { message: 'Invalid request', errors: { where: ['division by zero'] } },
    ])
  })

  it('keeps one form of values, whatever the writer has set', async () => {
    await db.script(
      `alter table ${table} add column at timestamptz, add column length interval, add column f float8, add column b bytea`,
    )
    const follower = await follow()
    await db.transaction(async (tx) => {
      for (const setting of [
        `timezone = 'Asia/Tokyo'`,
        `datestyle = 'German'`,
        `intervalstyle = 'postgres_verbose'`,
        'extra_float_digits = -3',
        `bytea_output = 'escape'`,
      ])
        await tx.query(`set local ${setting}`)
      await tx.query(
        `insert into ${table} values (1, '', 0, '2026-01-02 03:04:05Z', '1 day 2 hours', 0.1::float8 + 0.2, '\\x00ff')`,
      )
    })
    await follower.catchUp()
    const told = rowsOf(follower)
    expect(told[0]).toMatchObject({
      at: '2026-01-02 03:04:05+00',
      length: 'P1DT2H',
      f: '0.30000000000000004',
      b: String.raw`\x00ff`,
    })
    const fresh = new Follower(stage, { table, where: 'id > 0' })
    await fresh.catchUp()
    expect(rowsOf(fresh)).toEqual(told)
  })
})

async function readOn(
  stage: Stage,
  shape: Readonly<Record<string, string>>,
  from: Readonly<Record<string, string>>,
) {
  const messages: Awaited<ReturnType<typeof readAll>>['messages'][number][] = []
  let at = from
  for (;;) {
    const response = await stage.get({ ...shape, ...at })
    messages.push(...((await response.json()) as typeof messages))
    at = place(response)
    if (response.headers.has('electric-up-to-date')) return messages
  }
}

type Values = Readonly<Record<string, string | null>>

function rowsOf(follower: Follower): readonly Values[] {
  return [...follower.rows.values()].toSorted((one, other) => Number(one['id']) - Number(other['id']))
}

async function rowsIn(db: Database, table: string): Promise<readonly Values[]> {
  const rows = await db.query<{ readonly id: string; readonly value: string; readonly num: string }>(
    `select id::text, value, num::text from ${table} t order by t.id`,
  )
  return rows.map((row) => ({ ...row }))
}
