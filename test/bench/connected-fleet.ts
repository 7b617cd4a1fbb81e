/** A real nats-server, and one connection a device, each with its own credentials: what benchmarks of a whole fleet stand on. */
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { startHub, type Hub } from '../../control-plane/hub/hub.ts'
import type { Closers } from '../../shared/closers.ts'
import { connectFabric } from '../../shared/fabric/connection.ts'
import { credsText, makeUserKey, type FabricAuthority } from '../../shared/fabric/credentials.ts'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import type { DeviceId } from '../../shared/ids.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'
import { subjects } from '../../shared/wire/subjects.ts'

/** Connections that are made at once: each answers the server's challenge with a signature. */
const AT_ONCE = 50
const CONNECTED_WITHIN_MS = 60_000

export async function openHub(folder: string, authority: FabricAuthority, closers: Closers): Promise<Hub> {
  const { signal } = new AbortController()
  const binary = await findNatsServer({
    env: process.env,
    cacheDir: join(folder, 'bin'),
    mayInstall: true,
    onProgress: () => undefined,
    signal,
  })
  const hub = await startHub({
    binary: binary.path,
    dir: join(folder, 'nats'),
    authority,
    port: 0,
    leafPort: 0,
    onEvent: () => undefined,
    signal,
  })
  closers.add(async () => await hub.stop())
  return hub
}

/** `begin` is called with each device's connection; what it subscribes to is the server's when this resolves. */
export async function connectAll(
  devices: readonly DeviceId[],
  fabric: { readonly hub: Hub; readonly authority: FabricAuthority; readonly closers: Closers },
  begin: (device: DeviceId, connection: NatsConnection) => void | Promise<void>,
): Promise<void> {
  const { hub, authority, closers } = fabric
  const connections: NatsConnection[] = []
  closers.add(async () => {
    await Promise.all(connections.map(async (connection) => await connection.close()))
  })
  for (let from = 0; from < devices.length; from += AT_ONCE)
    await Promise.all(
      devices.slice(from, from + AT_ONCE).map(async (device) => {
        const { publicKey, seed } = makeUserKey()
        const connection = await connectFabric({
          server: hub.server,
          creds: credsText(await authority.issueDevice({ device, userKey: publicKey }), seed),
          name: device,
          inboxPrefix: subjects.inboxPrefix(device),
          signal: AbortSignal.timeout(CONNECTED_WITHIN_MS),
        })
        connections.push(connection)
        await begin(device, connection)
        await connection.flush()
      }),
    )
}

/** Devices as enrolment leaves them. */
export async function enrolled(db: Database, devices: readonly string[]): Promise<void> {
  const key = generateKeyPair().publicKey.text
  for (const [at, device] of devices.entries())
    await db.query(
      `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at) values ($1, $2, $3, 'u', 'l', now())`,
      [device, `site-${at % 50}`, key],
    )
}
