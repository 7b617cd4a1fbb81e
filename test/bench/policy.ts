/**
 * From the publication of a policy with other thresholds to the last of a thousand devices whose acknowledgement the centre answered:
 * the centre's kernel, database and answers on one side, a real nats-server between, and on the other side as many devices by
 * their own code, each with its connection, its folder, its held policy and its rounds.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { openAskService } from '../../control-plane/asks/ask-service.ts'
import { openTeller, type Teller } from '../../control-plane/asks/tell.ts'
import { openGovernance, type Governance } from '../../control-plane/governance.ts'
import { openCentreKeys, type CentreKeys } from '../../control-plane/keys.ts'
import { atCentre } from '../../control-plane/performer.ts'
import { publishPolicyPerformer } from '../../control-plane/policy-change.ts'
import { openCentreContent } from '../../control-plane/release/content.ts'
import { openContentRights } from '../../control-plane/release/content-rights.ts'
import { desiredState } from '../../control-plane/release/desired.ts'
import { openDevelopmentKeys } from '../../control-plane/release/repositories/development-keys.ts'
import { openRepositories } from '../../control-plane/release/repositories/repositories.ts'
import { openCampaigns } from '../../control-plane/rollouts/campaigns.ts'
import { openConductor } from '../../control-plane/rollouts/conductor.ts'
import type { RolloutParts } from '../../control-plane/rollouts/decide.ts'
import { askOver } from '../../edge-agent/agent/asking.ts'
import { startRounds } from '../../edge-agent/agent/rounds.ts'
import { openHeldPolicy, storePolicy } from '../../edge-agent/identity/held-policy.ts'
import { realDisk } from '../../edge-agent/models-store/disk.ts'
import { openAgreement } from '../../edge-agent/update/agreement.ts'
import { CentreClock } from '../../edge-agent/update/centre-clock.ts'
import { onDesiredNews } from '../../edge-agent/update/desired-news.ts'
import { followDesired, PolicyAcknowledged } from '../../edge-agent/update/desired.ts'
import { openHealth } from '../../edge-agent/update/health.ts'
import { openInstaller } from '../../edge-agent/update/installer.ts'
import { systemClock } from '../../shared/clock.ts'
import { Closers } from '../../shared/closers.ts'
import { openAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseTenantId, type DeviceId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import { openLog, type Log } from '../../shared/log.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { ReportedStateSchema } from '../../shared/wire/state.ts'
import { connectAll, enrolled, openHub } from './connected-fleet.ts'
import { quantile, type BenchReport } from './report.ts'

const USUAL_DEVICES = 1_000
const CHANGES = 3
/** As a device looks by itself: nobody waits for that here. */
const LOOKS_EVERY_MS = 60_000
/** What is not acknowledged by then is lost. */
const WITHIN_MS = 600_000
/** Devices that begin at once. */
const AT_ONCE = 50
const TENANT = parseTenantId('bench')
const ENVIRONMENT = 'development'
/** Each device has a disk of its own: a thousand that wait for one disk would say nothing of them. The centre's is a real one. */
const MEMORY = '/dev/shm'

export async function run(
  progress: (line: string) => void,
  options: { readonly limit?: string | undefined } = {},
): Promise<BenchReport> {
  const count = options.limit === undefined ? USUAL_DEVICES : Number(options.limit)
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-policy-'))
  const closers = new Closers()
  closers.add(async () => await rm(folder, { recursive: true, force: true }))
  try {
    const stage = await openStage(folder, { count, progress }, closers)
    progress(`${count} devices follow the first policy`)
    const inForce: number[] = []
    const each: number[] = []
    const last: number[] = []
    for (let change = 0; change < CHANGES; change += 1) {
      const times = await stage.fleet.acknowledgedBy(async () => await changed(stage))
      inForce.push(...times.map(({ heldMs }) => heldMs))
      each.push(...times.map(({ acknowledgedMs }) => acknowledgedMs))
      last.push(Math.max(...times.map(({ acknowledgedMs }) => acknowledgedMs)))
    }
    const seconds = (ms: number): number => ms / 1_000
    return {
      bench: 'policy',
      rows: [
        { name: 'devices online', value: count, unit: 'devices' },
        { name: 'changes of the thresholds', value: CHANGES, unit: 'policies' },
        {
          name: 'devices that the centre counts as following the last',
          value: await followersOf(stage),
          unit: 'devices',
          goal: { op: '>=', value: count },
        },
        {
          name: 'publication to in force on one device, p50',
          value: seconds(quantile(inForce, 0.5)),
          unit: 's',
        },
        {
          name: 'publication to in force on a device, p99',
          value: seconds(quantile(inForce, 0.99)),
          unit: 's',
        },
        {
          name: 'publication to one device acknowledged, p50',
          value: seconds(quantile(each, 0.5)),
          unit: 's',
        },
        { name: 'publication to the last acknowledged, worst', value: seconds(Math.max(...last)), unit: 's' },
      ],
    }
  } finally {
    await closers.close()
  }
}

interface Times {
  readonly heldMs: number
  readonly acknowledgedMs: number
}

/** Devices that take a policy and say so; each is noted with its times. */
class FollowingFleet {
  readonly devices: readonly DeviceId[]
  readonly #times = new Map<string, Times>()
  #version = 1
  #fromMs = performance.now()
  #isAll: () => void = () => undefined

  constructor(devices: readonly DeviceId[]) {
    this.devices = devices
  }

  /** The device's own way to the centre, watched: when it reports the policy, and when that was answered. */
  watched(device: DeviceId, ask: Ask): Ask {
    return async (verb, request, signal) => {
      const said = verb === 'state.report' ? decodeJson(ReportedStateSchema, request).policy : undefined
      const heldMs = performance.now() - this.#fromMs
      const answer = await ask(verb, request, signal)
      if (said?.version === this.#version && said.refused === null && !this.#times.has(device)) {
        this.#times.set(device, { heldMs, acknowledgedMs: performance.now() - this.#fromMs })
        if (this.#times.size === this.devices.length) this.#isAll()
      }
      return answer
    }
  }

  /** Milliseconds from the beginning of `act`, which makes the next version. Rejects when one device never says that it follows. */
  async acknowledgedBy(act: () => Promise<unknown>): Promise<readonly Times[]> {
    this.#times.clear()
    this.#version += 1
    let late: NodeJS.Timeout | undefined
    const all = new Promise<void>((resolve, reject) => {
      this.#isAll = resolve
      late = setTimeout(
        () =>
          reject(
            new Error(`${this.devices.length - this.#times.size} devices never said that they follow it`),
          ),
        WITHIN_MS,
      )
    })
    this.#fromMs = performance.now()
    try {
      await Promise.all([act(), all])
    } finally {
      clearTimeout(late)
    }
    return [...this.#times.values()]
  }
}

interface Stage {
  readonly db: Database
  readonly governance: Governance
  readonly rollout: RolloutParts
  readonly teller: Teller
  readonly fleet: FollowingFleet
}

/** As `PUT /api/policy` has it. */
async function changed({ db, governance, rollout, teller }: Stage): Promise<void> {
  const { document } = governance.policy.current()
  const version = document.version + 1
  const next = { ...document, version, thresholds: { act: version % 2 === 0 ? 0.8 : 0.75, ask: 0.4 } }
  await atCentre(governance.kernel, publishPolicyPerformer(rollout), {
    resource: { type: 'policy', id: document.name },
    input: { document: next, approvals: [] } as unknown as JsonObject,
    principal: { kind: 'person', id: 'olu', roles: ['operator'] },
  })
  await governance.policy.refresh()
  await teller.tellAll(db)
}

async function followersOf({ db, governance }: Stage): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*) as count from centre.device where reported->'policy'->>'digest' = $1`,
    [governance.policy.current().digest],
  )
  return row?.count ?? 0
}

async function openStage(
  folder: string,
  { count, progress }: { readonly count: number; readonly progress: (line: string) => void },
  closers: Closers,
): Promise<Stage> {
  const clock = systemClock
  const log = openLog({ part: 'bench', clock, json: false, write: progress })
  const keys = openCentreKeys(folder)
  const db = await openDatabase({ dir: join(folder, 'database') })
  closers.add(async () => await db.close())
  const governance = await openGovernance({ db, keys, environment: ENVIRONMENT, clock, log })
  const authority = await openAuthority(TENANT, keys.fabric)
  const hub = await openHub(folder, authority, closers)
  const connection = await hub.connect('centre')
  closers.add(async () => await connection.close())
  const rollout: RolloutParts = {
    clock,
    environment: ENVIRONMENT,
    policyKey: keys.policy,
    releaseKey: keys.release.publicKey,
    content: openCentreContent(join(folder, 'content')),
    policy: () => governance.policy.current(),
    campaigns: openCampaigns(),
  }
  const teller = openTeller({ connection, tenant: TENANT })
  const centre = { folder, db, governance, rollout, teller, log }
  closers.add(answering({ ...centre, connection, authority }))
  const disks = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'starling-bench-policy-'))
  closers.add(async () => await rm(disks, { recursive: true, force: true }))
  const devices = Array.from({ length: count }, (_, at) => parseDeviceId(`device-${at}`))
  await enrolled(db, devices)
  const fleet = new FollowingFleet(devices)
  progress('the devices connect, and each says which policy it follows')
  const connections = new Map<DeviceId, NatsConnection>()
  await connectAll(devices, { hub, authority, closers }, (device, own) => void connections.set(device, own))
  const following = [...connections]
  while (following.length > 0)
    await Promise.all(
      following.splice(0, AT_ONCE).map(async ([device, own]) => {
        const at = { folder: join(disks, device), device, connection: own }
        await follow({ ...at, fleet, governance, keys, log }, closers)
      }),
    )
  return { db, governance, rollout, teller, fleet }
}

/** The centre's answers, as it opens them itself. */
function answering({
  folder,
  db,
  governance,
  rollout,
  teller,
  log,
  ...fabric
}: Omit<Stage, 'fleet'> &
  Pick<Parameters<typeof openAskService>[0], 'connection' | 'authority' | 'log'> & {
    readonly folder: string
  }): () => Promise<void> {
  const { kernel, policy } = governance
  const clock = systemClock
  const repositories = openRepositories({
    db,
    kernel,
    clock,
    environment: ENVIRONMENT,
    keys: openDevelopmentKeys(folder, clock.nowMs()),
    desired: async (sql, device) =>
      (await desiredState(sql, policy.current().envelope, device, rollout.campaigns)).bundles,
  })
  const conductor = openConductor({
    db,
    kernel,
    rollout,
    log,
    tell: async (devices) => await teller.tell(devices),
  })
  return openAskService({
    ...fabric,
    tenant: TENANT,
    db,
    kernel,
    content: rollout.content,
    rights: openContentRights({ kernel, clock, repositories }),
    repositories,
    clock,
    log,
    rollout,
    asked: async (device) => await conductor.asked(device),
    settle: null,
    policy: () => policy.current().envelope,
  })
}

/** One device, as it follows the centre: nothing is offered to it but the policy. Resolves once it said which one it holds. */
async function follow(
  parts: {
    readonly folder: string
    readonly device: DeviceId
    readonly connection: NatsConnection
    readonly fleet: FollowingFleet
    readonly governance: Governance
    readonly keys: CentreKeys
    readonly log: Log
  },
  closers: Closers,
): Promise<void> {
  const { folder, device, connection, fleet, governance, keys, log } = parts
  await mkdir(folder, { recursive: true })
  storePolicy(folder, governance.policy.current())
  const policy = openHeldPolicy(folder, { policyKeys: [keys.policy.publicKey], environment: ENVIRONMENT })
  const ask = fleet.watched(device, askOver(connection, TENANT, device))
  const [clock, disk, environment] = [systemClock, realDisk, ENVIRONMENT] as const
  const health = await openHealth({ folder, disk, clock })
  const unasked = async (): Promise<never> => await Promise.reject(new Error('no bundle is offered here'))
  const installer = await openInstaller({
    folder: join(folder, 'models'),
    disk,
    ask,
    kernel: governance.kernel,
    principal: { kind: 'device', id: device, roles: ['device'] },
    clock,
    trust: { releaseKeys: [keys.release.publicKey], threshold: 1, environment, runtimeVersion: '0.1.0' },
    trials: { smoke: unasked, shadow: null, confirm: unasked, healthy: unasked },
    site: null,
    onPoisoned: () => undefined,
    onDamaged: () => undefined,
    link: () => ({ linkClass: 'unmetered' }),
    alarm: (afterMs) => AbortSignal.timeout(afterMs),
  })
  const following = {
    ask,
    installer,
    health,
    policy,
    clock,
    log,
    agreement: openAgreement({ folder, disk, ask, clock, device, environment, roots: null }),
    centreClock: new CentreClock(),
    acknowledged: new PolicyAcknowledged(),
    shadowed: () => [],
    results: async () => await Promise.resolve(null),
  }
  let begun: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    begun = resolve
  })
  const rounds = startRounds({
    name: `following the desired state, ${device}`,
    everyMs: LOOKS_EVERY_MS,
    atMostMs: LOOKS_EVERY_MS,
    log,
    round: async (signal) => {
      await followDesired(following, signal)
      begun()
    },
  })
  onDesiredNews(connection, { tenant: TENANT, device }, () => rounds.wake())
  closers.add(async () => {
    await rounds.stop()
    await health.close()
  })
  await first
}
