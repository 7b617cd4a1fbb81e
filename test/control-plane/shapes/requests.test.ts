import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../../shared/sql/port.ts'
import {
  changesIn,
  headerOf,
  messagesOf,
  newTable,
  openStage,
  overEachDatabase,
  place,
  type Source,
  type Stage,
} from './stage.ts'

const DIGITS = expect.stringMatching(/^\d+$/) as unknown

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

  it('answers 304 to a tag that still holds', async () => {
    const start = await stage.get({ table, offset: '-1' })
    await db.query(`insert into ${table} values (1, 'one', 1)`)
    const first = await stage.get({ table, ...place(start) })
    expect(changesIn(await messagesOf(first))).toHaveLength(1)
    const again = await stage.get(
      { table, ...place(start) },
      { headers: { 'if-none-match': headerOf(first, 'etag') } },
    )
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
  })

  it('answers HEAD with the headers, OPTIONS with the methods, health with its state', async () => {
    const url = `${stage.url}/v1/shape?table=${table}&offset=-1`
    const head = await fetch(url, { method: 'HEAD' })
    expect(headerOf(head, 'electric-handle')).toBe(headerOf(await fetch(url), 'electric-handle'))
    const options = await fetch(url, { method: 'OPTIONS' })
    expect([options.status, headerOf(options, 'access-control-allow-methods')]).toEqual([
      204,
      'GET, POST, HEAD, DELETE, OPTIONS',
    ])
    expect(await (await fetch(`${stage.url}/v1/health`)).json()).toEqual({ status: 'active' })
  })

  describe('a subset', () => {
    it('comes by GET and POST, filtered, ordered, paged, with what it saw', async () => {
      await db.query(`insert into ${table} values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 9)`)
      const shape = { table, log: 'changes_only', where: 'num < 9', offset: '-1' }
      const query = {
        subset__where: 'num >= $1',
        subset__params: '{"1":"2"}',
        subset__order_by: 'value desc',
        subset__limit: '1',
      }
      const got = await stage.get({ ...shape, ...query })
      expect([got.status, headerOf(got, 'electric-snapshot'), headerOf(got, 'cache-control')]).toEqual([
        200,
        'true',
        'no-cache',
      ])
      const { metadata, data } = (await got.json()) as {
        metadata: { snapshot_mark: number }
        data: { value: object; headers: object }[]
      }
      expect(data.map(({ value }) => value)).toEqual([{ id: '3', value: 'c', num: '3' }])
      expect(data[0]?.headers).toMatchObject({ operation: 'insert', snapshot_mark: metadata.snapshot_mark })
      expect(metadata).toMatchObject({
        xmin: DIGITS,
        xmax: DIGITS,
        database_lsn: DIGITS,
      })
      const posted = await stage.get(shape, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          where: 'num >= $1',
          params: { 1: 2 },
          order_by: 'value desc',
          limit: 1,
          offset: 1,
        }),
      })
      const page = (await posted.json()) as { data: { value: object }[] }
      expect(page.data.map(({ value }) => value)).toEqual([{ id: '2', value: 'b', num: '2' }])
    })

    it('with a limit needs an order', async () => {
      const response = await stage.get({ table, offset: '-1', subset__limit: '1' })
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          message: 'Invalid request',
          errors: { subset: { order_by: ['order_by is required when limit or offset is present'] } },
        },
      ])
    })
  })

  describe.each([
    [
      'a table that is not there',
      { table: 'nonexistent', offset: '-1' },
      {
        table: [
          `Table "public"."nonexistent" does not exist. If the table name contains capitals or special characters you must quote it.`,
        ],
      },
    ],
    [
      'a table of the shape server itself',
      { table: 'starling_shapes.change', offset: '-1' },
      { table: [`"starling_shapes"."change" is the shape server's own.`] },
    ],
    ['no table', { offset: '-1' }, { table: ["can't be blank"] }],
    ['no offset', { table: '{}' }, { offset: ["can't be blank"] }],
    ['an offset that is none', { table: '{}', offset: 'soon' }, { offset: ['has invalid format'] }],
    ['no handle', { table: '{}', offset: '0_0' }, { handle: ["can't be blank when offset != -1"] }],
    [
      'a live start',
      { table: '{}', offset: '-1', live: 'true' },
      { live: ["can't be true when offset == -1"] },
    ],
    [
      'events without live',
      { table: '{}', offset: '-1', live_sse: 'true' },
      { live_sse: ["can't be true unless live is also true"] },
    ],
    [
      'a broken clause',
      { table: '{}', offset: '-1', where: '1 x 1' },
      { where: ['At location 17: syntax error at or near "x"'] },
    ],
    [
      'an unknown column',
      { table: '{}', offset: '-1', where: 'nope = 1' },
      { where: ['At location 15: unknown reference nope'] },
    ],
    [
      'a parameter without a value',
      { table: '{}', offset: '-1', where: 'id = $1' },
      { where: ['At location 20: parameter $1 was not provided'] },
    ],
    [
      'a column that is not there',
      { table: '{}', offset: '-1', columns: 'id,nope' },
      { columns: ['The following columns are not found on the table: nope'] },
    ],
    [
      'columns without the key',
      { table: '{}', offset: '-1', columns: 'value' },
      { columns: ['The list of columns must include all primary key columns, missing: id'] },
    ],
    ['a replica that is none', { table: '{}', offset: '-1', replica: 'half' }, { replica: ['is invalid'] }],
  ])('%s', (_what, query, errors) => {
    it('is refused with 400 and the reason', async () => {
      const params = Object.fromEntries(
        Object.entries(query).map(([name, value]) => [name, value === '{}' ? table : value]),
      )
      const response = await stage.get(params)
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({ message: 'Invalid request', errors })
      expect(headerOf(response, 'cache-control')).toBe('no-store')
    })
  })

  it('refuses a clause that PostgreSQL cannot type, in its words', async () => {
    const response = await stage.get({ table, offset: '-1', where: 'num > true' })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { errors: { where: [expect.stringContaining('operator does not exist')] } },
    ])
  })
})
