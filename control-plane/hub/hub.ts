/**
 * The hub: the centre's nats-server with its JetStream domain, to which every site's leaf links, and the tenant's stream of
 * segments. Its ports are chosen once and kept, because leaves come back to them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectFabric } from '../../shared/fabric/connection.ts'
import type { FabricAuthority } from '../../shared/fabric/credentials.ts'
import { keptPorts, LOOPBACK } from '../../shared/fabric/free-port.ts'
import { hubConfig } from '../../shared/fabric/nats-config.ts'
import { endStaleServer, startNatsServer, type NatsProcessEvent } from '../../shared/fabric/nats-process.ts'
import { parseDeviceId, type TenantId } from '../../shared/ids.ts'
import { ensureStream, openStreamApi, type StreamNeed } from '../../shared/fabric/stream.ts'
import { watchStore } from '../../shared/fabric/store-watch.ts'
import { streams, subjects } from '../../shared/wire/subjects.ts'

export const DEFAULT_HUB_STORE_BYTES = 8 * 1024 * 1024 * 1024
/** Segments wait here only until the centre has stored them; weeks of a large site's records fit. */
export const UP_STREAM_SHARE = 0.5
const READY_WITHIN_MS = 30_000

export interface HubOptions {
  /** nats-server's path, from `findNatsServer`. */
  readonly binary: string
  readonly dir: string
  readonly authority: FabricAuthority
  /** Wishes: a free one is taken where they are in use; 0 for any. */
  readonly port: number
  readonly leafPort: number
  /** Loopback unless sites on other machines link to it. */
  readonly host?: string
  /** `host:port` under which leaves reach the leaf port, where it differs from where it listens (a proxy). */
  readonly advertise?: string
  readonly maxStoreBytes?: number
  /** Public keys of users that were revoked before. */
  readonly revoked?: readonly string[]
  onEvent(event: NatsProcessEvent): void
  readonly signal: AbortSignal
}

export interface Hub {
  /** `127.0.0.1:4222`: for the centre's own connections. */
  readonly server: string
  /** `nats://127.0.0.1:7422`: for leaves. */
  readonly leafUrl: string
  /** A connection with the centre's credentials; it is the caller's to close. */
  connect(name: string): Promise<NatsConnection>
  /** Turns these users away from now on, and ends the connections that they have. Throws NatsServerFailed. */
  revoke(userKeys: readonly string[]): Promise<void>
  /** Null while it is being restarted. */
  pid(): number | null
  stop(): Promise<void>
}

/** Starts the hub and makes sure of the tenant's stream. Throws NatsServerFailed, StreamUnfit, FabricUnreachable. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { authority } = options
  const host = options.host ?? LOOPBACK
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  await endStaleServer(options.dir)
  const { port, leafPort } = await keptPorts(join(options.dir, 'ports.json'), {
    port: options.port,
    leafPort: options.leafPort,
  })
  const maxStoreBytes = options.maxStoreBytes ?? DEFAULT_HUB_STORE_BYTES
  const advertise = options.advertise ?? `${host}:${leafPort}`
  const revoked = new Set(options.revoked)
  const configNow = async (): Promise<string> =>
    hubConfig({
      port,
      leafPort,
      host,
      advertise,
      storeDir: join(options.dir, 'store'),
      maxStoreBytes,
      trust: await authority.trustWithout([...revoked]),
    })
  const nats = await startNatsServer({
    name: 'hub',
    binary: options.binary,
    dir: options.dir,
    config: await configNow(),
    onEvent: (event) => options.onEvent(event),
    signal: options.signal,
  })
  const server = `${LOOPBACK}:${port}`
  const creds = await authority.issueCentre()
  const open = async (name: string): Promise<NatsConnection> =>
    connectFabric({
      server,
      creds,
      name,
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(READY_WITHIN_MS)]),
    })
  try {
    const connection = await open('hub')
    await ensureStream(
      await openStreamApi(connection),
      upStream(authority.tenant, Math.floor(maxStoreBytes * UP_STREAM_SHARE)),
    )
    const watch = watchStore({
      connection,
      subject: subjects.up(authority.tenant, parseDeviceId('hub-probe')),
      onStuck: () => nats.revive(),
    })
    return {
      server,
      leafUrl: `nats://${advertise}`,
      connect: open,
      revoke: async (userKeys) => {
        for (const key of userKeys) revoked.add(key)
        await nats.reload(await configNow())
      },
      pid: () => nats.pid(),
      stop: async () => {
        await watch.stop()
        await connection.close()
        await nats.stop()
      },
    }
  } catch (thrown) {
    await nats.stop()
    throw thrown
  }
}

/** The tenant's stream; also made anew by ingest, should the hub's store be lost while it runs. */
export function upStream(tenant: TenantId, maxBytes: number): StreamNeed {
  return { name: streams.up(tenant), subject: subjects.upAll(tenant), maxBytes, discard: 'new' }
}
