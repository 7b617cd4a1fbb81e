/** A round of following the desired state, with repositories that agree, disagree, or are out of date. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Agreement } from '../../../edge-agent/update/agreement.ts'
import { CentreClock } from '../../../edge-agent/update/centre-clock.ts'
import { openHealth, type Health } from '../../../edge-agent/update/health.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { devicePolicy, type DevicePolicy } from '../../support/device-policy.ts'
import { followDesired, PolicyAcknowledged } from '../../../edge-agent/update/desired.ts'
import type { Installer } from '../../../edge-agent/update/installer.ts'
import { TufUnreachable } from '../../../edge-agent/tuf/repository-source.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import { openLog } from '../../../shared/log.ts'
import { CentreUnreachable, decodeJson, type Ask } from '../../../shared/wire/answer.ts'
import {
  ReportedStateSchema,
  type DesiredBundle,
  type ReportedBundle,
  type ReportedState,
} from '../../../shared/wire/state.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { Envelope } from '../../../shared/signing/envelope.ts'
import { NOW_MS, one, signal, two, updateStage } from './stage.ts'

const at = updateStage()
const clock = { nowMs: () => NOW_MS, monotonicMs: () => 0 }

let health: Health
let policy: DevicePolicy
let counted: Awaited<ReturnType<typeof dataFolder>>
beforeAll(async () => {
  counted = await dataFolder('health')
  policy = devicePolicy(counted.path, NOW_MS)
  health = await openHealth({ folder: counted.path, disk: realDisk, clock })
})
afterAll(async () => await counted.remove())

interface Round {
  readonly envelope?: Envelope | null
  readonly acknowledged?: PolicyAcknowledged
  /** Hears each report as it is made. */
  readonly said?: (report: ReportedState) => void
}

async function round(
  installer: Installer,
  bundles: readonly DesiredBundle[],
  refreshed: Agreement['refreshed'],
  { envelope = null, acknowledged = new PolicyAcknowledged(), said = () => undefined }: Round = {},
): Promise<{
  readonly hindrances: readonly string[]
  readonly reported: readonly ReportedBundle[]
  readonly follows: ReportedState['policy']
}> {
  let reported: readonly ReportedBundle[] = []
  let follows: ReportedState['policy']
  const ask: Ask = async (verb, request, aborted) => {
    if (verb === 'bundle.chunk' || verb === 'bundle.deltas')
      return await at.centre.ask(verb, request, aborted)
    if (verb === 'state.report') {
      const report = decodeJson(ReportedStateSchema, request)
      ;({ bundles: reported, policy: follows } = report)
      said(report)
    }
    const answer =
      verb === 'state.report'
        ? { v: 1, at: new Date(NOW_MS).toISOString() }
        : { v: 1, revision: 1, bundles, policy: envelope }
    return new TextEncoder().encode(JSON.stringify(answer))
  }
  const log = openLog({ part: 'edge', clock, json: false, write: () => undefined })
  const results = async () => await Promise.resolve(null)
  const parts = {
    ask,
    installer,
    clock,
    log,
    results,
    centreClock: new CentreClock(),
    agreement: { refreshed },
    acknowledged,
    health,
    shadowed: () => [],
    policy,
  }
  const hindrances = await followDesired(parts, signal)
  return { hindrances, reported, follows }
}

const agrees: Agreement['refreshed'] = async () => await Promise.resolve(async () => await Promise.resolve())
const refuses =
  (reason: 'expired' | 'not_listed'): Agreement['refreshed'] =>
  async () =>
    await Promise.reject(new TufRefused(reason, 'timestamp', 'for this test'))

describe('the policy that the centre wishes', () => {
  const follow = async (envelope: Envelope) =>
    (await round(await at.device(), [], agrees, { envelope })).follows

  it('is in force from then on, said to the centre, and held over a restart', async () => {
    const strict = { act: 0.99, ask: 0.9 }
    const follows = await follow(policy.signed({ version: 2, thresholds: strict }))
    expect(follows).toEqual({ version: 2, digest: policy.current().digest, refused: null })
    expect(policy.current().document.thresholds).toEqual(strict)
    expect(policy.reopened().current().digest).toBe(policy.current().digest)
  })

  it('is refused, and said to be, when it is older, another of the same version, or signed by somebody else', async () => {
    await follow(policy.signed({ version: 3 }))
    const held = policy.current()
    const changed = { version: 3, thresholds: { act: 0.1, ask: 0.1 } }
    const unsigned = { ...policy.signed({ version: 4 }), signatures: [] }
    for (const [envelope, code] of [
      [policy.signed({ version: 2 }), 'policy_refused'],
      [policy.signed(changed), 'policy_refused'],
      [policy.signed({ version: 4, environment: 'production' }), 'policy_refused'],
      [policy.signed({ version: 4 }, generateKeyPair()), 'bad_envelope'],
      [unsigned, 'bad_envelope'],
    ] as const) {
      expect(await follow(envelope)).toEqual({ version: 3, digest: held.digest, refused: code })
      expect(policy.current()).toBe(held)
    }
    expect(policy.reopened().current().digest).toBe(held.digest)
    expect(await follow(policy.signed({ version: 4 }))).toMatchObject({ version: 4, refused: null })
  })
})

describe('the acknowledgement of a policy', () => {
  it('comes before what the same round installs, once, and again only with news of it', async () => {
    const acknowledged = new PolicyAcknowledged()
    const envelope = policy.signed({ version: 5 })
    const seen: {
      readonly version: number | undefined
      readonly installed: number
      readonly bundles: number
    }[] = []
    const said = (report: ReportedState): void => {
      const { policy: follows, bundles } = report
      seen.push({ version: follows?.version, installed: at.centre.served.length, bundles: bundles.length })
    }
    const installer = await at.device()
    await round(installer, [at.centre.publish(one)], agrees, { envelope, acknowledged, said })
    expect(seen).toEqual([
      { version: 5, installed: 0, bundles: 0 },
      { version: 5, installed: expect.any(Number) as number, bundles: 1 },
    ])
    seen.length = 0
    const next = at.centre.publish(two, { version: '1.1.0' })
    await round(installer, [next], agrees, { envelope, acknowledged, said })
    expect(seen).toHaveLength(1)
  })

  it('is made again where the centre did not hear it', async () => {
    const acknowledged = new PolicyAcknowledged()
    const envelope = policy.signed({ version: 6 })
    const bundle = at.centre.publish(one)
    const deaf = (): never => {
      throw new CentreUnreachable('away', { remedy: 'Wait.' })
    }
    const installer = await at.device()
    await expect(round(installer, [bundle], agrees, { envelope, acknowledged, said: deaf })).rejects.toThrow(
      'away',
    )
    const heard: (number | undefined)[] = []
    const said = ({ policy: follows }: ReportedState): void => void heard.push(follows?.version)
    await round(installer, [bundle], agrees, { envelope, acknowledged, said })
    expect(heard).toEqual([6, 6])
  })
})

describe('following the desired state', () => {
  it('installs nothing that the repositories do not name, says so by its reason, and installs it once they do', async () => {
    const installer = await at.device()
    const bundle = at.centre.publish(one)
    const { hindrances, reported } = await round(installer, [bundle], refuses('not_listed'))
    expect(reported).toMatchObject([{ name: 'models', state: 'refused', code: 'tuf_not_listed' }])
    expect(hindrances).toHaveLength(1)
    expect(at.centre.served).toEqual([])
    expect((await round(installer, [bundle], agrees)).reported).toMatchObject([{ state: 'committed' }])
  })

  it('lets what runs go on, unasked, under metadata that expired, and takes nothing new', async () => {
    const installer = await at.device()
    const running = at.centre.publish(one)
    await round(installer, [running], agrees)
    expect((await round(installer, [running], refuses('expired'))).reported).toMatchObject([
      { state: 'committed', version: '1.0.0' },
    ])
    const newer = at.centre.publish(two, { version: '1.1.0' })
    expect((await round(installer, [newer], refuses('expired'))).reported).toMatchObject([
      { state: 'refused', code: 'tuf_expired', version: '1.1.0' },
    ])
    expect((await installer.active('models'))?.version).toBe('1.0.0')
  })

  it('does not go on with a fetch whose bundle is no longer named', async () => {
    const bundle = at.centre.publish(one)
    at.centre.cutAfter(2)
    const installer = await at.device()
    expect((await round(installer, [bundle], agrees)).reported).toMatchObject([{ state: 'deferred' }])
    at.centre.cutAfter(Infinity)
    const served = at.centre.served.length
    const woken = await at.device()
    await woken.resume(signal)
    await round(woken, [bundle], refuses('not_listed'))
    expect(at.centre.served).toHaveLength(served)
    expect(await woken.active('models')).toBeNull()
  })

  it('waits where the repositories cannot be had', async () => {
    const away: Agreement['refreshed'] = async () =>
      await Promise.reject(new TufUnreachable('failed', 'nobody answers'))
    const { reported } = await round(await at.device(), [at.centre.publish(one)], away)
    expect(reported).toMatchObject([{ state: 'deferred', code: 'tuf_unreachable' }])
  })

  it('goes back from what was not confirmed in time although the centre is away', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const gone = new AbortController()
    const dying = await at.device({
      trials: {
        healthy: async () => {
          gone.abort(new Error('power'))
          await new Promise(() => undefined)
        },
      },
    })
    const bad = at.centre.publish(two, { version: '2.0.0' })
    await expect(dying.install(bad, gone.signal)).rejects.toThrow('power')
    const late = { nowMs: () => NOW_MS + 3_600_000, monotonicMs: () => 0 }
    const installer = await at.device({ clock: late })
    const ask: Ask = async () => await Promise.reject(new CentreUnreachable('away', { remedy: 'Wait.' }))
    const log = openLog({ part: 'edge', clock, json: false, write: () => undefined })
    const results = async () => await Promise.resolve(null)
    const parts = {
      ask,
      installer,
      clock: late,
      log,
      results,
      centreClock: new CentreClock(),
      health,
      shadowed: () => [],
      acknowledged: new PolicyAcknowledged(),
    }
    await expect(
      followDesired({ ...parts, policy, agreement: { refreshed: agrees } }, signal),
    ).rejects.toThrow('away')
    expect((await installer.active('models'))?.version).toBe('1.0.0')
  })
})
