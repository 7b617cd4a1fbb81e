/**
 * The site's leaf: a nats-server with a JetStream domain of its own, which keeps what devices have to say while there is no
 * link, and one outbound connection to the hub. It starts and serves with the hub absent.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectFabric } from '../../shared/fabric/connection.ts'
import type { FabricTrust } from '../../shared/fabric/credentials.ts'
import { freePort, LOOPBACK } from '../../shared/fabric/free-port.ts'
import { leafConfig } from '../../shared/fabric/nats-config.ts'
import { endStaleServer, startNatsServer, type NatsProcessEvent } from '../../shared/fabric/nats-process.ts'
import { watchStore } from '../../shared/fabric/store-watch.ts'
import type { DeviceId, SiteId } from '../../shared/ids.ts'
import { domains, subjects } from '../../shared/wire/subjects.ts'
import { LinkWatch, type LinkState } from './link.ts'

/** What the streams of 32 devices may take together; each has its own limit, and one device alone fills no more than that. */
const DEFAULT_LEAF_STORE_BYTES = 32 * 64 * 1024 * 1024
const CONNECT_WITHIN_MS = 30_000

export interface LeafOptions {
  readonly binary: string
  readonly dir: string
  readonly site: SiteId
  readonly trust: FabricTrust
  /** A wish; 0 for any. */
  readonly port: number
  /** Where the hub takes leaves (`nats://host:7422`) and the site's credentials; null: stand alone. */
  readonly link: { readonly url: string; readonly creds: string } | null
  readonly maxStoreBytes?: number
  onEvent(event: NatsProcessEvent): void
  /** Told at every change, and once at the start. */
  onLink(state: LinkState): void
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

export interface Leaf {
  /** `127.0.0.1:4223`: for the site's agents. */
  readonly server: string
  pid(): number | null
  link(): LinkState
  /**
   * A device's connection to this leaf; the caller closes it. It reconnects by itself. While it is open, the device's stream is
   * watched: a leaf whose store hangs is killed and started again.
   */
  connect(device: { device: DeviceId; creds: string; name: string }): Promise<NatsConnection>
  /** Another hub address, or renewed credentials: the leaf is started anew (20 to 50 ms). */
  relink(link: { url: string; creds: string } | null): Promise<void>
  stop(): Promise<void>
}

/** Starts the leaf, whether or not the hub can be reached. Throws NatsServerFailed. */
export async function startLeaf(options: LeafOptions): Promise<Leaf> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  await endStaleServer(options.dir)
  const port = await freePort(options.port)
  const configOf = (link: LeafOptions['link']): string => {
    const credsFile = join(options.dir, 'link.creds')
    if (link !== null) writeFileSync(credsFile, link.creds, { mode: 0o600 })
    return leafConfig({
      port,
      domain: domains.site(options.site),
      storeDir: join(options.dir, 'store'),
      maxStoreBytes: options.maxStoreBytes ?? DEFAULT_LEAF_STORE_BYTES,
      trust: options.trust,
      link: link === null ? null : { url: link.url, credsFile },
    })
  }
  const watch = new LinkWatch({ nowMs: options.nowMs, onChange: (state) => options.onLink(state) })
  const nats = await startNatsServer({
    name: 'leaf',
    binary: options.binary,
    dir: options.dir,
    config: configOf(options.link),
    onEvent: (event) => {
      watch.hear(event)
      options.onEvent(event)
    },
    signal: options.signal,
  })
  const server = `${LOOPBACK}:${port}`
  return {
    server,
    pid: () => nats.pid(),
    link: () => watch.state(),
    connect: async ({ device, creds, name }) => {
      const connection = await connectFabric({
        server,
        creds,
        name,
        inboxPrefix: subjects.inboxPrefix(device),
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(CONNECT_WITHIN_MS)]),
      })
      const stuck = watchStore({ connection, subject: subjects.out(device), onStuck: () => nats.revive() })
      void connection.closed().then(async () => stuck.stop())
      return connection
    },
    relink: async (link) => nats.restart(configOf(link)),
    stop: async () => nats.stop(),
  }
}
