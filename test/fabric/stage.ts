/** Hub, centre's ingest, leaf and one device in this process, on real servers and databases: for tests and the benchmark. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startHub, type Hub } from '../../control-plane/hub/hub.ts'
import type { KnownDevice } from '../../control-plane/ingest/judge.ts'
import { openIngest, type IngestEvent } from '../../control-plane/ingest/ingest.ts'
import { INGEST_SCHEMA } from '../../control-plane/ingest/schema.ts'
import { startLeaf, type Leaf } from '../../edge-agent/leaf/leaf.ts'
import type { LinkState } from '../../edge-agent/leaf/link.ts'
import type { OutboxEvent, OutboxState } from '../../edge-agent/outbox/events.ts'
import { openOutbox } from '../../edge-agent/outbox/outbox.ts'
import { systemClock, type Clock } from '../../shared/clock.ts'
import {
  credsText,
  makeFabricSeeds,
  makeUserKey,
  openAuthority,
  type FabricAuthority,
} from '../../shared/fabric/credentials.ts'
import { freePort } from '../../shared/fabric/free-port.ts'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../shared/ids.ts'
import { openJournal, type Journal } from '../../shared/journal/journal.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Proxy } from './proxy.ts'
import type { Database } from '../../shared/sql/port.ts'

export const tenant = parseTenantId('acme')
export const device = parseDeviceId('dev-1')
export const site = parseSiteId('north')

export interface Stage {
  readonly hub: Hub
  readonly leaf: Leaf
  readonly authority: FabricAuthority
  readonly creds: string
  readonly journal: Journal
  readonly deviceDb: Database
  readonly centreDb: Database
  readonly events: readonly (OutboxEvent | IngestEvent)[]
  outboxState(): OutboxState
  /** Resolves once an event satisfies `fits`, one that came before included. */
  until(fits: (event: OutboxEvent | IngestEvent) => boolean): Promise<void>
  /** Resolves when the device has a receipt for `seq`. */
  receipted(seq: number): Promise<void>
  /** Stops outbox and ingest, lets `change` work on the stored data, and starts both again. */
  between(change: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

export async function openStage({
  dir,
  leafStreamBytes,
  proxy,
  onLink = () => undefined,
  skewMs = 0,
}: {
  dir: string
  leafStreamBytes?: number
  /** Between the leaf and the hub, to be cut. */
  proxy?: Proxy
  onLink?: (kind: LinkState['kind']) => void
  /** How far the device's clock is ahead of the centre's. */
  skewMs?: number
}): Promise<Stage> {
  const deviceClock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs }
  mkdirSync(dir, { recursive: true })
  const stopping = new AbortController()
  const { path: binary } = await findNatsServer({
    env: process.env,
    cacheDir: dir,
    mayInstall: true,
    onProgress: () => undefined,
    signal: stopping.signal,
  })
  const authority = await openAuthority(tenant, makeFabricSeeds())
  const centreDb = await openDatabase({ dir: join(dir, 'centre-db') })
  await centreDb.script(INGEST_SCHEMA)
  const deviceDb = await openDatabase({ dir: join(dir, 'device-db') })
  const [deviceKey, centreKey] = [generateKeyPair(), generateKeyPair()]
  const journal = await openJournal({ db: deviceDb, origin: device, key: deviceKey, clock: deviceClock })
  const told = new Told()
  const hub = await startHub({
    binary,
    dir: join(dir, 'hub'),
    authority,
    port: 0,
    leafPort: await leafPortFor(proxy),
    ...(proxy === undefined ? {} : { advertise: proxy.address }),
    maxStoreBytes: 256 * 1024 * 1024,
    onEvent: () => undefined,
    signal: stopping.signal,
  })
  const known: KnownDevice = { device, site, key: deviceKey.publicKey }
  const startIngest = async () => {
    const connection = await hub.connect('ingest')
    const ingest = await openIngest({
      tenant,
      db: centreDb,
      connection,
      key: centreKey,
      clock: systemClock,
      deviceOf: async (asked) => Promise.resolve(asked === device ? known : null),
      applyWrite: async () => Promise.resolve(),
      onEvent: (event) => told.add(event),
    })
    return async () => {
      await ingest.stop()
      await connection.close()
    }
  }
  const { leaf, creds } = await startStageLeaf({
    binary,
    dir,
    authority,
    hub,
    onLink,
    signal: stopping.signal,
  })
  let state = (): OutboxState => ({ receiptedSeq: 0, shippedSeq: 0, forwardedSeq: 0, problem: null })
  const startOutbox = async () => {
    const connection = await leaf.connect({ device, creds, name: 'agent' })
    const outbox = await openOutbox({
      tenant,
      device,
      journal,
      connection,
      centre: centreKey.publicKey,
      clock: deviceClock,
      ...(leafStreamBytes === undefined ? {} : { maxLeafStreamBytes: leafStreamBytes }),
      onEvent: (event) => told.add(event),
    })
    state = () => outbox.state()
    return async () => {
      await outbox.stop()
      await connection.close()
    }
  }
  let ends = [await startIngest(), await startOutbox()]
  const stopBoth = async (): Promise<void> => {
    for (const end of ends.reverse()) await end()
  }
  return {
    hub,
    leaf,
    authority,
    creds,
    journal,
    deviceDb,
    centreDb,
    events: told.events,
    outboxState: () => state(),
    until: async (fits) => told.until(fits),
    receipted: async (seq) =>
      told.until((event) => event.kind === 'receipted' && event.seq >= seq && state().receiptedSeq >= seq),
    between: async (change) => {
      await stopBoth()
      await change()
      ends = [await startIngest(), await startOutbox()]
    },
    close: async () => {
      await stopBoth()
      await leaf.stop()
      await hub.stop()
      await deviceDb.close()
      await centreDb.close()
    },
  }
}

async function startStageLeaf(stage: {
  binary: string
  dir: string
  authority: FabricAuthority
  hub: Hub
  onLink: (kind: LinkState['kind']) => void
  signal: AbortSignal
}): Promise<{ leaf: Leaf; creds: string }> {
  const { authority } = stage
  const [agentUser, leafUser] = [makeUserKey(), makeUserKey()]
  const creds = credsText(
    await authority.issueDevice({ device, userKey: agentUser.publicKey }),
    agentUser.seed,
  )
  const linkJwt = await authority.issueLeaf({ site, devices: [device], userKey: leafUser.publicKey })
  let linked = (): void => undefined
  const up = new Promise<void>((resolve) => {
    linked = resolve
  })
  const leaf = await startLeaf({
    binary: stage.binary,
    dir: join(stage.dir, 'leaf'),
    site,
    trust: authority.trust,
    port: 0,
    maxStoreBytes: 128 * 1024 * 1024,
    link: { url: stage.hub.leafUrl, creds: credsText(linkJwt, leafUser.seed) },
    onEvent: () => undefined,
    onLink: ({ kind }) => {
      stage.onLink(kind)
      if (kind === 'up') linked()
    },
    nowMs: () => Date.now(),
    signal: stage.signal,
  })
  await up
  return { leaf, creds }
}

/** The hub's leaf port, known before it starts where a proxy stands before it. */
async function leafPortFor(proxy: Proxy | undefined): Promise<number> {
  if (proxy === undefined) return 0
  const port = await freePort(0)
  proxy.setTarget(port)
  return port
}

class Told {
  readonly events: (OutboxEvent | IngestEvent)[] = []
  #changed: () => void = () => undefined

  add(event: OutboxEvent | IngestEvent): void {
    this.events.push(event)
    this.#changed()
  }

  async until(fits: (event: OutboxEvent | IngestEvent) => boolean): Promise<void> {
    while (!this.events.some(fits))
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
  }
}
