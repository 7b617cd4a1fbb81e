/** The device's agent, put together: opened in order, closed in reverse. Everything works with the link cut. */
import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import type { LinkClass } from '../../rollout/delta/transfer.ts'
import { systemClock } from '../../shared/clock.ts'
import { Closers } from '../../shared/closers.ts'
import { takeFolderLock } from '../../shared/folder-lock.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import { recoverIntents } from '../../shared/kernel/recover.ts'
import type { Log } from '../../shared/log.ts'
import { openMetrics, type Metrics } from '../../shared/metrics/metrics.ts'
import type { RunningPart } from '../../shared/part.ts'
import { watchExpiry } from '../../shared/policy/expiry.ts'
import { keepResolver } from '../adaptation/recording-performers.ts'
import { deviceRecordings } from '../adaptation/device-recordings.ts'
import { isFieldAction } from '../actions/field-actions.ts'
import { importedFolder, voiceModel } from '../models-import/registry.ts'
import { isWriteDecision } from '../context/write-performers.ts'
import { listNames } from '../context/reads.ts'
import { enrol } from '../identity/enrol.ts'
import { realDisk } from '../models-store/disk.ts'
import { NotEnrolled, readIdentity, type Identity } from '../identity/identity.ts'
import type { JoinedLeaf } from '../leaf/joined-leaf.ts'
import { openOutbox } from '../outbox/outbox.ts'
import { MIGRATE } from '../schema/schema-bundle.ts'
import { activatePerformer, rollbackPerformer } from '../update/activation.ts'
import type { Agreement } from '../update/agreement.ts'
import { CentreClock } from '../update/centre-clock.ts'
import { openHealth } from '../update/health.ts'
import { onDesiredNews } from '../update/desired-news.ts'
import { heldResults } from '../context/held-results.ts'
import { followDesired, PolicyAcknowledged, type DesiredParts } from '../update/desired.ts'
import type { Installer } from '../update/installer.ts'
import { askOver } from './asking.ts'
import { openContext } from './context.ts'
import { serveLocally } from './face.ts'
import { Dictation } from './dictation.ts'
import { keepCarrying } from './carrying.ts'
import { LinkNews, openLeaf } from './leaf.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { openModels, type Models } from './models.ts'
import { RECOVERED } from './recovered.ts'
import { keepIndexed } from './knowing.ts'
import { startRounds } from './rounds.ts'
import { openSite } from './site.ts'
import { openUpdates } from './updates.ts'

export interface AgentOptions {
  readonly data: string
  /** Starling's own folder of programs. */
  readonly bin: string
  readonly port: number
  readonly leafPort: number
  readonly device: string
  readonly site: string
  readonly hub?: string
  readonly leafUrl?: string
  /** The site's leaf that another device keeps, as `127.0.0.1:7522`; then this one starts none. */
  readonly joinLeaf?: string
  readonly person: string
  /** Threads that hear, each with a copy of the model. */
  readonly speechThreads: number
  /** The centre's HTTP(S) address, to follow the context there instead of through the leaf. */
  readonly contextUrl?: string
  /** Over a metered link no model travels whole unless the centre says so. */
  readonly link: LinkClass
}

export interface AgentRun {
  readonly log: Log
  readonly signal: AbortSignal
  fail(error: unknown): void
}

const DESIRED_EVERY_MS = 30_000
const SLOWEST_MS = 120_000
/** A start with no models waits this long for the first ones; then it goes on without. */
const FIRST_MODELS_MS = 60_000
const BUNDLES = ['speech', 'intent'] as const

export async function startAgent(options: AgentOptions, run: AgentRun): Promise<RunningPart> {
  const closers = new Closers()
  try {
    return await open(options, run, closers)
  } catch (thrown) {
    await closers.close()
    throw thrown
  }
}

/** The device once its state and its leaf are open. */
export interface Device {
  readonly options: AgentOptions
  readonly run: AgentRun
  readonly identity: Identity
  readonly ledger: Ledger
  readonly leaf: JoinedLeaf
  readonly linkNews: LinkNews
  readonly connection: NatsConnection
  readonly metrics: Metrics
  readonly models: Models
  readonly dictation: Dictation
  readonly installer: Installer
  readonly agreement: Agreement
  readonly shadowed: DesiredParts['shadowed']
  /** The device itself as principal. */
  readonly itself: Principal
}

/** The released models and the imported ones. */
function openAllModels(
  { data, speechThreads }: AgentOptions,
  signal: AbortSignal,
  closers: Closers,
): { readonly models: Models; readonly dictation: Dictation } {
  const imported = importedFolder(data)
  const models = openModels({
    clock: systemClock,
    signal,
    speechThreads,
    voiceModel: () => voiceModel(imported),
  })
  closers.add(async () => await models.close())
  const dictation = new Dictation(imported, systemClock, signal)
  closers.add(async () => await dictation.close())
  return { models, dictation }
}

async function open(options: AgentOptions, run: AgentRun, closers: Closers): Promise<RunningPart> {
  const { log, signal } = run
  const lock = takeFolderLock(options.data, 'starling edge')
  closers.add(() => lock.release())
  const identity = await identityOf(options, run)
  const metrics = openMetrics()
  const linkNews = new LinkNews()
  const { leaf, kept } = await openLeaf(options, run, { identity, linkNews })
  closers.add(async () => await leaf.stop())
  const ledger = await openLedger({
    folder: options.data,
    identity,
    clock: systemClock,
    metrics,
    signal,
    log,
    onFatal: (error) => run.fail(error),
  })
  closers.add(async () => await ledger.close())
  const { device, deviceCreds: creds } = identity
  const connection = await leaf.connect({ device, creds, name: device })
  closers.add(async () => await connection.close())
  const { models, dictation } = openAllModels(options, signal, closers)
  const itself: Principal = { kind: 'device', id: device, roles: ['device'] }
  const ask = askOver(connection, identity.tenant, device)
  const site = await openSite(options.data, { connection, ask, log, device, isKept: kept !== null }, closers)
  const following = { tenant: identity.tenant, device, connection, linkNews, log }
  const carrying = { ...following, folder: options.data, ask, identity, leafUrl: options.leafUrl }
  if (kept !== null) closers.add(keepCarrying({ ...carrying, leaf: kept }))
  const updates = await openUpdates({
    folder: options.data,
    identity,
    ledger,
    models,
    ask,
    itself,
    link: options.link,
    site,
    log,
  })
  const { installer, agreement } = updates
  const parts: Device = {
    options,
    run,
    identity,
    ledger,
    leaf,
    linkNews,
    connection,
    metrics,
    models,
    dictation,
    installer,
    agreement,
    shadowed: () => updates.shadowed(),
    itself,
  }
  await settle(parts)
  // Before the models: their grammar is made once, with these names.
  await models.relearn(await listNames(ledger.db))
  await installer.resume(signal)
  await updates.settleSchema()
  await startModels(parts)
  const work = await openWork(parts, closers)
  const url = await serveLocally({ ...parts, ...work }, closers)
  log.info(`the technician's page is at ${url}`)
  const facts = models.facts().map(({ name, digest }) => ({ name, digest }))
  return { ready: { http: { url }, device, models: facts }, stop: async () => await closers.close() }
}

/** What this device is; a new one is enrolled first. */
async function identityOf(options: AgentOptions, { log, signal }: AgentRun): Promise<Identity> {
  try {
    return readIdentity(options.data)
  } catch (thrown) {
    if (!(thrown instanceof NotEnrolled)) throw thrown
    const token = process.env['STARLING_ENROL_TOKEN']
    if (options.hub === undefined || token === undefined || token === '') throw thrown
    const { device, site, hub } = options
    await enrol(options.data, { hub, token, device, site, signal })
    log.info(`enrolled as ${device} at ${site}; the key was made here and stays here`)
    return readIdentity(options.data)
  }
}

/** What the last stop cut short is settled before anything new is done, and said. */
async function settle({ options, identity, ledger, installer, run }: Device): Promise<void> {
  const never = (): never => {
    throw new TypeError('only resolve is called')
  }
  const models = READING.map((action) => ({
    action,
    perform: never,
    resolve: async () => 'did_not_take_place' as const,
  }))
  const settled = await recoverIntents({
    journal: ledger.journal,
    external: [
      ...models,
      activatePerformer(installer.slots),
      rollbackPerformer(installer.slots),
      keepResolver(deviceRecordings(options.data, identity.keyPair)),
    ],
    isTransactional: (action) =>
      isFieldAction(action) || isWriteDecision(action) || TRANSACTIONAL.has(action),
  })
  for (const { recordId, action, resolution } of settled)
    run.log.warn(`${action} was cut short by the last stop: ${resolution.replaceAll('_', ' ')}`, {
      record: recordId,
    })
}

/** What changes nothing: cut short, it did not take place. */
const READING = ['model.transcribe', 'model.understand', 'context.search', 'context.query', 'context.pack']

const TRANSACTIONAL: ReadonlySet<string> = new Set([
  'memory.read',
  'memory.write',
  'inbox.raise',
  'context.apply',
  'context.index',
  'speech.consent',
  RECOVERED,
  MIGRATE,
])

async function startModels({ installer, models, run }: Device): Promise<void> {
  for (const name of BUNDLES) {
    const active = await installer.active(name)
    if (active === null) continue
    await models.use(active.dir)
    run.log.info(`runs the bundle ${name} ${active.version}`)
  }
  const newest = (await installer.activeOf('domain')).at(-1)
  if (newest === undefined) return
  await models.use(newest.dir, newest.facts)
  run.log.info(`runs the domain of the bundle ${newest.name} ${newest.version}`)
}

/** What goes on beside turns: journal up, context and desired state down. */
async function openWork(device: Device, closers: Closers) {
  const { identity, ledger, connection, models, installer, agreement, run } = device
  const { tenant, device: id } = identity
  const { log } = run
  const ask = askOver(connection, tenant, id)
  const outbox = await openOutbox({
    tenant,
    device: id,
    journal: ledger.journal,
    connection,
    centre: identity.receiptKey,
    clock: systemClock,
    onEvent: (event) => {
      if (event.kind === 'trouble')
        log.warn('the outbox waits', { code: event.error.code, message: event.error.message })
      else if (event.kind === 'resent')
        log.info('sent records again', { after: event.after, reason: event.reason })
    },
  })
  closers.add(async () => await outbox.stop())
  const centreClock = new CentreClock()
  const acknowledged = new PolicyAcknowledged()
  closers.add(watchExpiry({ policy: () => ledger.policy.current(), clock: systemClock, log }))
  const health = await openHealth({ folder: device.options.data, disk: realDisk, clock: systemClock })
  closers.add(async () => await health.close())
  const contextUrl = device.options.contextUrl ?? null
  const knowledge = keepIndexed(device, closers)
  const onChanged = (): void => knowledge.wake()
  const sync = await openContext(device, { centreClock, contextUrl, onChanged }, closers)
  let firstRound: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    firstRound = resolve
  })
  const desired = startRounds({
    name: 'following the desired state',
    everyMs: DESIRED_EVERY_MS,
    atMostMs: SLOWEST_MS,
    log,
    round: async (signal) => {
      const hindrances = await followDesired(
        {
          ask,
          installer,
          agreement,
          health,
          clock: systemClock,
          centreClock,
          log,
          policy: ledger.policy,
          acknowledged,
          results: async () => await heldResults(ledger.db),
          shadowed: device.shadowed,
        },
        signal,
      )
      models.hinderedBy(hindrances)
      firstRound()
    },
  })
  closers.add(async () => await desired.stop())
  closers.add(onDesiredNews(connection, { tenant, device: id }, () => desired.wake()))
  device.linkNews.add((state) => {
    if (state === 'down') return
    outbox.nudge()
    desired.wake()
  })
  if (models.facts().length < BUNDLES.length || sync.status().lsn === null)
    await untilFirst(Promise.all([first, sync.untilFirst(run.signal)]), run)
  return { outbox, sync, centreClock, health, knowledge, random: (size: number) => randomBytes(size) }
}

/** A new device is ready when it holds its models and its context; one whose centre is away says so and goes on. */
async function untilFirst(first: Promise<unknown>, { log, signal }: AgentRun): Promise<void> {
  log.info('waits for its first models and context from the centre')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), FIRST_MODELS_MS)
    signal.addEventListener('abort', () => resolve('late'), { once: true })
  })
  const outcome = await Promise.race([first.then(() => 'there' as const), late])
  clearTimeout(timer)
  if (outcome === 'late')
    log.warn('starts without models or context: turns are refused until the centre was reached')
}
