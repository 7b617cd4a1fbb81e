/** One run: a fabric of real processes, faults by a seed while records are appended, then healed, drained and judged. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { credsText, makeFabricSeeds, makeUserKey, openAuthority } from '../../shared/fabric/credentials.ts'
import { freePort } from '../../shared/fabric/free-port.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../shared/ids.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { mountSmallDisk, type SmallDisk } from './disk.ts'
import { FAULTS, planFaults, type Fault, type FaultKind } from './faults.ts'
import { Part, type Line } from './part.ts'
import { openProxy, type Proxy } from './proxy.ts'
import type { AgentSetup, CentreSetup } from './setup.ts'
import { judgeCentre, type Acked } from './verdict.ts'

/** After healing everything arrives within seconds; a minute and more means that it never will. */
const DRAIN_LIMIT_MS = 90_000
const START_LIMIT_MS = 60_000
const KEPT_NOTES = 60

export interface RunResult {
  readonly seed: number
  readonly faults: readonly FaultKind[]
  readonly acked: number
  readonly stored: number
  readonly quarantined: Readonly<Record<string, number>>
  /** Empty when all is well. */
  readonly failures: readonly string[]
  /** What the processes said last, for a run that failed. */
  readonly notes: readonly string[]
  readonly wallMs: number
}

export async function runOnce(options: {
  readonly seed: number
  readonly binary: string
  readonly kinds?: readonly FaultKind[]
}): Promise<RunResult> {
  const startedMs = performance.now()
  const root = mkdtempSync(join(tmpdir(), 'starling-fabric-'))
  const disks = {
    agent: mountSmallDisk(join(root, 'agent')),
    centre: mountSmallDisk(join(root, 'centre')),
  }
  const wanted = options.kinds ?? FAULTS
  const kinds = wanted.filter((kind) => !kind.endsWith('disk_full') || disks.agent !== null)
  const proxy = await openProxy()
  const watched = new Watched()
  const plan = planFaults(options.seed, kinds)
  const parts = await prepare({ root, seed: options.seed, binary: options.binary, proxy, watched })
  const failures: string[] = []
  let verdict: Awaited<ReturnType<typeof judgeCentre>> | null = null
  try {
    parts.centre.start()
    parts.agent.start()
    await watched.until(() => watched.isReady && watched.acked.size > 0, START_LIMIT_MS, 'the fabric starts')
    for (const fault of plan) await inflict(fault, { parts, proxy, disks, watched })
    proxy.heal()
    disks.agent?.free()
    disks.centre?.free()
    await drain(parts.agent, watched)
  } catch (thrown) {
    failures.push(thrown instanceof Error ? thrown.message : String(thrown))
  }
  await parts.agent.stop()
  await parts.centre.stop()
  await proxy.close()
  try {
    verdict = await judgeCentre(join(root, 'centre', 'db'), DEVICE, [...watched.acked.values()])
    failures.push(...verdict.faults)
  } catch (thrown) {
    failures.push(`the centre's database: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
  if (watched.contradictions.length > 0) failures.push(...watched.contradictions)
  const notes = [...watched.notes, parts.agent.errors, parts.centre.errors].filter((note) => note !== '')
  for (const disk of [disks.agent, disks.centre]) disk?.unmount()
  rmSync(root, { recursive: true, force: true })
  return {
    seed: options.seed,
    faults: plan.map(({ kind }) => kind),
    acked: watched.acked.size,
    stored: verdict?.records ?? 0,
    quarantined: verdict?.quarantined ?? {},
    failures,
    notes: failures.length === 0 ? [] : notes,
    wallMs: Math.round(performance.now() - startedMs),
  }
}

const DEVICE = 'dev-1'

/** What the processes have said so far. */
class Watched {
  readonly acked = new Map<number, Acked>()
  readonly contradictions: string[] = []
  readonly notes: string[] = []
  isReady = false
  head: number | null = null
  receipted = 0
  natsPids = { hub: 0, leaf: 0 }
  #changed: () => void = () => undefined

  hear(from: 'agent' | 'centre', line: Line): void {
    if (line['acked'] === undefined && line['receipted'] === undefined && line['ingest'] === undefined)
      this.notes.push(
        `${(performance.now() / 1000).toFixed(2)} ${from} ${JSON.stringify(line).slice(0, 300)}`,
      )
    if (this.notes.length > KEPT_NOTES) this.notes.shift()
    if (from === 'centre' && line['ready'] === true) this.isReady = true
    if (line['hub'] === 'started') this.natsPids.hub = Number(line['pid'])
    if (line['leaf'] === 'started') this.natsPids.leaf = Number(line['pid'])
    if (typeof line['receipted'] === 'number') this.receipted = line['receipted']
    if (from === 'agent' && typeof line['head'] === 'number' && line['ready'] !== true)
      this.head = line['head']
    if (Array.isArray(line['acked'])) this.#acknowledge(line['acked'] as [number, string, string, string][])
    this.#changed()
  }

  #acknowledge(records: readonly [number, string, string, string][]): void {
    for (const [seq, hash, kind, id] of records) {
      if (this.acked.has(seq)) this.contradictions.push(`record ${seq} was acknowledged twice`)
      this.acked.set(seq, { seq, hash, kind, id })
    }
  }

  async until(holds: () => boolean, limitMs: number, what: string): Promise<void> {
    const end = performance.now() + limitMs
    while (!holds()) {
      const left = end - performance.now()
      if (left <= 0) throw new Error(`it took longer than ${limitMs / 1000} s until ${what}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#changed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

interface Scene {
  readonly parts: { readonly agent: Part; readonly centre: Part }
  readonly proxy: Proxy
  readonly disks: { readonly agent: SmallDisk | null; readonly centre: SmallDisk | null }
  readonly watched: Watched
}

async function inflict(fault: Fault, { parts, proxy, disks, watched }: Scene): Promise<void> {
  await delay(fault.afterMs)
  watched.notes.push(`${(performance.now() / 1000).toFixed(2)} FAULT ${fault.kind}`)
  const deeds: Readonly<Record<FaultKind, () => void>> = {
    kill_agent: () => parts.agent.kill(),
    kill_centre: () => parts.centre.kill(),
    kill_hub: () => killServer(watched.natsPids.hub),
    kill_leaf: () => killServer(watched.natsPids.leaf),
    cut_reset: () => proxy.cut('reset'),
    cut_black_hole: () => proxy.cut('black_hole'),
    agent_disk_full: () => disks.agent?.fill(),
    centre_disk_full: () => disks.centre?.fill(),
  }
  deeds[fault.kind]()
  if (fault.kind.startsWith('kill')) return
  await delay(fault.lastsMs)
  if (fault.kind.startsWith('cut')) proxy.heal()
  else if (fault.kind === 'agent_disk_full') disks.agent?.free()
  else disks.centre?.free()
}

/** Only a pid that our own parts have named, and only while it may still be theirs. */
function killServer(pid: number): void {
  if (pid <= 1) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already: its owner was killed a moment ago.
  }
}

/** Appending ends; then the centre's receipt has to reach the last record. */
async function drain(agent: Part, watched: Watched): Promise<void> {
  const end = performance.now() + DRAIN_LIMIT_MS
  watched.head = null
  while (watched.head === null || watched.receipted < watched.head) {
    if (performance.now() > end)
      throw new Error(
        `healed, and after ${DRAIN_LIMIT_MS / 1000} s the receipt is ${watched.receipted} of ${watched.head}`,
      )
    // An agent that is only starting hears it at the next turn.
    agent.tell('stop')
    await watched
      .until(() => watched.head !== null && watched.receipted >= watched.head, 500, 'drained')
      .catch(() => undefined)
  }
}

async function prepare(run: {
  root: string
  seed: number
  binary: string
  proxy: Proxy
  watched: Watched
}): Promise<Scene['parts']> {
  const { root, binary, proxy, watched } = run
  const tenant = parseTenantId('acme')
  const device = parseDeviceId(DEVICE)
  const site = parseSiteId('north')
  const seeds = makeFabricSeeds()
  const authority = await openAuthority(tenant, seeds)
  const [deviceKey, centreKey] = [generateKeyPair(), generateKeyPair()]
  const [agentUser, leafUser] = [makeUserKey(), makeUserKey()]
  const leafPort = await freePort(0)
  proxy.setTarget(leafPort)
  const centre: CentreSetup = {
    dir: join(root, 'centre'),
    binary,
    tenant,
    seeds,
    key: centreKey.seedText,
    port: await freePort(0),
    leafPort,
    advertise: proxy.address,
    devices: [{ device, site, key: deviceKey.publicKey.text }],
  }
  const agent: AgentSetup = {
    dir: join(root, 'agent'),
    binary,
    tenant,
    device,
    site,
    key: deviceKey.seedText,
    trust: authority.trust,
    creds: credsText(await authority.issueDevice({ device, userKey: agentUser.publicKey }), agentUser.seed),
    link: {
      url: `nats://${proxy.address}`,
      creds: credsText(
        await authority.issueLeaf({ site, devices: [device], userKey: leafUser.publicKey }),
        leafUser.seed,
      ),
    },
    centre: centreKey.publicKey.text,
    seed: run.seed,
    rate: 200,
  }
  mkdirSync(join(root, 'setup'))
  const file = (name: string, value: object): string => {
    const path = join(root, 'setup', `${name}.json`)
    writeFileSync(path, JSON.stringify(value), { mode: 0o600 })
    return path
  }
  return {
    centre: new Part({
      entry: workerEntry(import.meta.url, './centre.process.ts'),
      setup: file('centre', centre),
      onLine: (line) => watched.hear('centre', line),
    }),
    agent: new Part({
      entry: workerEntry(import.meta.url, './agent.process.ts'),
      setup: file('agent', agent),
      onLine: (line) => watched.hear('agent', line),
    }),
  }
}
