import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPS_SCHEMA } from '../../../control-plane/context/schema.ts'
import { electricProxy, upstream } from '../../../control-plane/shapes/http/electric-proxy.ts'
import { definitionOf, type NamedShapes } from '../../../control-plane/shapes/http/named.ts'
import { systemClock } from '../../../shared/clock.ts'
import { openLog } from '../../../shared/log.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { mintShapeToken } from '../../../shared/wire/shape-token.ts'
import {
  changesIn,
  headerOf,
  messagesOf,
  openPglite,
  openStage,
  place,
  type Source,
  type Stage,
} from './stage.ts'

/** The shape server of this centre stands for Electric: the same protocol, another process's address. */
describe('named shapes from behind an authorising proxy', () => {
  const key = generateKeyPair()
  const log = openLog({ part: 'test', clock: systemClock, json: false, write: () => undefined })
  let source: Source
  let electric: Stage
  let db: Database
  let isRevoked = false
  let proxy: NamedShapes
  const proxyTo = (url: string): NamedShapes =>
    electricProxy({
      tenant: 'acme',
      clock: systemClock,
      log,
      electric: url,
      deviceOf: async (id) =>
        await Promise.resolve(id === 'van-1' && !isRevoked ? { site: 'north', key: key.publicKey } : null),
    })
  beforeAll(async () => {
    source = await openPglite()
    electric = await openStage(source)
    db = await source.connect()
    await db.script(OPS_SCHEMA)
    await db.script(`insert into ops.row (tenant, tbl, key, site, device, version, body, columns) values
      ('acme', 'part', 'all', null, null, 1, '{}', '{}'), ('acme', 'part', 'mine', 'north', 'van-1', 2, '{}', '{}'),
      ('acme', 'part', 'theirs', 'north', 'van-2', 3, '{}', '{}'), ('other', 'part', 'foreign', null, null, 4, '{}', '{}')`)
    proxy = proxyTo(electric.url)
  }, 60_000)
  afterAll(async () => {
    await electric.close()
    await source.remove()
  })

  const get = async (
    params: Readonly<Record<string, string>>,
    through: NamedShapes = proxy,
  ): Promise<Response> => {
    const token = mintShapeToken(key, { tenant: 'acme', device: 'van-1' }, systemClock.nowMs())
    return await through.app.request(
      `http://localhost/v1/shapes/part?${new URLSearchParams(params).toString()}`,
      {
        headers: { authorization: `Bearer ${token}` },
      },
    )
  }
  const keysOf = async (response: Response): Promise<readonly unknown[]> =>
    changesIn(await messagesOf(response)).map(({ value }) => value?.['key'])

  it('give a device its own rows, and live what becomes of them, for no cache to keep', async () => {
    const start = await get({ offset: '-1' })
    expect([start.status, headerOf(start, 'cache-control'), headerOf(start, 'vary')]).toEqual([
      200,
      'private, no-store',
      'authorization',
    ])
    expect(await keysOf(start)).toEqual(['all', 'mine'])
    const held = get({ ...place(start), offset: '0_inf', live: 'true' })
    await db.script(`update ops.row set version = version + 10 where key in ('mine', 'theirs')`)
    electric.shapes.changed()
    const told = await held
    expect(headerOf(told, 'electric-cursor')).not.toBe('')
    expect(changesIn(await messagesOf(told)).map(({ key: name }) => name)).toEqual([
      '"ops"."row"/"acme"/"part"/"mine"',
    ])
  })

  it('say nothing of what a request wants to decide, and pass on nothing but where it reads', async () => {
    expect((await get({ offset: '-1', where: 'true' })).status).toBe(400)
    const scope = { tenant: 'acme', site: 'north', device: 'van-1', form: '1/1' }
    const query = new URLSearchParams({ offset: '0_0', handle: 'h', secret: 's', source_id: 'x' })
    const url = upstream('http://electric:3000', definitionOf('part', scope, query), query)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      offset: '0_0',
      handle: 'h',
      table: '"ops"."row"',
      'params[4]': 'van-1',
    })
    expect([...url.searchParams.keys()].filter((name) => ['secret', 'source_id'].includes(name))).toEqual([])
  })

  it('are refused to another handle with 409, and with 503 while nobody answers', async () => {
    expect((await get({ offset: '0_0', handle: 'of-another' })).status).toBe(409)
    const nobody = await get({ offset: '-1' }, proxyTo('http://127.0.0.1:1'))
    expect([nobody.status, headerOf(nobody, 'retry-after')]).toEqual([503, '1'])
  })

  it('end with the device’s right to them, held requests at once', async () => {
    const start = await get({ offset: '-1' })
    const now = await get({ ...place(start) })
    const held = get({ ...place(now), live: 'true' })
    isRevoked = true
    await proxy.revoke('van-1')
    expect((await held).status).toBe(401)
    expect((await get({ offset: '-1' })).status).toBe(401)
  })
})
