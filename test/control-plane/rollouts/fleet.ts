/** Simulated devices at a stage of the centre: they ask and report as devices do, and run what they are told, well or badly. */
import type {
  DesiredBundle,
  HealthReport,
  ReportedBundle,
  ReportedState,
} from '../../../shared/wire/state.ts'
import { reportPerformer } from '../../../control-plane/asks/report.ts'
import { desiredState } from '../../../control-plane/release/desired.ts'
import { atCentre } from '../../../control-plane/performer.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import { tenant, type ApiStage } from '../api-stage.ts'

const NO_POLICY = { payloadType: 'x', payload: '', signatures: [] }
const KEY = generateKeyPair().publicKey.text

type Counts = Omit<HealthReport, 'name' | 'envelopeSha256' | 'offer' | 'latencyMs' | 'shadow'>

export class Fleet {
  readonly #stage: ApiStage
  readonly devices: readonly string[]
  readonly #runs = new Map<string, DesiredBundle>()
  readonly #counts = new Map<string, Counts>()
  #sequence = 0
  /** How a version fares: what one round adds to its counts. */
  fares: (version: string) => Partial<Counts> = () => ({})
  /** What a device says of a version that it shall run and does not run yet; null: it has committed it at once. */
  installs: (device: string, wanted: DesiredBundle) => Partial<ReportedBundle> | null = () => null
  readonly #bundle: string

  constructor(stage: ApiStage, count: number, bundle = 'speech') {
    this.#stage = stage
    this.#bundle = bundle
    this.devices = Array.from({ length: count }, (_, at) => `device-${at}`)
  }

  /** `perSite` devices at each site. */
  async join(perSite = 1): Promise<void> {
    for (const [at, device] of this.devices.entries())
      await this.#stage.db.query(
        `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at) values ($1, $2, $3, 'u', 'l', now())`,
        [device, `site-${Math.floor(at / perSite)}`, KEY],
      )
  }

  /** What each device runs, by version. */
  running(): Readonly<Record<string, number>> {
    const by: Record<string, number> = {}
    for (const { version } of this.#runs.values()) by[version] = (by[version] ?? 0) + 1
    return by
  }

  /** One round of each device: it asks, takes what it shall run, works for `ms`, and reports. */
  async round(ms: number, devices: readonly string[] = this.devices): Promise<void> {
    for (const device of devices) await this.#one(device, ms)
  }

  async #one(device: string, ms: number): Promise<void> {
    const { db, rollout, conductor, kernel } = this.#stage
    await conductor.asked(device)
    const { bundles } = await desiredState(db, NO_POLICY, parseDeviceId(device), rollout.campaigns)
    const wanted = bundles.find(({ name }) => name === this.#bundle)
    const before = this.#runs.get(device)
    const isOther = before !== undefined && wanted?.envelopeSha256 !== before.envelopeSha256
    const under = wanted !== undefined && isOther ? this.installs(device, wanted) : null
    if (wanted !== undefined && under === null) this.#runs.set(device, wanted)
    const runs = this.#runs.get(device)
    if (runs === undefined) return
    this.#work(device, runs, ms)
    const report = this.#report(device, runs)
    if (under !== null && wanted !== undefined) {
      const [committed] = report.bundles
      const { version, envelopeSha256, offer } = wanted
      const said = { ...committed, version, envelopeSha256, ...(offer === undefined ? {} : { offer }) }
      report.bundles.splice(0, 1, { ...said, ...under } as ReportedBundle)
    }
    await atCentre(kernel, reportPerformer({ tenant, rollout }), {
      resource: { type: 'device', id: device },
      input: { device, reported: JSON.parse(JSON.stringify(report)) as never },
    })
  }

  #work(device: string, { envelopeSha256, offer, version }: DesiredBundle, ms: number): void {
    const key = `${device} ${envelopeSha256} ${offer ?? 0}`
    const before = this.#counts.get(key) ?? {
      upMs: 0,
      crashes: 0,
      turns: 0,
      interventions: 0,
      latencyMsSum: 0,
      confidenceSum: 0,
    }
    const more = {
      crashes: 0,
      interventions: 0,
      turns: 20,
      latencyMsSum: 4_000,
      confidenceSum: 18,
      ...this.fares(version),
    }
    this.#counts.set(key, {
      upMs: before.upMs + ms,
      crashes: before.crashes + more.crashes,
      turns: before.turns + more.turns,
      interventions: before.interventions + more.interventions,
      latencyMsSum: before.latencyMsSum + more.latencyMsSum,
      confidenceSum: before.confidenceSum + more.confidenceSum,
    })
  }

  #report(device: string, runs: DesiredBundle): ReportedState {
    this.#sequence += 1
    const { name, version, envelopeSha256, offer } = runs
    const health: HealthReport[] = []
    for (const [key, counts] of this.#counts) {
      const [of, sha256 = '', generation = '0'] = key.split(' ')
      if (of !== device) continue
      const shadow = runs.shadow !== undefined && sha256 === envelopeSha256
      health.push({
        name,
        envelopeSha256: sha256,
        offer: Number(generation),
        latencyMs: null,
        ...counts,
        ...(shadow ? { shadow: { inputs: counts.turns, worse: 0, better: 0 } } : {}),
      })
    }
    return {
      v: 1,
      at: new Date(this.#stage.clock.nowMs()).toISOString(),
      sequence: this.#sequence,
      device: { hardware: 'tablet', utcOffsetMinutes: 0 },
      bundles: [
        {
          name,
          version,
          envelopeSha256,
          state: 'committed',
          code: null,
          message: null,
          ...(offer === undefined ? {} : { offer }),
        },
      ],
      health,
    }
  }
}
