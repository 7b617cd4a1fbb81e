import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../../shared/sql/port.ts'
import { Follower } from './follower.ts'
import {
  messagesOf,
  newTable,
  openServer,
  openStage,
  postgresIsThere,
  readAll,
  type Source,
  type Stage,
} from './stage.ts'

describe.skipIf(!postgresIsThere)('capture beside transactions of others', () => {
  let source: Source
  let stage: Stage
  let db: Database
  let table: string
  beforeAll(async () => {
    source = await openServer()
    stage = await openStage(source)
    db = await source.connect()
  }, 60_000)
  afterAll(async () => {
    await stage.close()
    await source.remove()
  })
  beforeEach(async () => {
    table = newTable()
    await db.script(`create table ${table} (id int primary key, value int not null default 0)`)
  })

  it('waits for a transaction that stays open, and tells what committed meanwhile first', async () => {
    const start = await readAll(stage, { table })
    const long = await begin(source)
    await long.query(`insert into ${table} values (1)`)
    await db.query(`insert into ${table} values (2)`)
    const first = await messagesOf(await stage.get({ table, ...start.at }))
    expect(first.map(({ value }) => value?.['id'])).toEqual(['2', undefined])
    await long.commit()
    const both = await messagesOf(await stage.get({ table, ...start.at }))
    expect(both.map(({ value }) => value?.['id'])).toEqual(['2', '1', undefined])
    expect(both[0]).toEqual(first[0])
  })

  it('takes an open transaction into neither the snapshot nor the log before it commits, and then exactly once', async () => {
    await readAll(stage, { table })
    const long = await begin(source)
    await long.query(`insert into ${table} values (1)`)
    const follower = new Follower(stage, { table, where: 'id > 0' })
    await follower.catchUp()
    expect(follower.values('id')).toEqual([])
    await long.commit()
    await follower.catchUp()
    expect(follower.values('id')).toEqual(['1'])
  })

  it('does not wait for ever for a lock on the table of a first shape', async () => {
    const long = await begin(source)
    await long.query(`insert into ${table} values (1)`)
    const busy = await stage.get({ table, offset: '-1' })
    expect([busy.status, busy.headers.get('retry-after'), await busy.json()]).toEqual([
      503,
      '1',
      { message: 'Snapshot timed out while waiting for a table lock' },
    ])
    await long.commit()
    const follower = new Follower(stage, { table })
    await follower.catchUp()
    expect(follower.values('id')).toEqual(['1'])
  })

  it('every state that a reader reaches is one that was: sums hold while many write the same rows', async () => {
    await db.query(`insert into ${table} select i, 100 from generate_series(1, 8) i`)
    const follower = new Follower(stage, { table })
    await follower.catchUp()
    const clients = await Promise.all(Array.from({ length: 4 }, async () => await source.raw()))
    const write = async (client: (typeof clients)[number], writer: number, phase: number): Promise<void> => {
      for (let round = phase * 6; round < phase * 6 + 6; round++) {
        const [from, to] = [((writer + round) % 8) + 1, ((writer * 3 + round * 5) % 8) + 1]
        // In one order everywhere, so that writers wait for one another and never in a circle.
        const [low, high] = [Math.min(from, to), Math.max(from, to)]
        await client.query('begin')
        await client.query(`update ${table} set value = value - 1 where id = ${low}`)
        await client.query(`update ${table} set value = value + 1 where id = ${high}`)
        await client.query(round % 7 === 0 ? 'rollback' : 'commit')
      }
    }
    for (let phase = 0; phase < 12; phase++) {
      await Promise.all([
        follower.catchUp(),
        ...clients.map(async (client, writer) => await write(client, writer, phase)),
      ])
      expect([...follower.rows.values()].reduce((sum, row) => sum + Number(row['value']), 0)).toBe(800)
    }
    await follower.catchUp()
    const rows = await db.query<{ readonly value: string }>(`select value::text from ${table} order by id`)
    expect(
      follower.values('id').map((id) => follower.rows.get(`"public"."${table}"/"${id ?? ''}"`)?.['value']),
    ).toEqual(rows.map(({ value }) => value))
    for (const client of clients) await client.end()
  }, 60_000)

  it('a reader of any clause ends with the rows of its query, whatever ran beside one another (property)', async () => {
    const step = fc.record({
      writer: fc.nat(2),
      what: fc.constantFrom(
        'insert',
        'update',
        'delete',
        'key',
        'commit',
        'rollback',
        'savepoint',
        'back',
        'read',
        'new',
      ),
      id: fc.nat(5),
      value: fc.nat(4),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await db.query(`truncate ${table}`)
        const followers = [new Follower(stage, { table }), new Follower(stage, { table, where: 'value > 1' })]
        for (const follower of followers) await follower.catchUp()
        const writers = [await begin(source), await begin(source), await begin(source)]
        for (const { writer, what, id, value } of steps) {
          // Each writer has keys of its own: none waits for another.
          const key = writer * 100 + id
          const on = writers[writer]
          if (on === undefined) continue
          if (what === 'read') await followers[id % 2]?.catchUp()
          else if (what === 'new') followers.push(await started(stage, table, value))
          else if (what === 'commit' || what === 'rollback') await on.end(what)
          else if (what === 'savepoint') await on.query('savepoint s')
          else if (what === 'back')
            await on.query('rollback to savepoint s').catch(async () => await on.end('rollback'))
          else await on.query(statement(what, { table, key, value }))
        }
        for (const writer of writers) await writer.commit()
        for (const [index, follower] of followers.entries()) {
          await follower.catchUp()
          const least = index === 0 ? -1 : index === 1 ? 1 : Number(follower.shape['where']?.split('> ')[1])
          const rows = await db.query<{ readonly id: string; readonly value: string }>(
            `select id::text, value::text from ${table} where value > ${least}`,
          )
          const found = [...follower.rows.values()].map((row) => `${row['id'] ?? ''}=${row['value'] ?? ''}`)
          expect(new Set(found)).toEqual(new Set(rows.map((row) => `${row.id}=${row.value}`)))
        }
        for (const writer of writers) await writer.close()
      }),
      { numRuns: 25 },
    )
  }, 120_000)
})

async function started(stage: Stage, table: string, value: number): Promise<Follower> {
  const follower = new Follower(stage, { table, where: `value > ${value % 3}` })
  await follower.catchUp()
  return follower
}

function statement(
  what: string,
  on: { readonly table: string; readonly key: number; readonly value: number },
): string {
  const { table, key, value } = on
  if (what === 'insert')
    return `insert into ${table} values (${key}, ${value}) on conflict (id) do update set value = excluded.value`
  if (what === 'update') return `update ${table} set value = ${value} where id = ${key}`
  if (what === 'delete') return `delete from ${table} where id = ${key}`
  return `update ${table} set id = ${key} + 50 where id = ${key} and not exists (select from ${table} where id = ${key} + 50)`
}

/** A connection of its own in an open transaction; after its end the next one is open. */
async function begin(source: Source) {
  const client = await source.raw()
  await client.query('begin')
  return {
    query: async (text: string): Promise<void> => void (await client.query(text)),
    end: async (how: 'commit' | 'rollback'): Promise<void> => {
      await client.query(how)
      await client.query('begin')
    },
    commit: async (): Promise<void> => void (await client.query('commit')),
    close: async (): Promise<void> => await client.end(),
  }
}
