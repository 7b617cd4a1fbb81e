/** A small centre of the real parts: hub and ingest on its own database. Killed and started again by the harness. */
import { setTimeout as delay } from 'node:timers/promises'
import { startHub } from '../../control-plane/hub/hub.ts'
import { openIngest } from '../../control-plane/ingest/ingest.ts'
import { INGEST_SCHEMA } from '../../control-plane/ingest/schema.ts'
import { systemClock } from '../../shared/clock.ts'
import { reportError } from '../../shared/errors.ts'
import { openAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../shared/ids.ts'
import { loadKeyPair, loadPublicKey } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { CentreSetup, readSetup, say } from './setup.ts'

const setup = readSetup(CentreSetup, process.argv[2])
const stopping = new AbortController()
const tenant = parseTenantId(setup.tenant)
const known = new Map(
  setup.devices.map(({ device, site, key }) => [
    device,
    { device: parseDeviceId(device), site: parseSiteId(site), key: loadPublicKey(key) },
  ]),
)

async function main(): Promise<void> {
  const db = await openDatabase({ dir: `${setup.dir}/db`, onFatal: (error) => fail(error) })
  await db.script(
    `${INGEST_SCHEMA}; create table if not exists public.applied (id text not null, device text not null)`,
  )
  const hub = await startHub({
    binary: setup.binary,
    dir: `${setup.dir}/hub`,
    authority: await openAuthority(tenant, setup.seeds),
    port: setup.port,
    leafPort: setup.leafPort,
    ...(setup.advertise === null ? {} : { advertise: setup.advertise }),
    maxStoreBytes: 64 * 1024 * 1024,
    onEvent: (event) => {
      if (event.kind !== 'log') say({ hub: event.kind, pid: event.kind === 'started' ? event.pid : null })
      else if (event.level !== 'info') say({ note: event.text })
      if (event.kind === 'given_up') fail(event.error)
    },
    signal: stopping.signal,
  })
  const connection = await hub.connect('ingest')
  const ingest = await openIngest({
    tenant,
    db,
    connection,
    key: loadKeyPair(setup.key),
    clock: systemClock,
    deviceOf: async (device) => Promise.resolve(known.get(device) ?? null),
    // No guard against doubles on purpose: exactly once has to come from ingest itself.
    applyWrite: async (tx, writer, { id }) =>
      tx.query('insert into applied (id, device) values ($1, $2)', [id, writer.device]),
    onEvent: (event) => say(event.kind === 'trouble' ? { trouble: event.error } : { ingest: { ...event } }),
  })
  const stop = async (): Promise<void> => {
    await ingest.stop()
    await connection.close()
    await hub.stop()
    await db.close()
    process.exit(0)
  }
  process.stdin.on('end', () => void stop()).resume()
  process.once('SIGTERM', () => void stop())
  say({ ready: true, leafUrl: hub.leafUrl, server: hub.server })
}

function fail(error: unknown): void {
  say({ error: { ...reportError(error) } })
  process.exit(1)
}

// A port that the process before left a moment ago may still be held: one more try is what a supervisor would do.
main().catch(async (error: unknown) => {
  await delay(100)
  fail(error)
})
