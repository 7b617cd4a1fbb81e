/**
 * The centre's end of the tunnel: takes a device's requests from the fabric, asks the centre's own HTTP application, and sends the
 * answer back in pieces. Who asks is the subject's word, and the token that the request carries must be of the same device.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import type { Log } from '../../shared/log.ts'
import { decodeJson, MalformedMessage } from '../../shared/wire/answer.ts'
import { claimedDevice } from '../../shared/wire/shape-token.ts'
import { parseTunnel, subjects } from '../../shared/wire/subjects.ts'
import {
  BEAT_EVERY_MS,
  encodeFrame,
  MAX_REQUEST_BYTES,
  TunnelAckSchema,
  TunnelCancelSchema,
  TunnelFetchSchema,
  type TunnelFetch,
  type TunnelFrame,
} from '../../shared/wire/tunnel.ts'
import { Acknowledged, sendResponse } from './send-response.ts'

/** A device follows some dozen shapes, one request each. */
const MAX_DEVICE_REQUESTS = 64
/** Held requests are small: this many are some thousand devices. */
const MAX_REQUESTS = 50_000

export class TunnelBusy extends StarlingError {
  override readonly code = 'tunnel_busy'
}

export class TunnelDenied extends StarlingError {
  override readonly code = 'access_denied'
}

export interface TunnelServiceParts {
  readonly tenant: TenantId
  readonly connection: NatsConnection
  readonly log: Log
  /** The application that answers; it reads the request's signal. */
  fetch(request: Request): Response | Promise<Response>
}

export interface TunnelService {
  /** Ends what a device has under way: once it is revoked. */
  end(device: string): void
  close(): Promise<void>
}

interface Running {
  readonly controller: AbortController
  readonly acknowledged: Acknowledged
}

/** One start of a device's tunnel. */
interface Session {
  readonly name: string
  readonly running: Map<number, Running>
}

export function openTunnelService(parts: TunnelServiceParts): TunnelService {
  const service = new Service(parts)
  return { end: (device) => service.end(device), close: async () => await service.close() }
}

class Service {
  readonly #parts: TunnelServiceParts
  readonly #sessions = new Map<DeviceId, Session>()
  readonly #work = new Set<Promise<void>>()
  readonly #subscription: { unsubscribe(): void }
  readonly #beats: NodeJS.Timeout

  constructor(parts: TunnelServiceParts) {
    this.#parts = parts
    // The same pattern as for all asks: a leaf passes on only what is listened to in the words that it was allowed.
    this.#subscription = parts.connection.subscribe(subjects.askAll(parts.tenant), {
      callback: (error, message) => {
        if (error === null) this.#take(message)
      },
    })
    this.#beats = setInterval(() => this.#beat(), BEAT_EVERY_MS)
    this.#beats.unref()
    void this.#watch()
  }

  end(device: string): void {
    for (const [id, session] of this.#sessions) if (id === device) this.#endSession(id, session)
  }

  async close(): Promise<void> {
    clearInterval(this.#beats)
    this.#subscription.unsubscribe()
    this.#endAll()
    await Promise.all(this.#work)
  }

  /** Answers into a connection that was lost arrive nowhere: those who asked ask again. */
  async #watch(): Promise<void> {
    for await (const status of this.#parts.connection.status())
      if (status.type === 'disconnect') this.#endAll()
  }

  #endAll(): void {
    for (const [device, session] of this.#sessions) this.#endSession(device, session)
  }

  #endSession(device: DeviceId, session: Session): void {
    for (const { controller } of session.running.values()) controller.abort()
    if (this.#sessions.get(device) === session) this.#sessions.delete(device)
  }

  #take(message: Msg): void {
    const asked = parseTunnel(message.subject)
    if (asked === null) return
    try {
      if (message.data.length > MAX_REQUEST_BYTES) throw tooLarge()
      if (asked.verb === 'fetch') this.#start(asked.device, decodeJson(TunnelFetchSchema, message.data))
      else if (asked.verb === 'cancel') {
        const { session, id } = decodeJson(TunnelCancelSchema, message.data)
        this.#running(asked.device, session, id)?.controller.abort()
      } else {
        const { session, id, seq } = decodeJson(TunnelAckSchema, message.data)
        this.#running(asked.device, session, id)?.acknowledged.upTo(seq)
      }
    } catch (thrown) {
      const { code } = reportError(thrown)
      this.#parts.log.warn('a tunnelled request was ignored', { device: asked.device, code })
    }
  }

  #running(device: DeviceId, session: string, id: number): Running | undefined {
    const known = this.#sessions.get(device)
    return known?.name === session ? known.running.get(id) : undefined
  }

  #start(device: DeviceId, fetch: TunnelFetch): void {
    const session = this.#session(device, fetch.session)
    const running = { controller: new AbortController(), acknowledged: new Acknowledged() }
    const refusal = this.#refusal(device, session, fetch)
    if (refusal !== null) {
      this.#send(device, fetch, { kind: 'failed', report: reportError(refusal) })
      return
    }
    session.running.set(fetch.id, running)
    const work = this.#answer(device, fetch, running).finally(() => {
      this.#work.delete(work)
      session.running.delete(fetch.id)
      if (session.running.size === 0 && this.#sessions.get(device) === session) this.#sessions.delete(device)
    })
    this.#work.add(work)
  }

  #session(device: DeviceId, name: string): Session {
    const known = this.#sessions.get(device)
    if (known?.name === name) return known
    // T4: what an earlier start of the device left is nobody's any more.
    if (known !== undefined) this.#endSession(device, known)
    const session: Session = { name, running: new Map() }
    this.#sessions.set(device, session)
    return session
  }

  #refusal(device: DeviceId, session: Session, fetch: TunnelFetch): StarlingError | null {
    // T1: a leaf could ask in the name of any device of its tenant; the token only its own device can sign.
    if (claimedDevice(fetch.token) !== device)
      return new TunnelDenied('the token is not of the device that asks', {
        remedy: 'Ask with a token of the device itself.',
      })
    if (session.running.size < MAX_DEVICE_REQUESTS && this.#work.size < MAX_REQUESTS) return null
    return new TunnelBusy('too many requests are under way', { remedy: 'Ask again in a moment.' })
  }

  async #answer(device: DeviceId, fetch: TunnelFetch, { controller, acknowledged }: Running): Promise<void> {
    const { signal } = controller
    try {
      const response = await this.#parts.fetch(
        new Request(new URL(fetch.path, 'http://centre'), {
          method: fetch.method,
          headers: { authorization: `Bearer ${fetch.token}` },
          signal,
          ...(fetch.method === 'POST' ? { body: fetch.body ?? '' } : {}),
        }),
      )
      if (!signal.aborted)
        await sendResponse(response, {
          acknowledged,
          signal,
          send: (frame) => this.#send(device, fetch, frame),
        })
    } catch (thrown) {
      if (signal.aborted) return
      this.#send(device, fetch, { kind: 'failed', report: reportError(thrown) })
      if (!(thrown instanceof StarlingError))
        this.#parts.log.error('a tunnelled request failed', { device, message: reportError(thrown).message })
    } finally {
      acknowledged.end()
    }
  }

  #send(device: DeviceId, { session, id }: TunnelFetch, frame: TunnelFrame): void {
    const { connection } = this.#parts
    if (!connection.isClosed())
      connection.publish(subjects.tunnelInbox(device, session, id), encodeFrame(frame))
  }

  #beat(): void {
    const { connection } = this.#parts
    if (connection.isClosed()) return
    for (const [device, { name, running }] of this.#sessions)
      connection.publish(
        subjects.tunnelInbox(device, name, 'beat'),
        encodeFrame({ kind: 'beat', ids: [...running.keys()] }),
      )
  }
}

function tooLarge(): MalformedMessage {
  return new MalformedMessage('a tunnelled request is too large', {
    remedy: `Requests have at most ${MAX_REQUEST_BYTES} bytes.`,
  })
}
