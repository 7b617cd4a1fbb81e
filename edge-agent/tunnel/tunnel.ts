/**
 * The device's end of the tunnel: `fetch` over its one connection to the leaf. What is held is given up as soon as the link is known to
 * be gone, or the centre is not heard: a request that waits for a centre that lost it would hide the outage.
 */
import { randomBytes } from 'node:crypto'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../shared/clock.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { CentreUnreachable, MalformedMessage } from '../../shared/wire/answer.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import {
  BEAT_EVERY_MS,
  DEAF_AFTER_MS,
  decodeFrame,
  MAX_REQUEST_BYTES,
  type TunnelFetch,
  type TunnelFrame,
} from '../../shared/wire/tunnel.ts'
import { IncomingAnswer } from './incoming-answer.ts'

/** More than the shapes of a device, and what a person asks for meanwhile. */
const MAX_REQUESTS = 64
const LISTEN_EVERY_MS = 1_000
const UNAVAILABLE = 503

export interface TunnelParts {
  readonly connection: NatsConnection
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly clock: Clock
  /** The centre said that it holds requests of this device. */
  onBeat(): void
}

export interface Tunnel {
  /** Takes `/v1/shapes/…` with a bearer token. Rejects with {@link CentreUnreachable} when nobody answers. */
  readonly fetch: typeof fetch
  /** Gives up everything under way, because the link is gone. */
  drop(why: string): void
  close(): void
}

interface Request {
  readonly answer: IncomingAnswer
  readonly sinceMs: number
}

/** Where tunnelled addresses lie: a name that no network has. */
export const TUNNEL_URL = 'http://centre.invalid'

export function openTunnel(parts: TunnelParts): Tunnel {
  const tunnel = new OpenTunnel(parts)
  return {
    fetch: async (input, init) => await tunnel.fetch(new Request(input, init)),
    drop: (why) => tunnel.drop(why),
    close: () => tunnel.close(),
  }
}

class OpenTunnel {
  readonly #parts: TunnelParts
  readonly #requests = new Map<number, Request>()
  readonly #listen: NodeJS.Timeout
  #session = ''
  #subscription: { unsubscribe(): void } | null = null
  #lastId = 0
  #heardAtMs = 0
  #isClosed = false

  constructor(parts: TunnelParts) {
    this.#parts = parts
    this.#listen = setInterval(() => this.#noticeSilence(), LISTEN_EVERY_MS)
    this.#listen.unref()
    this.#begin()
    void this.#watch()
  }

  async fetch(request: globalThis.Request): Promise<Response> {
    request.signal.throwIfAborted()
    const { connection, tenant, device, clock } = this.#parts
    if (this.#isClosed || connection.isClosed()) throw unreachable('the tunnel is closed')
    if (this.#requests.size >= MAX_REQUESTS) throw unreachable('too many requests are under way')
    const { pathname, search } = new URL(request.url)
    const asked: TunnelFetch = {
      v: 1,
      session: this.#session,
      id: (this.#lastId += 1),
      method: request.method === 'POST' ? 'POST' : 'GET',
      path: `${pathname}${search}`,
      token: /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1] ?? '',
      body: request.method === 'POST' ? await request.text() : null,
    }
    const { session, id } = asked
    const bytes = Buffer.from(JSON.stringify(asked))
    if (bytes.length > MAX_REQUEST_BYTES)
      throw new MalformedMessage('a request is too large for the tunnel', {
        remedy: `Requests have at most ${MAX_REQUEST_BYTES} bytes.`,
      })
    const say = (verb: 'ack' | 'cancel', what: object): void => {
      if (!connection.isClosed())
        connection.publish(subjects.tunnel(tenant, device, verb), JSON.stringify({ session, id, ...what }))
    }
    const answer = new IncomingAnswer({
      signal: request.signal,
      acknowledge: (seq) => say('ack', { seq }),
      onEnd: (how) => {
        this.#requests.delete(id)
        if (how === 'given_up') say('cancel', {})
      },
    })
    const nowMs = clock.monotonicMs()
    if (this.#requests.size === 0) this.#heardAtMs = nowMs
    this.#requests.set(id, { answer, sinceMs: nowMs })
    connection.publish(subjects.tunnel(tenant, device, 'fetch'), bytes, {
      reply: subjects.tunnelInbox(device, session, id),
    })
    return await answer.response
  }

  drop(why: string): void {
    const given = [...this.#requests.values()]
    this.#requests.clear()
    // A new session tells the centre to end what is left of the old one there.
    this.#begin()
    for (const { answer } of given) answer.fail(unreachable(why))
  }

  close(): void {
    clearInterval(this.#listen)
    this.#isClosed = true
    this.drop('the tunnel was closed')
  }

  #begin(): void {
    const { connection, device } = this.#parts
    this.#subscription?.unsubscribe()
    const session = randomBytes(8).toString('hex')
    this.#session = session
    this.#subscription =
      this.#isClosed || connection.isClosed()
        ? null
        : connection.subscribe(subjects.tunnelInbox(device, session, '*'), {
            callback: (error, message) => {
              if (error === null && this.#session === session) this.#hear(message)
            },
          })
  }

  /** The leaf itself may restart. */
  async #watch(): Promise<void> {
    for await (const status of this.#parts.connection.status())
      if (status.type === 'disconnect') this.drop('the leaf is gone')
  }

  #hear(message: Msg): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const request = this.#requests.get(Number(message.subject.split('.').at(-1)))
    if (message.headers?.code === UNAVAILABLE) {
      request?.answer.fail(unreachable('the centre is not there'))
      return
    }
    this.#heardAtMs = nowMs
    let frame: TunnelFrame
    try {
      frame = decodeFrame(message.data)
    } catch (error) {
      request?.answer.fail(error as Error)
      return
    }
    if (frame.kind === 'beat') this.#compare(new Set(frame.ids), nowMs)
    else request?.answer.take(frame)
  }

  /** A request that the centre does not know of was lost on the way. */
  #compare(held: ReadonlySet<number>, nowMs: number): void {
    for (const [id, { answer, sinceMs }] of this.#requests)
      if (!held.has(id) && nowMs - sinceMs > BEAT_EVERY_MS) answer.fail(unreachable('the request was lost'))
    this.#parts.onBeat()
  }

  #noticeSilence(): void {
    if (this.#requests.size === 0) return
    if (this.#parts.clock.monotonicMs() - this.#heardAtMs > DEAF_AFTER_MS)
      this.drop('the centre is not heard any more')
  }
}

function unreachable(why: string): CentreUnreachable {
  return new CentreUnreachable(`the centre does not answer: ${why}`, {
    remedy: 'Nothing needs to be done: the device goes on alone and asks again.',
  })
}
