/** A centre that answers asks, one real leaf, and many agents on it that install bundles: for tests and the benchmark `site`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { openAskService } from '../../control-plane/asks/ask-service.ts'
import { CENTRE_SCHEMA } from '../../control-plane/centre-schema.ts'
import { startHub, type Hub } from '../../control-plane/hub/hub.ts'
import { openContentRights } from '../../control-plane/release/content-rights.ts'
import { openCentreContent, type CentreContent } from '../../control-plane/release/content.ts'
import { DELTA_SCHEMA, keepDelta } from '../../control-plane/release/delta-store.ts'
import { openDevelopmentKeys } from '../../control-plane/release/repositories/development-keys.ts'
import { openRepositories } from '../../control-plane/release/repositories/repositories.ts'
import { REPOSITORY_SCHEMA } from '../../control-plane/release/repositories/store.ts'
import { openCampaigns } from '../../control-plane/rollouts/campaigns.ts'
import { askOver } from '../../edge-agent/agent/asking.ts'
import { startLeaf, type Leaf } from '../../edge-agent/leaf/leaf.ts'
import { realDisk } from '../../edge-agent/models-store/disk.ts'
import { openSiteCache, type SiteCache } from '../../edge-agent/site/site-cache.ts'
import { askSite, type SitePieces } from '../../edge-agent/site/site-pieces.ts'
import { openAgreement, type Agreement } from '../../edge-agent/update/agreement.ts'
import { openInstaller, type InstallOutcome, type Installer } from '../../edge-agent/update/installer.ts'
import { openManifest } from '../../rollout/manifest.ts'
import { systemClock } from '../../shared/clock.ts'
import {
  credsText,
  makeFabricSeeds,
  makeUserKey,
  openAuthority,
  type FabricAuthority,
} from '../../shared/fabric/credentials.ts'
import { freePort } from '../../shared/fabric/free-port.ts'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import { parseDeviceId, parseSiteId, parseTenantId, type DeviceId } from '../../shared/ids.ts'
import { openLog } from '../../shared/log.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { permittingKernel } from '../edge-agent/update/permitting-kernel.ts'
import { publisher } from '../edge-agent/update/publisher.ts'
import { governed, type Governed } from '../support/governed.ts'
import { openCountingProxy, type CountingProxy } from './counting-proxy.ts'

const tenant = parseTenantId('acme')
const key = generateKeyPair()
const log = openLog({ part: 'site', clock: systemClock, json: false, write: () => undefined })

export interface SiteAgent {
  readonly device: DeviceId
  readonly connection: NatsConnection
  readonly ask: Ask
  readonly installer: Installer
  /** Pieces of the site's cache that were something else. */
  readonly poisoned: string[]
  /** One round: both repositories asked, agreed, installed. */
  take(bundle: DesiredBundle): Promise<InstallOutcome>
}

export interface Site {
  readonly agents: readonly SiteAgent[]
  readonly link: CountingProxy
  readonly content: CentreContent
  readonly cacheFolder: string
  /** Signs and stores a bundle, and has every device of the site want it. */
  release(files: Readonly<Record<string, Uint8Array>>, version: string): Promise<DesiredBundle>
  /** Returns the delta's size. */
  offerDelta(base: Uint8Array, target: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** The first agent keeps the cache, as the one that hosts the leaf does. */
export async function openSite(dir: string, count: number): Promise<Site> {
  mkdirSync(dir, { recursive: true })
  const stopping = new AbortController()
  const { signal } = stopping
  const found = await findNatsServer({
    env: process.env,
    cacheDir: dir,
    mayInstall: true,
    onProgress: () => undefined,
    signal,
  })
  const authority = await openAuthority(tenant, makeFabricSeeds())
  const leafPort = await freePort(0)
  const link = await openCountingProxy(leafPort)
  const hub = await startHub({
    binary: found.path,
    dir: join(dir, 'hub'),
    authority,
    port: 0,
    leafPort,
    advertise: `127.0.0.1:${link.port}`,
    maxStoreBytes: 64 * 1024 * 1024,
    onEvent: () => undefined,
    signal,
  })
  const devices = Array.from({ length: count }, (_, at) => parseDeviceId(`agent-${at + 1}`))
  const centre = await openAnsweringCentre(dir, hub, { devices, authority })
  const leaf = await linkedLeaf({ binary: found.path, dir, hub, link, authority, devices, signal })
  const agents: SiteAgent[] = []
  const cacheFolder = join(dir, 'site-cache')
  let cache: SiteCache | null = null
  for (const device of devices) {
    const user = makeUserKey()
    const creds = credsText(await authority.issueDevice({ device, userKey: user.publicKey }), user.seed)
    const connection = await leaf.connect({ device, creds, name: device })
    const ask = askOver(connection, tenant, device)
    cache ??= await openSiteCache({ folder: cacheFolder, disk: realDisk, connection, ask, log })
    const site = agents.length === 0 ? cache : askSite(connection, device)
    agents.push(
      await openAgent({ dir: join(dir, device), device, connection, ask, site, roots: centre.roots }),
    )
  }
  return {
    agents,
    link,
    cacheFolder,
    content: centre.content,
    release: centre.release,
    offerDelta: centre.offerDelta,
    close: async () => {
      await cache?.close()
      for (const { connection } of agents) await connection.close()
      await leaf.stop()
      await centre.close()
      await hub.stop()
      await link.close()
    },
  }
}

async function openAnsweringCentre(
  dir: string,
  hub: Hub,
  { devices, authority }: { readonly devices: readonly DeviceId[]; readonly authority: FabricAuthority },
) {
  const stage: Governed = await governed({ origin: 'centre' })
  for (const schema of [CENTRE_SCHEMA, REPOSITORY_SCHEMA, DELTA_SCHEMA]) await stage.db.script(schema)
  for (const device of devices)
    await stage.db.query(
      `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at)
       values ($1, 'north', $2, 'U', 'U', now())`,
      [device, key.publicKey.text],
    )
  const { db, kernel } = stage
  const content = openCentreContent(join(dir, 'content'))
  const shop = publisher(key)
  let wanted: readonly DesiredBundle[] = []
  const repositories = openRepositories({
    db,
    kernel,
    clock: systemClock,
    environment: 'development',
    keys: openDevelopmentKeys(dir, systemClock.nowMs()),
    desired: async () => await Promise.resolve(wanted),
  })
  const connection = await hub.connect('centre')
  const stop = openAskService({
    tenant,
    connection,
    db,
    kernel,
    content,
    authority,
    rights: openContentRights({ kernel, clock: systemClock, repositories }),
    repositories,
    clock: systemClock,
    log,
    settle: null,
    rollout: {
      clock: systemClock,
      environment: 'development',
      policyKey: key,
      releaseKey: key.publicKey,
      content,
      policy: () => stage.policy(),
      campaigns: openCampaigns(),
    },
    asked: async () => await Promise.resolve(),
    policy: () => ({ payloadType: 'x', payload: '', signatures: [] }),
  })
  const stored = async (): Promise<void> => {
    for (const [sha256, bytes] of shop.contents) {
      await content.put(bytes)
      shop.contents.delete(sha256)
    }
  }
  return {
    content,
    roots: await repositories.roots(),
    release: async (files: Readonly<Record<string, Uint8Array>>, version: string): Promise<DesiredBundle> => {
      const bundle = shop.publish(files, { version })
      const envelope = shop.contents.get(bundle.envelopeSha256) ?? new Uint8Array()
      const opened = openManifest(envelope, { releaseKeys: [key.publicKey], threshold: 1 })
      if (opened.kind === 'refused') throw new Error(opened.detail)
      await db.query(
        `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at)
         values ($1, $2, $3, $4, $5::text::jsonb, now())`,
        [bundle.name, version, bundle.envelopeSha256, envelope, JSON.stringify(opened.manifest)],
      )
      await stored()
      wanted = [bundle]
      return bundle
    },
    offerDelta: async (base: Uint8Array, target: Uint8Array): Promise<number> => {
      const offer = shop.offerDelta(base, target)
      await stored()
      await keepDelta(db, offer)
      return offer.sizeBytes
    },
    close: async () => {
      await stop()
      await connection.close()
      await stage.close()
    },
  }
}

async function linkedLeaf(of: {
  readonly binary: string
  readonly dir: string
  readonly hub: Hub
  readonly link: CountingProxy
  readonly authority: Awaited<ReturnType<typeof openAuthority>>
  readonly devices: readonly DeviceId[]
  readonly signal: AbortSignal
}): Promise<Leaf> {
  const user = makeUserKey()
  const site = parseSiteId('north')
  const jwt = await of.authority.issueLeaf({ site, devices: of.devices, userKey: user.publicKey })
  let linked = (): void => undefined
  const up = new Promise<void>((resolve) => {
    linked = resolve
  })
  const leaf = await startLeaf({
    binary: of.binary,
    dir: join(of.dir, 'leaf'),
    site,
    trust: of.authority.trust,
    port: 0,
    maxStoreBytes: 64 * 1024 * 1024,
    link: { url: `nats-leaf://127.0.0.1:${of.link.port}`, creds: credsText(jwt, user.seed) },
    onEvent: () => undefined,
    onLink: ({ kind }) => {
      if (kind === 'up') linked()
    },
    nowMs: () => Date.now(),
    signal: of.signal,
  })
  await up
  return leaf
}

async function openAgent(of: {
  readonly dir: string
  readonly device: DeviceId
  readonly connection: NatsConnection
  readonly ask: Ask
  readonly site: SitePieces
  readonly roots: Parameters<typeof openAgreement>[0]['roots']
}): Promise<SiteAgent> {
  const { dir, device, connection, ask, site, roots } = of
  const { signal } = new AbortController()
  const poisoned: string[] = []
  const installer = await openInstaller({
    folder: join(dir, 'models'),
    disk: realDisk,
    ask,
    site,
    onPoisoned: (cause) => void poisoned.push(cause.message),
    onDamaged: () => undefined,
    link: () => ({ linkClass: 'unmetered' }),
    kernel: permittingKernel(),
    principal: { kind: 'device', id: device, roles: ['device'] },
    clock: systemClock,
    trust: {
      releaseKeys: [key.publicKey],
      threshold: 1,
      environment: 'development',
      runtimeVersion: '0.1.0',
    },
    alarm: (afterMs) => AbortSignal.timeout(afterMs),
    trials: {
      smoke: async () => await Promise.resolve(),
      shadow: null,
      confirm: async () => await Promise.resolve(),
      healthy: async () => await Promise.resolve(),
    },
  })
  const agreement: Agreement = openAgreement({
    folder: join(dir, 'repositories'),
    disk: realDisk,
    ask,
    clock: systemClock,
    device,
    roots,
    environment: 'development',
  })
  return {
    device,
    connection,
    ask,
    installer,
    poisoned,
    take: async (bundle) => {
      await (
        await agreement.refreshed(signal)
      )(bundle)
      return await installer.install(bundle, signal)
    },
  }
}
