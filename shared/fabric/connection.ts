/** Connecting to a NATS server of the fabric, always with credentials, always with its own inbox prefix. */
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { BadCredentials, FabricUnreachable } from './errors.ts'

/** A black hole is seen after two of these, not after the six minutes of the defaults. */
const PING_EVERY_MS = 10_000
const MAX_PINGS_OUT = 2
const RECONNECT_WAIT_MS = 100
const CONNECT_LIMIT_MS = 2_000

export interface FabricConnectionOptions {
  /** As `127.0.0.1:4222`. */
  readonly server: string
  /** The .creds text. */
  readonly creds: string
  /** Shown in the server's logs. */
  readonly name: string
  /** As `_INBOX.dev-1`: users may only subscribe to their own. */
  readonly inboxPrefix?: string
  readonly signal: AbortSignal
}

/**
 * Connects, trying again until `signal` aborts; afterwards reconnects by itself for ever. Throws {@link FabricUnreachable} when
 * `signal` aborts first, {@link BadCredentials} when the credentials are none.
 */
export async function connectFabric(options: FabricConnectionOptions): Promise<NatsConnection> {
  if (!options.creds.includes('-----BEGIN NATS USER JWT-----'))
    throw new BadCredentials(`the credentials of ${options.name} are no NATS credentials`, {
      remedy: 'Enrol the device again.',
    })
  let last: unknown
  for (;;) {
    if (options.signal.aborted)
      throw new FabricUnreachable(`the NATS server at ${options.server} did not let ${options.name} in`, {
        remedy: 'Check that the server runs and that the credentials are of this installation.',
        cause: last,
      })
    try {
      return await connect({
        servers: options.server,
        authenticator: credsAuthenticator(new TextEncoder().encode(options.creds)),
        name: options.name,
        inboxPrefix: options.inboxPrefix ?? '_INBOX',
        timeout: CONNECT_LIMIT_MS,
        pingInterval: PING_EVERY_MS,
        maxPingOut: MAX_PINGS_OUT,
        reconnectTimeWait: RECONNECT_WAIT_MS,
        maxReconnectAttempts: -1,
        // A server that restarts refuses clients for a moment; two refusals must not end the connection for good.
        ignoreAuthErrorAbort: true,
      })
    } catch (thrown) {
      last = thrown
      await pause(RECONNECT_WAIT_MS, options.signal)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
