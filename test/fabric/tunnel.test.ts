/** The tunnel over a real leaf and hub: what passes, what is bounded, what ends, and what is refused. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Shape, ShapeStream, type ShapeStreamInterface } from '@electric-sql/client'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTunnelService, type TunnelService } from '../../control-plane/tunnel/tunnel-service.ts'
import { openTunnel, TUNNEL_URL, type Tunnel } from '../../edge-agent/tunnel/tunnel.ts'
import { systemClock } from '../../shared/clock.ts'
import { openLog } from '../../shared/log.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { mintShapeToken } from '../../shared/wire/shape-token.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import { MAX_PIECE_BYTES, WINDOW_PIECES } from '../../shared/wire/tunnel.ts'
import { openCentreStage } from '../edge-agent/context/stage.ts'
import { device, openStage, tenant, type Stage } from './stage.ts'

const log = openLog({ part: 'test', clock: systemClock, json: false, write: () => undefined })
const token = mintShapeToken(generateKeyPair(), { tenant, device }, Date.now())
const init = { headers: { authorization: `Bearer ${token}` } }

describe('the tunnel', () => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-tunnel-'))
  let stage: Stage
  let centre: NatsConnection
  let connection: NatsConnection
  let service: TunnelService
  let tunnel: Tunnel
  let answer: (request: Request) => Response | Promise<Response> = () => new Response('none')
  beforeAll(async () => {
    stage = await openStage({ dir })
    centre = await stage.hub.connect('tunnel')
    connection = await stage.leaf.connect({ device, creds: stage.creds, name: 'tunnel' })
    service = openTunnelService({ tenant, connection: centre, log, fetch: (request) => answer(request) })
    tunnel = openTunnel({ connection, tenant, device, clock: systemClock, onBeat: () => undefined })
    // The interest in asks crosses the link a moment after the link stands.
    for (;;) {
      const first = await ask('/v1/shapes/part').catch(() => null)
      if (first !== null) break
    }
  }, 60_000)
  afterEach(() => {
    answer = () => new Response('none')
  })
  afterAll(async () => {
    tunnel.close()
    await service.close()
    await connection.close()
    await centre.close()
    await stage.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const ask = async (path: string, more: RequestInit = {}): Promise<Response> =>
    await tunnel.fetch(`${TUNNEL_URL}${path}`, { ...init, ...more })
  /** Resolves with the request once the centre holds it, and with the moment at which it was ended there. */
  const held = (): { taken: Promise<Request>; ended: Promise<void> } => {
    let take: (request: Request) => void = () => undefined
    let end: () => void = () => undefined
    const taken = new Promise<Request>((resolve) => (take = resolve))
    const ended = new Promise<void>((resolve) => (end = resolve))
    answer = async (request) => {
      take(request)
      await new Promise<void>((resolve) =>
        request.signal.addEventListener('abort', () => {
          end()
          resolve()
        }),
      )
      return new Response('too late')
    }
    return { taken, ended }
  }

  it('carries path, token, body, status and headers', async () => {
    answer = async (request) => {
      const { pathname, search } = new URL(request.url)
      const said = [
        request.method,
        pathname,
        search,
        await request.text(),
        request.headers.get('authorization'),
      ]
      return new Response(JSON.stringify(said), { status: 409, headers: { 'electric-handle': 'h-1' } })
    }
    const got = await ask('/v1/shapes/work_order?offset=-1', { method: 'POST', body: '{"limit":1}' })
    expect([got.status, got.headers.get('electric-handle')]).toEqual([409, 'h-1'])
    expect(await got.json()).toEqual([
      'POST',
      '/v1/shapes/work_order',
      '?offset=-1',
      '{"limit":1}',
      `Bearer ${token}`,
    ])
    answer = () => new Response(null, { status: 204 })
    expect((await ask('/v1/shapes/part')).status).toBe(204)
  })

  it('T2, T3: brings a large answer whole, and never more than a window ahead of its reader', async () => {
    const bytes = MAX_PIECE_BYTES * (WINDOW_PIECES * 3) + 12_345
    const body = Buffer.alloc(bytes, 'abcdefghij')
    let given = 0
    answer = () =>
      new Response(
        new ReadableStream(
          {
            pull: (controller) => {
              if (given >= bytes) {
                controller.close()
                return
              }
              controller.enqueue(body.subarray(given, given + MAX_PIECE_BYTES))
              given += MAX_PIECE_BYTES
            },
          },
          { highWaterMark: 0 },
        ),
      )
    const got = await ask('/v1/shapes/part')
    const stream = got.body as ReadableStream<Uint8Array> | null
    const reader = stream?.getReader()
    const first = await reader?.read()
    // The centre answers something else meanwhile, so what it could have sent of this it has sent.
    const before = answer
    answer = () => new Response('small')
    expect(await (await ask('/v1/shapes/asset')).text()).toBe('small')
    answer = before
    expect(given).toBeLessThanOrEqual(MAX_PIECE_BYTES * (WINDOW_PIECES + 3))
    const rest: Uint8Array[] = [first?.value ?? new Uint8Array(0)]
    for (;;) {
      const part = await reader?.read()
      if (part === undefined || part.done) break
      rest.push(part.value)
    }
    expect(Buffer.concat(rest).equals(body)).toBe(true)
  })

  it('T4: an abandoned request ends at the centre', async () => {
    const { taken, ended } = held()
    const stop = new AbortController()
    const asked = ask('/v1/shapes/part?live=true', { signal: stop.signal })
    await taken
    stop.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    await ended
  })

  it('T4, T5: a dropped link fails what is held at once, and the next request ends what was left of it', async () => {
    const { taken, ended } = held()
    const asked = ask('/v1/shapes/part?live=true')
    await taken
    tunnel.drop('the link is down')
    await expect(asked).rejects.toMatchObject({ code: 'centre_unreachable' })
    answer = () => new Response('again')
    expect(await (await ask('/v1/shapes/part')).text()).toBe('again')
    await ended
  })

  it('T6: what a device has under way can be ended, and it is told by silence alone', async () => {
    const { taken, ended } = held()
    const asked = ask('/v1/shapes/part?live=true')
    await taken
    service.end(device)
    await ended
    tunnel.drop('over')
    await expect(asked).rejects.toMatchObject({ code: 'centre_unreachable' })
  })

  it('T1: a token of another device is refused, whatever the subject says', async () => {
    let asked = 0
    answer = () => {
      asked += 1
      return new Response('secret')
    }
    const other = mintShapeToken(generateKeyPair(), { tenant, device: 'dev-2' }, Date.now())
    for (const bad of [`Bearer ${other}`, 'Bearer nonsense', ''])
      await expect(
        tunnel.fetch(`${TUNNEL_URL}/v1/shapes/part`, { headers: { authorization: bad } }),
      ).rejects.toMatchObject({ code: 'ask_refused', details: { refusal: 'access_denied' } })
    expect(asked).toBe(0)
  })

  it('reaches shapes alone, and refuses a request that is too large', async () => {
    let asked = 0
    answer = () => {
      asked += 1
      return new Response('')
    }
    for (const path of ['/api/tokens', '/v1/shapes/../api', '/v1/shape?table=row']) {
      const stop = new AbortController()
      const refused = ask(path, { signal: stop.signal })
      // The centre ignores it; what comes after it is answered.
      await ask('/v1/shapes/part')
      stop.abort(new Error('ignored'))
      await expect(refused).rejects.toThrow('ignored')
    }
    expect(asked).toBe(3)
    await expect(ask('/v1/shapes/part', { method: 'POST', body: 'x'.repeat(70_000) })).rejects.toMatchObject({
      code: 'malformed_message',
    })
  })

  it('tells an answer that fails half way, and gives none once it is closed', async () => {
    answer = () =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            controller.enqueue(Buffer.alloc(MAX_PIECE_BYTES))
            controller.enqueue(Buffer.alloc(MAX_PIECE_BYTES))
            controller.error(new Error('the disk is gone'))
          },
        }),
      )
    const broken = ask('/v1/shapes/part').then(async (response) => await response.arrayBuffer())
    await expect(broken).rejects.toMatchObject({ code: 'ask_refused' })
    const closed = openTunnel({ connection, tenant, device, clock: systemClock, onBeat: () => undefined })
    closed.close()
    await expect(closed.fetch(`${TUNNEL_URL}/v1/shapes/part`, init)).rejects.toMatchObject({
      code: 'centre_unreachable',
    })
  })

  it('carries the public client, which follows a shape by it and is told of a change at once', async () => {
    const shapes = await openCentreStage({ pollMs: 20_000, device })
    await shapes.put('note', 'n1', 'before')
    answer = async (request) => await shapes.fetch(request)
    const stop = new AbortController()
    const stream = new ShapeStream<{ body: { text: string } }>({
      url: `${TUNNEL_URL}/v1/shapes/note`,
      headers: { authorization: () => `Bearer ${shapes.token()}` },
      fetchClient: tunnel.fetch,
      signal: stop.signal,
    })
    // The package's own types disagree under exactOptionalPropertyTypes.
    const shape = new Shape(stream as ShapeStreamInterface<{ body: { text: string } }>)
    expect((await shape.rows).map(({ body }) => body.text)).toEqual(['before'])
    const changed = new Promise<readonly string[]>((resolve) => {
      shape.subscribe(({ rows }) => resolve(rows.map(({ body }) => body.text)))
    })
    await shapes.put('note', 'n1', 'after')
    expect(await changed).toEqual(['after'])
    stop.abort()
    await shapes.close()
  })

  it('a piece that was lost on the way fails the answer', async () => {
    let fail: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (fail = resolve))
    answer = () =>
      new Response(
        new ReadableStream({
          start: async (controller) => {
            for (let piece = 0; piece < 3; piece++) controller.enqueue(Buffer.alloc(MAX_PIECE_BYTES))
            await gate
            controller.close()
          },
        }),
      )
    // A forged piece in another's place: what a lost one looks like to its reader.
    const heard = new Promise<string>((resolve) => {
      connection.subscribe(`${subjects.inboxPrefix(device)}.>`, {
        callback: (_error, message) => resolve(message.subject),
      })
    })
    const got = ask('/v1/shapes/part').then(async (response) => await response.arrayBuffer())
    const failed = expect(got).rejects.toMatchObject({ code: 'malformed_message' })
    const subject = await heard
    centre.publish(subject, Buffer.from([2, 0, 0, 0, 9, 1]))
    await centre.flush()
    fail()
    await failed
  })
})
