import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../../shared/sql/port.ts'
import {
  changesIn,
  type Message,
  headerOf,
  messagesOf,
  newTable,
  openStage,
  overEachDatabase,
  place,
  readAll,
  type Source,
  type Stage,
  type StageOptions,
} from './stage.ts'

const DIGITS = expect.stringMatching(/^\d+$/) as unknown
const LIST = expect.any(Array) as unknown

overEachDatabase((open) => {
  let source: Source
  let stage: Stage
  let db: Database
  let table: string
  beforeAll(async () => {
    source = await open()
    stage = await openStage(source)
    db = await source.connect()
  }, 60_000)
  afterAll(async () => {
    await stage.close()
    await source.remove()
  })
  beforeEach(async () => {
    table = newTable()
    await db.script(`create table ${table} (id int primary key, value text not null, num int)`)
  })

  const reopen = async (options: StageOptions = {}): Promise<void> => {
    await stage.close()
    stage = await openStage(source, options)
  }

  const live = async (more: Readonly<Record<string, string>>): Promise<Response> =>
    await stage.get({ table, live: 'true', ...more })

  describe('the start', () => {
    it('gives the rows, what the snapshot saw, and the headers that a client needs', async () => {
      await db.query(`insert into ${table} values (1, 'one', null), (2, 'two', 2)`)
      const response = await stage.get({ table, offset: '-1' })
      expect(response.status).toBe(200)
      const messages = await messagesOf(response)
      expect(messages).toEqual([
        {
          key: `"public"."${table}"/"1"`,
          value: { id: '1', value: 'one', num: null },
          headers: { operation: 'insert', relation: ['public', table] },
        },
        {
          key: `"public"."${table}"/"2"`,
          value: { id: '2', value: 'two', num: '2' },
          headers: { operation: 'insert', relation: ['public', table] },
        },
        {
          headers: {
            control: 'snapshot-end',
            xmin: DIGITS,
            xmax: DIGITS,
            xip_list: LIST,
          },
        },
      ])
      expect(headerOf(response, 'electric-offset')).toBe('0_0')
      expect(headerOf(response, 'electric-handle')).toMatch(/^\d+-[0-9a-f]{16}$/)
      expect(JSON.parse(headerOf(response, 'electric-schema'))).toEqual({
        id: { type: 'int4', pk_index: 0, not_null: true },
        value: { type: 'text', not_null: true },
        num: { type: 'int4' },
      })
      expect(headerOf(response, 'cache-control')).toBe(
        'public, max-age=604800, s-maxage=3600, stale-while-revalidate=2629746',
      )
      expect(response.headers.has('electric-up-to-date')).toBe(false)
      expect(headerOf(response, 'access-control-expose-headers')).toBe('*')
    })

    it('is never up to date, even of an empty table; what follows is', async () => {
      const first = await stage.get({ table, offset: '-1' })
      expect((await messagesOf(first)).map(({ headers }) => headers['control'])).toEqual(['snapshot-end'])
      const second = await stage.get({ table, ...place(first) })
      expect(await messagesOf(second)).toEqual([
        { headers: { control: 'up-to-date', global_last_seen_lsn: DIGITS } },
      ])
      expect(headerOf(second, 'electric-offset')).toBe('0_inf')
      expect(second.headers.has('electric-up-to-date')).toBe(true)
    })

    it('comes in chunks of the asked size, the same ones every time', async () => {
      await reopen({ chunkBytes: 1_000 })
      await db.query(`insert into ${table} select i, repeat('x', 300), i from generate_series(1, 12) i`)
      const first = await stage.get({ table, offset: '-1' })
      const chunks = [first]
      while (!chunks.at(-1)?.headers.has('electric-up-to-date'))
        chunks.push(await stage.get({ table, ...place(chunks.at(-1) ?? first) }))
      expect(chunks.map((chunk) => headerOf(chunk, 'electric-offset'))).toEqual([
        '0_0',
        '0_1',
        '0_2',
        '0_3',
        '0_4',
        '0_5',
        '0_inf',
      ])
      for (const chunk of chunks.slice(1, 4)) expect((await chunk.text()).length).toBeLessThan(1_000 + 500)
      const again = await stage.get({ table, offset: '-1' })
      expect(headerOf(again, 'etag')).toBe(headerOf(first, 'etag'))
      expect(await again.text()).toBe(await first.text())
      await reopen()
    })
  })

  describe('the log', () => {
    it('tells inserts whole, updates by what changed, deletes by their key, the last of a transaction marked', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1), (2, 'two', 2)`)
      const start = await readAll(stage, { table })
      await db.transaction(async (tx) => {
        await tx.query(`insert into ${table} values (3, 'three', 3)`)
        await tx.query(`update ${table} set value = 'uno' where id = 1`)
        await tx.query(`delete from ${table} where id = 2`)
      })
      const response = await live(start.at)
      const messages = await messagesOf(response)
      const told = changesIn(messages)
      expect(told.map(({ headers, value }) => [headers['operation'], value])).toEqual([
        ['insert', { id: '3', value: 'three', num: '3' }],
        ['update', { id: '1', value: 'uno' }],
        ['delete', { id: '2' }],
      ])
      expect(told.map(({ headers }) => headers['last'])).toEqual([undefined, undefined, true])
      const lsn = told[0]?.headers['lsn']
      expect(told.map(({ headers }) => headers['lsn'])).toEqual([lsn, lsn, lsn])
      expect(messages.at(-1)?.headers).toEqual({ control: 'up-to-date', global_last_seen_lsn: lsn })
      expect(headerOf(response, 'electric-offset')).toBe(`${String(lsn)}_4`)
      expect(headerOf(response, 'electric-cursor')).toMatch(/^\d+$/)
      expect(headerOf(response, 'cache-control')).toBe('public, max-age=5, stale-while-revalidate=5')
    })

    it('takes a changed key for a delete and an insert', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      const start = await readAll(stage, { table })
      await db.query(`update ${table} set id = 7`)
      expect(
        changesIn(await messagesOf(await live(start.at))).map(({ key, headers }) => [
          headers['operation'],
          key,
        ]),
      ).toEqual([
        ['delete', `"public"."${table}"/"1"`],
        ['insert', `"public"."${table}"/"7"`],
      ])
    })

    it('gives whole rows and the old values with replica=full', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      const start = await readAll(stage, { table, replica: 'full' })
      await db.query(`update ${table} set value = 'uno'`)
      await db.query(`delete from ${table}`)
      await stage.shapes.server.serve(
        { definition: wholeTable(table), offset: 'now', handle: null, isLive: false },
        AbortSignal.timeout(5_000),
      )
      const told = changesIn(await messagesOf(await live({ ...start.at, replica: 'full' })))
      expect(told[0]).toMatchObject({
        value: { id: '1', value: 'uno', num: '1' },
        old_value: { value: 'one' },
      })
      expect(told[1]).toMatchObject({ value: { id: '1', value: 'uno', num: '1' } })
    })

    it('tells a row that comes into the clause as an insert and one that leaves it as a delete', async () => {
      await db.query(`insert into ${table} values (1, 'a', 1), (2, 'b', 10)`)
      const shape = { table, where: 'num > $1', 'params[1]': '5' }
      const start = await readAll(stage, shape)
      expect(changesIn(start.messages).map(({ value }) => value?.['id'])).toEqual(['2'])
      await db.transaction(async (tx) => {
        await tx.query(`update ${table} set num = 6 where id = 1`)
        await tx.query(`update ${table} set num = 5 where id = 2`)
      })
      const told = changesIn(await messagesOf(await live({ ...shape, ...start.at })))
      expect(
        told.map(({ headers, value }) => [headers['operation'], value?.['id'], headers['op_position']]),
      ).toEqual([
        ['insert', '1', 0],
        ['delete', '2', 2],
      ])
    })

    it('says nothing of a column that was not asked for', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      const shape = { table, columns: 'id,value' }
      const start = await readAll(stage, shape)
      expect(changesIn(start.messages)[0]?.value).toEqual({ id: '1', value: 'one' })
      await db.query(`update ${table} set num = 9`)
      await db.query(`update ${table} set value = 'uno', num = 10`)
      expect(
        changesIn(await messagesOf(await live({ ...shape, ...start.at }))).map(({ value }) => value),
      ).toEqual([{ id: '1', value: 'uno' }])
    })

    it('knows rows without a key by all they are', async () => {
      const bare = newTable('bare')
      await db.script(`create table ${bare} (a text, b text); insert into ${bare} values ('x/y', null)`)
      const start = await readAll(stage, { table: bare })
      expect(changesIn(start.messages)[0]?.key).toBe(`"public"."${bare}"/"x//y"/_`)
      await db.query(`update ${bare} set b = 'z'`)
      const told = changesIn(await messagesOf(await stage.get({ table: bare, live: 'true', ...start.at })))
      expect(told.map(({ headers, key }) => [headers['operation'], key])).toEqual([
        ['delete', `"public"."${bare}"/"x//y"/_`],
        ['insert', `"public"."${bare}"/"x//y"/"z"`],
      ])
    })
  })

  describe('a live request', () => {
    it('is held until something happens', async () => {
      const start = await readAll(stage, { table })
      const held = live(start.at)
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      expect(changesIn(await messagesOf(await held)).map(({ value }) => value?.['id'])).toEqual(['1'])
    })

    it('is answered up to date when nothing did, with a tag that no cache can match', async () => {
      await reopen({ pollMs: 50 })
      const start = await readAll(stage, { table })
      const first = await stage.get({ table, live: 'true', ...start.at })
      expect((await messagesOf(first)).map(({ headers }) => headers['control'])).toEqual(['up-to-date'])
      const second = await stage.get({
        table,
        live: 'true',
        ...start.at,
        cursor: headerOf(first, 'electric-cursor'),
      })
      expect(headerOf(second, 'etag')).not.toBe(headerOf(first, 'etag'))
      expect(Number(headerOf(second, 'electric-cursor'))).toBeGreaterThan(
        Number(headerOf(first, 'electric-cursor')),
      )
      await reopen()
    })

    it('is told to start again when the shape is deleted under it', async () => {
      const start = await readAll(stage, { table })
      const held = live(start.at)
      const gone = await fetch(`${stage.url}/v1/shape?table=${table}&handle=${start.at.handle}`, {
        method: 'DELETE',
      })
      expect(gone.status).toBe(202)
      const response = await held
      expect(response.status).toBe(409)
      expect(await messagesOf(response)).toEqual([{ headers: { control: 'must-refetch' } }])
      expect(headerOf(response, 'electric-handle')).not.toBe(start.at.handle)
    })

    it('comes as server-sent events, batch by batch', async () => {
      const start = await readAll(stage, { table })
      const response = await live({ ...start.at, live_sse: 'true' })
      expect(headerOf(response, 'content-type')).toBe('text/event-stream')
      const events = eventsIn(response)
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      expect(await events.until('up-to-date')).toEqual(['insert', 'up-to-date'])
      await db.query(`truncate ${table}`)
      expect(await events.until('must-refetch')).toEqual(['must-refetch'])
      expect(await events.isOver()).toBe(true)
    })
  })

  describe('handles', () => {
    it('that are unknown, or of another definition, send the reader to the right one once', async () => {
      const start = await readAll(stage, { table })
      const unknown = await stage.get({ table, offset: '0_0', handle: 'nonexistent' })
      expect([unknown.status, headerOf(unknown, 'electric-handle')]).toEqual([409, start.at.handle])
      const other = await stage.get({ table, where: 'num = 1', offset: '0_0', handle: start.at.handle })
      expect(other.status).toBe(409)
      const next = await stage.get({
        table,
        where: 'num = 1',
        offset: '-1',
        handle: headerOf(other, 'electric-handle'),
      })
      expect([next.status, headerOf(next, 'electric-handle')]).toEqual([
        200,
        headerOf(other, 'electric-handle'),
      ])
    })

    it('and logs outlive the server', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      const start = await readAll(stage, { table, where: 'num >= 1' })
      await db.query(`insert into ${table} values (2, 'two', 2)`)
      const told = await messagesOf(await stage.get({ table, where: 'num >= 1', ...start.at }))
      await stage.close()
      await db.query(`insert into ${table} values (3, 'three', 3)`)
      stage = await openStage(source)
      const all = await messagesOf(
        await stage.get({ table, where: 'num >= 1', handle: start.at.handle, offset: start.at.offset }),
      )
      expect(changesIn(all).map(({ value }) => value?.['id'])).toEqual(['2', '3'])
      expect(all[0]).toEqual(told[0])
    })

    it('at the end of a log are not changed by offset=now', async () => {
      await db.query(`insert into ${table} values (1, 'one', 1)`)
      const now = await stage.get({ table, offset: 'now' })
      expect((await messagesOf(now)).map(({ headers }) => headers['control'])).toEqual(['up-to-date'])
      await db.query(`insert into ${table} values (2, 'two', 1)`)
      expect(changesIn(await messagesOf(await live(place(now)))).map(({ value }) => value?.['id'])).toEqual([
        '2',
      ])
    })
  })
})

function wholeTable(table: string) {
  const definition = { schema: 'public', table, columns: null, where: null, params: {}, scope: '' }
  return { ...definition, replica: 'default', log: 'full' } as const
}

/** The kinds of the events of a stream, read as they come. */
function eventsIn(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  return {
    until: async (last: string): Promise<readonly string[]> => {
      let text = ''
      while (!text.includes(last)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended before ${last}`)
        text += decoder.decode(value)
      }
      const events = text.trim().split('\n\n')
      return events.map((event) => {
        const { headers } = JSON.parse(event.replace(/^data: /, '')) as Message
        return String(headers['operation'] ?? headers['control'])
      })
    },
    isOver: async (): Promise<boolean> => (await reader.read()).done,
  }
}
