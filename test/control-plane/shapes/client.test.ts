import {
  FetchError,
  isChangeMessage,
  isControlMessage,
  Shape,
  ShapeStream,
  type Message,
  type Row,
  type ShapeStreamInterface,
  type ShapeStreamOptions,
} from '@electric-sql/client'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../shared/sql/port.ts'
import { newTable, openStage, overEachDatabase, type Source, type Stage } from './stage.ts'

type Params = NonNullable<ShapeStreamOptions['params']>

overEachDatabase((open) => {
  let source: Source
  let stage: Stage
  let db: Database
  let table: string
  let aborter: AbortController
  beforeAll(async () => {
    source = await open()
    stage = await openStage(source, { chunkBytes: 10_000 })
    db = await source.connect()
  }, 60_000)
  afterAll(async () => {
    await stage.close()
    await source.remove()
  })
  beforeEach(async () => {
    const name = newTable('Issues for')
    table = `"${name}"`
    await db.script(`create table ${table} (id uuid primary key, title text not null, priority int not null)`)
    aborter = new AbortController()
    return () => aborter.abort()
  })

  const insert = async (title: string): Promise<string> => {
    const id = randomUUID()
    await db.query(`insert into ${table} values ($1::uuid, $2, 10)`, [id, title])
    return id
  }
  const stream = (liveSse: boolean, more: Params = {}, options: object = {}): ShapeStream =>
    new ShapeStream({
      url: `${stage.url}/v1/shape`,
      params: { table: `public.${table}`, ...more },
      signal: aborter.signal,
      liveSse,
      ...options,
    })

  describe.each([{ liveSse: false }, { liveSse: true }])(
    'the published client (liveSse=$liveSse)',
    ({ liveSse }) => {
      it('follows a table through inserts, updates and deletes', async () => {
        const first = await insert('first')
        const shape = shapeOf(stream(liveSse))
        expect(await shape.rows).toEqual([{ id: first, title: 'first', priority: 10 }])
        const second = await insert('second')
        const third = await insert('third')
        await db.query(`update ${table} set title = 'changed' where id = $1::uuid`, [second])
        await db.query(`delete from ${table} where id = $1::uuid`, [third])
        await vi.waitFor(() =>
          expect(shape.currentRows).toEqual([
            { id: first, title: 'first', priority: 10 },
            { id: second, title: 'changed', priority: 10 },
          ]),
        )
      })

      it('starts again when its shape is deleted, and ends with the rows as they are', async () => {
        const first = await insert('first')
        const followed = stream(liveSse)
        const shape = shapeOf(followed)
        await shape.rows
        const { shapeHandle } = followed
        await fetch(`${stage.url}/v1/shape?handle=${String(shapeHandle)}`, { method: 'DELETE' })
        await db.query(`delete from ${table} where id = $1::uuid`, [first])
        const second = await insert('second')
        await vi.waitFor(
          () => expect(shape.currentRows).toEqual([{ id: second, title: 'second', priority: 10 }]),
          { timeout: 8_000 },
        )
        expect(followed.shapeHandle).not.toBe(shapeHandle)
      })

      it('skips history with offset=now', async () => {
        await insert('old')
        const shape = shapeOf(stream(liveSse, {}, { offset: 'now' }))
        expect(await shape.rows).toEqual([])
        const id = await insert('new')
        await vi.waitFor(() => expect(shape.currentRows).toEqual([{ id, title: 'new', priority: 10 }]))
      })

      it('gets whole rows with replica=full', async () => {
        const id = await insert('first')
        const messages: Message[] = []
        stream(liveSse, { replica: 'full' }).subscribe((batch) => void messages.push(...batch))
        await vi.waitFor(() =>
          expect(messages.some((message) => isControl(message, 'up-to-date'))).toBe(true),
        )
        await db.query(`update ${table} set title = 'changed'`)
        await vi.waitFor(() =>
          expect(messages.filter(isChangeMessage).at(-1)).toMatchObject({
            value: { id, title: 'changed', priority: 10 },
            old_value: { title: 'first' },
          }),
        )
      })

      it('asks for subsets in changes_only mode, and a row that changes beside the reading is neither lost nor doubled', async () => {
        const ids = [await insert('b'), await insert('c'), await insert('a')]
        const followed = stream(liveSse, {}, { log: 'changes_only' })
        const shape = shapeOf(followed)
        expect(await shape.rows).toEqual([])
        const { data } = await followed.requestSnapshot({
          where: 'title <> $1',
          params: { 1: 'c' },
          orderBy: 'title desc',
          limit: 10,
        })
        expect(data.map(({ value }) => value['title'])).toEqual(['b', 'a'])
        await vi.waitFor(() => expect(shape.currentRows).toHaveLength(2))
        await db.query(`update ${table} set title = 'd' where id = $1::uuid`, [ids[2] ?? ''])
        await vi.waitFor(() => expect(titles(shape)).toEqual(['"b"', '"d"']))
        const posted = await followed.requestSnapshot({ orderBy: 'title', limit: 10, method: 'POST' })
        expect(posted.data).toHaveLength(3)
      })

      it('is told what is wrong with its clause', async () => {
        const errors: unknown[] = []
        stream(
          liveSse,
          { where: '1 x 1' },
          { onError: (error: unknown) => void errors.push(error) },
        ).subscribe(() => undefined)
        await vi.waitFor(() => expect(errors).toHaveLength(1))
        const [error] = errors
        expect(error).toBeInstanceOf(FetchError)
        expect((error as FetchError).json).toEqual({
          message: 'Invalid request',
          errors: { where: ['At location 17: syntax error at or near "x"'] },
        })
      })
    },
  )

  it('sees every type as its parser expects it, in the snapshot and in the log', async () => {
    const types = newTable('types')
    await db.script(`create type ${types}_mood as enum ('sad', 'ok');
      create table ${types} (id int2 primary key, big int8, f float8, b bool, j json, jb jsonb, ints int8[][], moods ${types}_mood[], t text[],
        blob bytea, at timestamptz, v varchar(8), n numeric(8, 3), net inet)`)
    await db.query(`insert into ${types} values (1, 9223372036854775807, 4.5, true, '{"foo":"bar"}', '{"foo":"bar"}', '{{1,2},{3,4}}', '{sad,ok}',
      '{foo,"b,r"}', '\\x00ff', '2026-01-02 03:04:05+02', 'abc', 1.500, '10.0.0.1')`)
    const shape = shapeOf(
      new ShapeStream({ url: `${stage.url}/v1/shape`, params: { table: types }, signal: aborter.signal }),
    )
    const expected = {
      id: 1,
      big: 9223372036854775807n,
      f: 4.5,
      b: true,
      j: { foo: 'bar' },
      jb: { foo: 'bar' },
      ints: [
        [1n, 2n],
        [3n, 4n],
      ],
      moods: ['sad', 'ok'],
      t: ['foo', 'b,r'],
      blob: String.raw`\x00ff`,
      at: '2026-01-02 01:04:05+00',
      v: 'abc',
      n: '1.500',
      net: '10.0.0.1',
    }
    expect(await shape.rows).toEqual([expected])
    await db.query(
      `insert into ${types} select 2, big, f, b, j, jb, ints, moods, t, blob, at, v, n, net from ${types}`,
    )
    await vi.waitFor(() => expect(shape.currentRows).toEqual([expected, { ...expected, id: 2 }]))
  })

  it('reads a large table and a large log in pieces of the asked size', async () => {
    const sizes: number[] = []
    const measured: typeof fetch = async (...call) => {
      const response = await fetch(...call)
      sizes.push((await response.clone().text()).length)
      return response
    }
    const fill = async (): Promise<void> => {
      await db.query(
        `insert into ${table} select gen_random_uuid(), repeat('x', 1000), 1 from generate_series(1, 35)`,
      )
    }
    await fill()
    const shape = shapeOf(stream(false, {}, { fetchClient: measured }))
    await vi.waitFor(() => expect(shape.currentRows).toHaveLength(35))
    await fill()
    await vi.waitFor(() => expect(shape.currentRows).toHaveLength(70))
    const large = sizes.filter((size) => size > 6_000)
    expect(large.length).toBeGreaterThanOrEqual(6)
    for (const size of large) expect(size).toBeLessThan(12_500)
  })
})

/** The client's own types disagree with one another under exactOptionalPropertyTypes. */
function shapeOf(stream: ShapeStream): Shape<Row> {
  return new Shape(stream as ShapeStreamInterface<Row>)
}

function isControl(message: Message, control: string): boolean {
  return isControlMessage(message) && message.headers.control === control
}

function titles(shape: Shape<Row>): readonly string[] {
  return shape.currentRows
    .map((row) => JSON.stringify(row['title']))
    .toSorted((one, other) => one.localeCompare(other))
}
