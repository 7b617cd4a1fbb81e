/** The centre, put together: opened in order, closed in reverse. */
import { serve, type ServerType } from '@hono/node-server'
import type { NatsConnection } from '@nats-io/transport-node'
import { join } from 'node:path'
import { systemClock } from '../shared/clock.ts'
import { Closers } from '../shared/closers.ts'
import { findNatsServer } from '../shared/fabric/nats-server-binary.ts'
import { openAuthority, type FabricAuthority } from '../shared/fabric/credentials.ts'
import { freePort, LOOPBACK } from '../shared/fabric/free-port.ts'
import { takeFolderLock } from '../shared/folder-lock.ts'
import { parseTenantId, type TenantId } from '../shared/ids.ts'
import type { Environment, Kernel } from '../shared/kernel/contract.ts'
import type { Log } from '../shared/log.ts'
import { packageVersion } from '../shared/package-version.ts'
import type { RunningPart } from '../shared/part.ts'
import { watchExpiry } from '../shared/policy/expiry.ts'
import { openDatabase } from '../shared/sql/open-database.ts'
import type { Database } from '../shared/sql/port.ts'
import { watchedDatabase } from '../shared/sql/watched-database.ts'
import { openAskService } from './asks/ask-service.ts'
import { openTeller, type Teller } from './asks/tell.ts'
import { applyWrite } from './context/apply-write.ts'
import { openAccess, writeOperatorToken } from './http/access.ts'
import { centreApi } from './http/app.ts'
import { openGovernance, type Governance } from './governance.ts'
import { startHub, type Hub } from './hub/hub.ts'
import type { EnrolmentParts } from './identity/enrol.ts'
import { deviceInForce } from './identity/devices.ts'
import { revokedKeys } from './identity/revoke.ts'
import { openIngest } from './ingest/ingest.ts'
import { openCentreKeys, type CentreKeys } from './keys.ts'
import { atCentre, EffectStopped } from './performer.ts'
import { openContentRights } from './release/content-rights.ts'
import { openCentreContent, type CentreContent } from './release/content.ts'
import { openDeltaMaking, type DeltaMaking } from './release/deltas.ts'
import { desiredState } from './release/desired.ts'
import { publishPerformer, type PublishParts } from './release/publish.ts'
import { openDevelopmentKeys } from './release/repositories/development-keys.ts'
import { openOnlineKeys, type KeyRing } from './release/repositories/key-ring.ts'
import { awaited } from './release/repositories/overview.ts'
import { openRepositories, type Repositories } from './release/repositories/repositories.ts'
import { shippedBundles } from './release/shipped.ts'
import { openCampaigns, type Campaigns } from './rollouts/campaigns.ts'
import { openConductor, type Conductor } from './rollouts/conductor.ts'
import type { RolloutParts } from './rollouts/decide.ts'
import { seedSampleData } from './seed.ts'
import { openCentreShapes, type CentreShapes, type FreeFormOptions } from './shapes/centre-shapes.ts'
import { openTunnelService, type TunnelService } from './tunnel/tunnel-service.ts'

export interface CentreOptions {
  readonly data: string
  /** Starling's own folder of programs. */
  readonly bin: string
  readonly port: number
  readonly natsPort: number
  readonly leafPort: number
  readonly tenant: string
  readonly environment: Environment
  readonly sampleData: boolean
  /** Free-form shapes for whoever reaches the port; null in earnest use. */
  readonly insecureShapes: FreeFormOptions | null
  /** Where a real Electric is that serves the named shapes; null for the centre's own shape server. */
  readonly electric: string | null
}

export async function startCentre(
  options: CentreOptions,
  run: { readonly log: Log; readonly signal: AbortSignal; fail(error: unknown): void },
): Promise<RunningPart> {
  const closers = new Closers()
  try {
    return await open(options, run, closers)
  } catch (thrown) {
    await closers.close()
    throw thrown
  }
}

async function open(
  options: CentreOptions,
  run: Parameters<typeof startCentre>[1],
  closers: Closers,
): Promise<RunningPart> {
  const { log, signal } = run
  const lock = takeFolderLock(options.data, 'starling hub')
  closers.add(() => lock.release())
  const keys = openCentreKeys(options.data)
  const tenant = parseTenantId(options.tenant)
  const authority = await openAuthority(tenant, keys.fabric)
  const embedded = await openDatabase({
    dir: join(options.data, 'database'),
    clock: systemClock,
    signal,
    onFatal: (error) => run.fail(error),
  })
  closers.add(async () => await embedded.close())
  const shapes = await openCentreShapes(options.insecureShapes, {
    db: embedded,
    clock: systemClock,
    log,
    tenant,
    deviceOf: async (id) => await deviceInForce(embedded, id),
    electric: options.electric,
  })
  closers.add(async () => await shapes.close())
  const db = watchedDatabase(embedded, () => shapes.changed())
  const { environment } = options
  const governance = await openGovernance({ db, keys, environment, clock: systemClock, log })
  const { kernel } = governance
  // After the database: who was revoked is turned away from the first moment.
  const hub = await openHub({ options, authority, revoked: await revokedKeys(db) }, run, closers)
  const { campaigns, ...releases } = await openReleases(options, { ...governance, db, keys, log })
  closers.add(async () => await releases.deltas.close())
  if (options.sampleData && (await seedSampleData(kernel, tenant)))
    log.info('filled the empty centre with the sample data')
  const centre: Centre = {
    ...governance,
    options,
    tenant,
    keys,
    db,
    ...releases,
    rollout: rolloutOf({ ...governance, ...releases, campaigns, keys, environment }),
    log,
    enrolment: {
      clock: systemClock,
      tenant,
      environment,
      authority,
      keys,
      leafUrl: () => hub.leafUrl,
      policy: () => governance.policy.current().envelope,
      roots: async () => await releases.repositories.roots(),
    },
  }
  const connection = await hub.connect('centre')
  const { teller, conductor } = await openFabric(centre, { connection, settle: shapes.settle }, closers)
  const tunnel = openTunnelService({
    tenant,
    connection,
    log,
    fetch: async (request) => await shapes.named.app.fetch(request),
  })
  closers.add(async () => await tunnel.close())
  const { url, operatorToken } = await openHttp(centre, { hub, shapes, tunnel, teller, conductor }, closers)
  log.info(`the console and the API are at ${url}`)
  const addresses = { http: { url }, nats: { url: `nats://${hub.server}` }, leaf: { url: hub.leafUrl } }
  return { ready: { ...addresses, operatorToken, tenant }, stop: async () => await closers.close() }
}

function rolloutOf({
  campaigns,
  content,
  keys,
  environment,
  policy,
}: Pick<CentreOptions, 'environment'> &
  Pick<Governance, 'policy'> & {
    readonly campaigns: Campaigns
    readonly content: CentreContent
    readonly keys: CentreKeys
  }): RolloutParts {
  const { policy: policyKey, release } = keys
  const trust = { policyKey, releaseKey: release.publicKey }
  return { clock: systemClock, environment, ...trust, policy: () => policy.current(), campaigns, content }
}

/** What is released: the shipped bundles published, and every one listed. */
async function openReleases(
  options: CentreOptions,
  {
    kernel,
    policy,
    db,
    keys,
    log,
  }: Governance & { readonly db: Database; readonly keys: CentreKeys; readonly log: Log },
): Promise<Pick<Centre, 'content' | 'deltas' | 'repositories'> & { readonly campaigns: Campaigns }> {
  const { data } = options
  const content = openCentreContent(join(data, 'content'))
  const campaigns = openCampaigns()
  const repositories = openRepositories({
    db,
    kernel,
    clock: systemClock,
    environment: options.environment,
    keys: repositoryKeys(options),
    desired: async (sql, device) =>
      (await desiredState(sql, policy.current().envelope, device, campaigns)).bundles,
  })
  await publishShipped(kernel, publishingOf({ content, keys, options }), log)
  await repositories.listPublished()
  const deltas = openDeltaMaking({ kernel, db, content, log })
  deltas.wake()
  return { content, repositories, deltas, campaigns }
}

/** The centre's parts once its state is open. */
interface Centre extends Governance {
  readonly options: CentreOptions
  readonly tenant: TenantId
  readonly keys: CentreKeys
  readonly db: Database
  readonly content: CentreContent
  readonly deltas: DeltaMaking
  readonly repositories: Repositories
  readonly rollout: RolloutParts
  readonly log: Log
  readonly enrolment: EnrolmentParts
}

async function openHub(
  {
    options,
    authority,
    revoked,
  }: {
    readonly options: CentreOptions
    readonly authority: FabricAuthority
    readonly revoked: readonly string[]
  },
  run: Parameters<typeof startCentre>[1],
  closers: Closers,
): Promise<Hub> {
  const { log, signal } = run
  const binary = await findNatsServer({
    env: process.env,
    cacheDir: options.bin,
    mayInstall: true,
    onProgress: (line) => log.info(line),
    signal,
  })
  log.info(`nats-server ${binary.version} at ${binary.path}`)
  const hub = await startHub({
    binary: binary.path,
    dir: join(options.data, 'nats'),
    authority,
    port: options.natsPort,
    leafPort: options.leafPort,
    revoked,
    onEvent: (event) => {
      if (event.kind === 'given_up') run.fail(event.error)
      else if (event.kind === 'storage_lost')
        log.error('the hub lost its storage and is started again', { text: event.text })
    },
    signal,
  })
  closers.add(async () => await hub.stop())
  log.info(`the hub takes leaf nodes at ${hub.leafUrl}`)
  return hub
}

/** What comes from devices over the fabric: their journals, and their asks. */
async function openFabric(
  centre: Centre,
  { connection, settle }: { readonly connection: NatsConnection; readonly settle: CentreShapes['settle'] },
  closers: Closers,
): Promise<{ readonly teller: Teller; readonly conductor: Conductor }> {
  const { tenant, db, keys, kernel, content, repositories, log, metrics, enrolment, rollout } = centre
  closers.add(async () => await connection.close())
  const ingest = await openIngest({
    tenant,
    db,
    connection,
    key: keys.receipt,
    clock: systemClock,
    deviceOf: async (id) => await deviceInForce(db, id),
    applyWrite: async (tx, writer, record) => {
      const outcome = await applyWrite(tx, writer, record)
      const code = outcome.kind === 'rejected' ? outcome.code : 'none'
      metrics.count('starling_writes_total', { outcome: outcome.kind, code })
    },
    onEvent: (event) => {
      metrics.count('starling_ingest_total', { kind: event.kind })
      if (event.kind === 'trouble')
        log.warn('the ingest waits', { code: event.error.code, message: event.error.message })
      else if (event.kind === 'quarantined')
        log.warn('a message was set aside', { device: event.device, reason: event.reason })
    },
  })
  closers.add(async () => await ingest.stop())
  const rights = openContentRights({ kernel, clock: systemClock, repositories })
  const { authority } = enrolment
  const asks = { tenant, connection, db, kernel, content, authority, clock: systemClock, log, settle }
  const teller = openTeller({ connection, tenant })
  const conductor = openConductor({ ...centre, tell: async (devices) => await teller.tell(devices) })
  const asked = async (device: string): Promise<void> => await conductor.asked(device)
  closers.add(
    openAskService({ ...asks, rights, repositories, rollout, asked, policy: () => enrolment.policy() }),
  )
  closers.add(conductor.start())
  closers.add(watchExpiry({ policy: () => centre.policy.current(), clock: systemClock, log }))
  return { teller, conductor }
}

async function openHttp(
  centre: Centre,
  {
    hub,
    shapes,
    tunnel,
    teller,
    conductor,
  }: {
    readonly hub: Hub
    readonly shapes: CentreShapes
    readonly tunnel: TunnelService
    readonly teller: Teller
    readonly conductor: Conductor
  },
  closers: Closers,
): Promise<{ readonly url: string; readonly operatorToken: string }> {
  const { options, keys } = centre
  const access = openAccess(keys.access, systemClock)
  const operatorToken = await writeOperatorToken(access, join(options.data, 'operator.token'))
  const app = centreApi({
    ...centre,
    policies: centre.policy,
    version: packageVersion(),
    clock: systemClock,
    access,
    conductor,
    tell: async (devices) => await teller.tell(devices),
    desiredMoved: async () => await teller.tellAll(centre.db),
    publishing: publishingOf(centre),
    released: async () => {
      await centre.repositories.listPublished()
      centre.deltas.wake()
      await centre.deltas.settled()
    },
    awaiting: async () => await awaited(centre.repositories.parts),
    journalKey: keys.journal.publicKey,
    hosts: new Set([LOOPBACK, 'localhost', '[::1]']),
    shapes: [shapes.named.app, ...(shapes.freeForm === null ? [] : [shapes.freeForm])],
    shutOut: async (device, userKeys) => {
      await shapes.named.revoke(device)
      tunnel.end(device)
      await hub.revoke(userKeys)
    },
  })
  const port = await freePort(options.port)
  const server = await listen(app.fetch, port)
  closers.add(async () => await closeServer(server))
  return { url: `http://${LOOPBACK}:${port}`, operatorToken }
}

/** In production the keys of root, and of what exists, lie with their holders; what they signed is handed in. */
function repositoryKeys({ data, environment }: CentreOptions): KeyRing {
  return environment === 'development' ? openDevelopmentKeys(data, systemClock.nowMs()) : openOnlineKeys(data)
}

function publishingOf({
  content,
  keys,
  options,
}: Pick<Centre, 'content' | 'keys' | 'options'>): PublishParts {
  return {
    content,
    clock: systemClock,
    key: keys.release,
    modelKey: keys.model,
    environment: options.environment,
  }
}

async function publishShipped(kernel: Kernel, parts: PublishParts, log: Log): Promise<void> {
  for (const source of await shippedBundles()) {
    const { name, version } = source
    try {
      const { output } = await atCentre(kernel, publishPerformer(parts, source), {
        resource: { type: 'bundle', id: `${name} ${version}` },
        input: { name, version },
      })
      if (output.isNew)
        log.info(`signed and published the bundle ${name} ${version}`, { files: output.files })
    } catch (thrown) {
      if (!(thrown instanceof EffectStopped)) throw thrown
      // What an operator released since may do better than what ships: it goes on, and the centre starts.
      const { code, message, remedy } = thrown
      log.warn(`the shipped bundle ${name} ${version} was not published: ${message}`, { code, remedy })
    }
  }
}

async function listen(fetch: Parameters<typeof serve>[0]['fetch'], port: number): Promise<ServerType> {
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname: LOOPBACK }, () => resolve(server))
    server.once('error', reject)
  })
}

async function closeServer(server: ServerType): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
