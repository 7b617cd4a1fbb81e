import fc from 'fast-check'
import type { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OPS_SCHEMA } from '../../../control-plane/context/schema.ts'
import { putRow } from '../../../control-plane/context/store.ts'
import { namedShapes, type NamedShapes } from '../../../control-plane/shapes/http/named.ts'
import { openShapes, type Shapes } from '../../../control-plane/shapes/shapes.ts'
import { USUAL_RETENTION } from '../../../control-plane/shapes/upkeep.ts'
import { parseSiteId, parseTenantId } from '../../../shared/ids.ts'
import { openLog } from '../../../shared/log.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { mintShapeToken, SHAPE_TOKEN_VALID_MS } from '../../../shared/wire/shape-token.ts'
import { handClock } from '../../support/hand-clock.ts'
import { changesIn, headerOf, messagesOf, openPglite, place, type Source } from './stage.ts'

const tenant = parseTenantId('acme')

interface Enrolled {
  readonly key: KeyPair
  site: string
  isRevoked: boolean
}

describe('named shapes', () => {
  const clock = handClock()
  let source: Source
  let db: Database
  let shapes: Shapes
  let named: NamedShapes
  let devices: Map<string, Enrolled>
  beforeAll(async () => {
    source = await openPglite()
    db = await source.connect()
    await db.script(OPS_SCHEMA)
    const log = openLog({
      part: 'test',
      clock,
      json: false,
      write: (line) => process.stderr.write(`${line}\n`),
    })
    const usual = { clock, log, pollMs: 3_000, chunkBytes: 100_000 }
    shapes = await openShapes({ ...usual, db, readsDb: db, retention: USUAL_RETENTION })
    named = namedShapes({
      ...usual,
      server: shapes.server,
      tenant,
      deviceOf: async (id) => {
        const found = devices.get(id)
        await Promise.resolve()
        return found === undefined || found.isRevoked ? null : { site: found.site, key: found.key.publicKey }
      },
    })
  }, 60_000)
  afterAll(async () => {
    await shapes.close()
    await source.remove()
  })
  beforeEach(async () => {
    await db.script('truncate ops.row')
    devices = new Map(
      [
        ['van-1', 'north'],
        ['van-2', 'north'],
        ['van-3', 'south'],
      ].map(([id = '', site = '']) => [id, { key: generateKeyPair(), site, isRevoked: false }]),
    )
    for (const [key, site, device] of [
      ['everybody', null, null],
      ['north', 'north', null],
      ['south', 'south', null],
      ['of-van-1', 'north', 'van-1'],
      ['of-van-2', 'north', 'van-2'],
    ] as const)
      await putPart(key, site, device)
    await db.query(
      `insert into ops.row (tenant, tbl, key, version, body, columns) values ('other', 'part', 'of-others', 0, '{}', '{}')
       on conflict do nothing`,
    )
  })

  const putPart = async (
    key: string,
    site: string | null,
    device: string | null,
    name = key,
  ): Promise<void> => {
    await db.transaction(
      async (tx) =>
        await putRow(tx, {
          tenant,
          table: 'part',
          key,
          body: { number: '1', name, unit: 'piece', stock: 1, aliases: [] },
          site: site === null ? null : parseSiteId(site),
          device: device as Parameters<typeof putRow>[1]['device'],
          write: null,
        }),
    )
    shapes.changed()
  }
  const token = (device: string, key = devices.get(device)?.key, of: string = tenant): string =>
    key === undefined ? '' : mintShapeToken(key, { tenant: of, device }, clock.nowMs())
  const get = async (
    device: string,
    params: Readonly<Record<string, string>>,
    name = 'part',
  ): Promise<Response> =>
    await ask(named.app, `/v1/shapes/${name}?${new URLSearchParams(params).toString()}`, token(device))
  const keysOf = async (response: Response): Promise<readonly string[]> =>
    changesIn(await messagesOf(response)).map(({ value }) => value?.['key'] ?? '')

  it('mean to each device its own rows, and to no cache anything', async () => {
    const first = await get('van-1', { offset: '-1' })
    expect(headerOf(first, 'cache-control')).toBe('private, no-store')
    expect(headerOf(first, 'vary')).toBe('authorization')
    expect(headerOf(first, 'access-control-allow-origin')).toBe('')
    expect(await keysOf(first)).toEqual(['everybody', 'north', 'of-van-1'])
    expect(await keysOf(await get('van-2', { offset: '-1' }))).toEqual(['everybody', 'north', 'of-van-2'])
    expect(await keysOf(await get('van-3', { offset: '-1' }))).toEqual(['everybody', 'south'])
    expect(await keysOf(await get('van-1', { offset: '-1' }, 'asset'))).toEqual([])
  })

  it('tell a device of its own changes alone, and of a row that moves away as a delete', async () => {
    const starts = new Map<string, Readonly<Record<string, string>>>()
    for (const device of devices.keys()) starts.set(device, place(await get(device, { offset: '-1' })))
    await putPart('of-van-2', 'north', 'van-2', 'renamed')
    await putPart('north', 'south', null)
    const told = new Map<string, readonly (readonly unknown[])[]>()
    for (const [device, at] of starts) {
      const messages = changesIn(await messagesOf(await get(device, at)))
      told.set(
        device,
        messages.map(({ headers, value }) => [headers['operation'], value?.['key']]),
      )
    }
    expect(Object.fromEntries(told)).toEqual({
      'van-1': [['delete', 'north']],
      'van-2': [
        ['update', 'of-van-2'],
        ['delete', 'north'],
      ],
      'van-3': [['insert', 'north']],
    })
  })

  it('of another scope are not read with its handle', async () => {
    const theirs = place(await get('van-2', { offset: '-1' }))
    for (const offset of ['0_0', '0_inf', '1_0']) {
      const response = await get('van-1', { offset, handle: theirs.handle })
      expect(response.status).toBe(409)
      expect(headerOf(response, 'electric-handle')).not.toBe(theirs.handle)
      expect(await response.text()).not.toContain('of-van-2')
    }
  })

  it('are closed to tokens that are forged, old, early, of another device, tenant or key, or none', async () => {
    const path = '/v1/shapes/part?offset=-1'
    const [device = '', payload = '', signature = ''] = token('van-1').split('.')
    const bad = [
      '',
      'van-1',
      token('van-1', generateKeyPair()),
      token('van-1', devices.get('van-1')?.key, 'other'),
      `van-2.${payload}.${signature}`,
      `${device}.${Buffer.from('{}').toString('base64url')}.${signature}`,
      `${device}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
      token('van-9', generateKeyPair()),
      `${token('van-1')}x`,
    ]
    for (const text of bad) expect((await ask(named.app, path, text)).status, text).toBe(401)
    const good = token('van-1')
    expect((await ask(named.app, path, good)).status).toBe(200)
    clock.advance(2 * SHAPE_TOKEN_VALID_MS)
    expect((await ask(named.app, path, good)).status).toBe(401)
    const later = token('van-1')
    clock.advance(-2 * SHAPE_TOKEN_VALID_MS)
    expect((await ask(named.app, path, later)).status).toBe(401)
  })

  it.each(['table', 'where', 'columns', 'queryable_columns', 'params', 'params[1]', 'params[3]'])(
    'let a request decide nothing of %s',
    async (name) => {
      const response = await get('van-1', { offset: '-1', [name]: 'south' })
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          message: 'Invalid request',
          errors: { [name]: ['is decided by the shape and its reader, not by the request'] },
        },
      ])
    },
  )

  it('keep subsets within the scope and the columns', async () => {
    const subset = {
      offset: '-1',
      log: 'changes_only',
      subset__where: `true or device = 'van-2'`,
      subset__order_by: 'key',
    }
    const response = await get('van-1', subset)
    const { data } = (await response.json()) as { data: { value: { key: string } }[] }
    expect(data.map(({ value }) => value.key)).toEqual(['everybody', 'north', 'of-van-1'])
    expect(headerOf(response, 'cache-control')).toBe('private, no-store')
    expect((await get('van-1', { ...subset, subset__where: `columns is not null` })).status).toBe(400)
    expect((await get('van-1', { ...subset, subset__order_by: 'columns' })).status).toBe(400)
  })

  it('whatever a request says, nothing from outside the scope comes out (property)', async () => {
    const names = [
      'offset',
      'handle',
      'live',
      'cursor',
      'replica',
      'log',
      'expired_handle',
      'subset__where',
      'subset__order_by',
      'subset__params',
      'subset__limit',
      'subset__offset',
      'secret',
      'shape',
    ]
    const theirs = place(await get('van-2', { offset: '-1' }))
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '-1',
        'now',
        '0_0',
        '0_inf',
        theirs.handle,
        'true',
        `' or true --`,
        `device = 'van-2'`,
        'true) or (true',
        `true or tenant = 'other'`,
        `(true)); select * from ops.row; --`,
        '{"1":"x"}',
        'full',
        'changes_only',
        'key',
        '1',
        `key = any(array['of-van-2'])`,
        'tenant desc, key',
        '%27',
        '\\',
      ),
    )
    const query = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 })
    await fc.assert(
      fc.asyncProperty(query, async (params) => {
        if (['', 'true', '1'].includes(params['live'] ?? 'no')) params['live'] = 'false'
        const text = await (await get('van-1', { offset: '-1', ...params })).text()
        expect(text).not.toMatch(/"key":"(of-van-2|south|of-others)"/)
      }),
      { numRuns: 150 },
    )
    const names2 = fc.string().map((name) => encodeURIComponent(name))
    await fc.assert(
      fc.asyncProperty(names2, async (name) => {
        const response = await get('van-1', { offset: '-1' }, name === '' ? 'x' : name)
        expect([400, 404]).toContain(response.status)
      }),
      { numRuns: 50 },
    )
  }, 60_000)

  it('end at once for a device that is revoked, held requests first', async () => {
    const at = place(await get('van-1', { offset: '-1' }))
    const caught = place(await get('van-1', at))
    const beside = get('van-2', {
      ...place(await get('van-2', { offset: '-1' })),
      live: 'true',
      offset: '0_inf',
    })
    const held = get('van-1', { ...caught, live: 'true' })
    const events = await get('van-1', { ...caught, live: 'true', live_sse: 'true' })
    const van = devices.get('van-1')
    if (van !== undefined) van.isRevoked = true
    await named.revoke('van-1')
    await putPart('of-van-1', 'north', 'van-1', 'a secret')
    await putPart('north', 'north', null, 'for the others')
    expect((await held).status).toBe(401)
    expect(await events.text()).not.toContain('secret')
    expect((await get('van-1', caught)).status).toBe(401)
    expect(await keysOf(await beside)).toEqual(['north'])
  })

  it('are another’s once a device is at another site: what it had there is purged', async () => {
    const before = place(await get('van-1', { offset: '-1' }))
    const held = get('van-1', { ...before, offset: '0_inf', live: 'true' })
    const van = devices.get('van-1')
    if (van !== undefined) van.site = 'south'
    const moved = await get('van-1', { ...before, offset: '0_inf' })
    expect(moved.status).toBe(409)
    expect((await held).status).toBe(409)
    const { handle } = place(moved)
    expect(await keysOf(await get('van-1', { offset: '-1', handle }))).toEqual(['everybody', 'south'])
    const left = await db.query<{ readonly scope: string }>(
      `select definition->>'scope' as scope from starling_shapes.shape where definition->>'scope' like '%van-1@%'`,
    )
    expect(left.map(({ scope }) => scope)).toEqual(['acme/van-1@south#1/1'])
  })
})

async function ask(app: Hono, path: string, bearer: string): Promise<Response> {
  return await app.request(`http://localhost${path}`, { headers: { authorization: `Bearer ${bearer}` } })
}
