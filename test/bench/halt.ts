/**
 * From an operator's HALT to the last online device that was told: the centre's kernel, database and campaign on one side, a real
 * nats-server between, and as many connections as devices, each with its own credentials, hearing by the device's own code.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTeller } from '../../control-plane/asks/tell.ts'
import { reportPerformer } from '../../control-plane/asks/report.ts'
import { openGovernance } from '../../control-plane/governance.ts'
import { openCentreKeys } from '../../control-plane/keys.ts'
import { atCentre } from '../../control-plane/performer.ts'
import { enrolApproverPerformer } from '../../control-plane/registry/approvals.ts'
import { openCentreContent } from '../../control-plane/release/content.ts'
import { openCampaigns } from '../../control-plane/rollouts/campaigns.ts'
import { approvePerformer, commandPerformer } from '../../control-plane/rollouts/commands.ts'
import { openConductor, type Conductor } from '../../control-plane/rollouts/conductor.ts'
import { createPerformer } from '../../control-plane/rollouts/create.ts'
import type { RolloutParts } from '../../control-plane/rollouts/decide.ts'
import { onDesiredNews } from '../../edge-agent/update/desired-news.ts'
import { signApproval } from '../../rollout/campaign/approval.ts'
import { signResumption } from '../../rollout/campaign/resumption.ts'
import { systemClock } from '../../shared/clock.ts'
import { Closers } from '../../shared/closers.ts'
import { openAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseTenantId, type DeviceId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import { openLog } from '../../shared/log.ts'
import { generateKeyPair, type KeyPair } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { connectAll, enrolled, openHub } from './connected-fleet.ts'
import { quantile, type BenchReport } from './report.ts'

const USUAL_DEVICES = 1_000
const ROUNDS = 20
const GOAL_S = 2
/** What is not told by then is lost. */
const TOLD_WITHIN_MS = 60_000
const TENANT = parseTenantId('bench')
const CAMPAIGN = 'spring'

export async function run(
  progress: (line: string) => void,
  options: { readonly limit?: string | undefined } = {},
): Promise<BenchReport> {
  const count = options.limit === undefined ? USUAL_DEVICES : Number(options.limit)
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-halt-'))
  const closers = new Closers()
  closers.add(async () => await rm(folder, { recursive: true, force: true }))
  try {
    const stage = await openStage(folder, { count, progress }, closers)
    progress(`${count} devices are connected; the campaign runs`)
    const last: number[] = []
    const each: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const told = await haltOnce(stage)
      last.push(Math.max(...told))
      each.push(...told)
      await resumed(stage)
    }
    const seconds = (ms: number): number => ms / 1_000
    return {
      bench: 'halt',
      rows: [
        { name: 'devices online', value: count, unit: 'devices' },
        { name: 'rounds', value: ROUNDS, unit: 'halts' },
        { name: 'HALT to one device told, p50', value: seconds(quantile(each, 0.5)), unit: 's' },
        {
          name: 'HALT to the last device told, p99',
          value: seconds(quantile(last, 0.99)),
          unit: 's',
          goal: { op: '<=', value: GOAL_S },
        },
      ],
    }
  } finally {
    await closers.close()
  }
}

interface Stage {
  readonly db: Database
  readonly kernel: Kernel
  readonly rollout: RolloutParts
  readonly conductor: Conductor
  readonly fleet: HearingFleet
  /** Of the two people who resume. */
  readonly keys: Readonly<Record<'ada' | 'bob', KeyPair>>
}

/** Devices that hear; each word is noted with its time. */
class HearingFleet {
  readonly devices: readonly DeviceId[]
  readonly #heard = new Map<string, number>()
  #isAll: () => void = () => undefined

  constructor(devices: readonly DeviceId[]) {
    this.devices = devices
  }

  hear(device: DeviceId): void {
    if (this.#heard.has(device)) return
    this.#heard.set(device, performance.now())
    if (this.#heard.size === this.devices.length) this.#isAll()
  }

  /** When each device was told after `act` began, in milliseconds from that. Rejects when one never was. */
  async toldBy(act: () => Promise<unknown>): Promise<readonly number[]> {
    this.#heard.clear()
    let late: NodeJS.Timeout | undefined
    const all = new Promise<void>((resolve, reject) => {
      this.#isAll = resolve
      late = setTimeout(
        () => reject(new Error(`${this.devices.length - this.#heard.size} devices were never told`)),
        TOLD_WITHIN_MS,
      )
    })
    const from = performance.now()
    await Promise.all([act(), all])
    clearTimeout(late)
    return [...this.#heard.values()].map((at) => at - from)
  }
}

async function haltOnce({ rollout, conductor, fleet }: Stage): Promise<readonly number[]> {
  return await fleet.toldBy(async () => await decide({ rollout, conductor }, 'halt', { who: 'ada' }))
}

/** The ring begins anew, and its devices have the candidate again. */
async function resumed(stage: Stage): Promise<void> {
  const { db, rollout, fleet, keys } = stage
  const { planDigest, direction } = (await rollout.campaigns.current(db, CAMPAIGN)).state
  const said = { campaign: CAMPAIGN, planDigest, generation: direction.generation }
  const resume = async (who: 'ada' | 'bob'): Promise<void> =>
    await decide(stage, 'resume', { who, envelope: { ...signResumption(said, keys[who]) } })
  await resume('ada')
  await fleet.toldBy(async () => await resume('bob'))
  await given(stage)
}

async function given({ conductor, fleet }: Pick<Stage, 'conductor' | 'fleet'>): Promise<void> {
  await conductor.tick(CAMPAIGN)
  for (const device of fleet.devices) await conductor.asked(device)
  await conductor.tick(CAMPAIGN)
}

async function decide(
  { rollout, conductor }: Pick<Stage, 'rollout' | 'conductor'>,
  word: 'halt' | 'resume',
  { who, ...signed }: { readonly who: string; readonly envelope?: JsonObject },
): Promise<void> {
  const input = { campaign: CAMPAIGN, reason: 'for the benchmark', ...signed }
  await conductor.carryOut(CAMPAIGN, commandPerformer(rollout, word), { input, principal: person(who) })
}

function person(id: string): Principal {
  return { kind: 'person', id, roles: ['operator'] }
}

async function openStage(
  folder: string,
  { count, progress }: { readonly count: number; readonly progress: (line: string) => void },
  closers: Closers,
): Promise<Stage> {
  const clock = systemClock
  const environment = 'development'
  const log = openLog({ part: 'bench', clock, json: false, write: progress })
  const keys = openCentreKeys(folder)
  const db = await openDatabase({ dir: join(folder, 'database') })
  closers.add(async () => await db.close())
  const governance = await openGovernance({ db, keys, environment, clock, log })
  const authority = await openAuthority(TENANT, keys.fabric)
  const hub = await openHub(folder, authority, closers)
  const connection = await hub.connect('centre')
  closers.add(async () => await connection.close())
  const teller = openTeller({ connection, tenant: TENANT })
  const rollout: RolloutParts = {
    clock,
    environment,
    policyKey: keys.policy,
    releaseKey: keys.release.publicKey,
    content: openCentreContent(join(folder, 'content')),
    policy: () => governance.policy.current(),
    campaigns: openCampaigns(),
  }
  const { kernel } = governance
  const tell = async (devices: Iterable<string>): Promise<void> => await teller.tell(devices)
  const conductor = openConductor({ db, kernel, rollout, log, tell })
  const devices = Array.from({ length: count }, (_, at) => parseDeviceId(`device-${at}`))
  const fleet = new HearingFleet(devices)
  await connectAll(devices, { hub, authority, closers }, (device, own) => {
    onDesiredNews(own, { tenant: TENANT, device }, () => fleet.hear(device))
  })
  progress('the devices are connected; each reports')
  await enrolled(db, devices)
  await released(db)
  await reportAll({ kernel, rollout }, devices)
  const stage = {
    db,
    kernel,
    rollout,
    conductor,
    fleet,
    keys: { ada: generateKeyPair(), bob: generateKeyPair() },
  }
  await startCampaign(stage)
  return stage
}

/** Two releases of which the first is stable. */
async function released(db: Database): Promise<void> {
  for (const [version, digit] of [
    ['1.0.0', 'a'],
    ['1.1.0', 'b'],
  ] as const)
    await db.query(
      `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at)
       values ('speech', $1, $2, 'x', '{}', now())`,
      [version, digit.repeat(64)],
    )
  await db.query(
    `insert into centre.alias (name, alias, version, set_by, record_id, set_at)
     values ('speech', 'stable', '1.0.0', 'bench', '', now())`,
  )
}

async function reportAll(
  { kernel, rollout }: Pick<Stage, 'kernel' | 'rollout'>,
  devices: readonly string[],
): Promise<void> {
  const speech = { name: 'speech', version: '1.0.0', envelopeSha256: 'a'.repeat(64) }
  const bundles = [{ ...speech, state: 'committed', code: null, message: null }]
  for (const device of devices)
    await atCentre(kernel, reportPerformer({ tenant: TENANT, rollout }), {
      resource: { type: 'device', id: device },
      input: { device, reported: { v: 1, at: new Date().toISOString(), bundles } },
    })
}

async function startCampaign({ db, kernel, rollout, conductor, fleet, keys }: Stage): Promise<void> {
  const draft: JsonObject = {
    campaign: CAMPAIGN,
    bundle: 'speech',
    version: '1.1.0',
    shares: [0.5, 1],
    plan: { budget: { devicesAtRisk: 1_000_000, siteShare: 1, bytes: null } },
  }
  await conductor.carryOut(CAMPAIGN, createPerformer(rollout), { input: draft, principal: person('olu') })
  for (const [who, { publicKey }] of Object.entries(keys))
    await atCentre(kernel, enrolApproverPerformer(rollout), {
      resource: { type: 'person', id: who },
      input: { person: who, publicKey: publicKey.text },
      principal: person('olu'),
    })
  const { planDigest } = (await rollout.campaigns.current(db, CAMPAIGN)).state
  const envelope = signApproval({ campaign: CAMPAIGN, planDigest }, keys.ada)
  await fleet.toldBy(
    async () =>
      await conductor.carryOut(CAMPAIGN, approvePerformer(rollout), {
        input: { campaign: CAMPAIGN, envelope: { ...envelope } },
        principal: person('ada'),
      }),
  )
  await given({ conductor, fleet })
}
