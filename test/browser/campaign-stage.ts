/** A centre with campaigns at every turn of their course, made over its own API by devices that ask and report. */
import { standardGates } from '../../rollout/gates/spec.ts'
import { signApproval } from '../../rollout/campaign/approval.ts'
import { signResumption } from '../../rollout/campaign/resumption.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateKeyPair, type KeyPair } from '../../shared/signing/ed25519.ts'
import { apiStage, type ApiStage } from '../control-plane/api-stage.ts'
import { publishRelease } from '../control-plane/registry/published.ts'
import { Fleet } from '../control-plane/rollouts/fleet.ts'

export const HOUR_MS = 3_600_000

export interface CampaignStage extends ApiStage {
  readonly fleet: Fleet
  create(campaign: string, version: string, plan?: object): Promise<void>
  approve(campaign: string, person?: string): Promise<void>
  /** Signed over the halt as it stands. */
  resume(campaign: string, person: string): Promise<void>
  say(campaign: string, word: string, who?: string, reason?: string): Promise<void>
  /** Time passes, devices work, and the campaign is told of both. */
  hours(campaign: string, count: number): Promise<void>
  show(campaign: string): Promise<JsonObject>
}

/** Gates that so small a fleet can satisfy. */
export function smallGates(): readonly object[] {
  const [install, crash, latency, , intervention, shadow] = standardGates({ rings: 3, ring: 0 })
  if (install === undefined || crash === undefined || shadow === undefined) throw new Error('no gates')
  return [
    { ...install, beta: 0.3, test: { kind: 'limit', rate: 0.2, ceiling: 0.7 }, minimumDevices: 3 },
    {
      ...crash,
      alpha: 0.02,
      beta: 0.2,
      minimumDevices: 3,
      test: { kind: 'failure', ratio: 2, ceiling: 0.7 },
    },
    { ...shadow, beta: 0.3, test: { kind: 'shadow', margin: 0.4 } },
    ...(latency === undefined ? [] : [latency]),
    ...(intervention === undefined ? [] : [intervention]),
  ]
}

export async function campaignStage(devices: number, perSite = 4): Promise<CampaignStage> {
  const stage = await apiStage()
  const fleet = new Fleet(stage, devices)
  await fleet.join(perSite)
  const keys = new Map<string, KeyPair>()
  for (const person of ['olu', 'ada', 'bea']) {
    const key = generateKeyPair()
    keys.set(person, key)
    await stage.call('/api/approvers', { method: 'POST', body: { person, publicKey: key.publicKey.text } })
  }
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishRelease(stage, 'speech', version)
  await fleet.round(HOUR_MS)
  const post = async (path: string, body: object, as = 'olu'): Promise<void> => {
    const { status, text } = await stage.call(path, { method: 'POST', body, as })
    if (status >= 400) throw new Error(`${path}: ${text}`)
  }
  const show = async (id: string): Promise<JsonObject> => (await stage.call(`/api/rollouts/${id}`)).body
  return {
    ...stage,
    fleet,
    show,
    create: async (campaign, version, plan = {}) =>
      await post('/api/rollouts', {
        campaign,
        bundle: 'speech',
        version,
        plan: {
          salt: 'the same each time',
          rings: [
            { name: 'canary', share: 0.2, leastDevices: 4, dwellMs: 4 * HOUR_MS, gates: smallGates() },
            { name: 'half', share: 0.5, leastDevices: 4, dwellMs: 4 * HOUR_MS, gates: smallGates() },
            { name: 'all', share: 1, leastDevices: 4, dwellMs: 4 * HOUR_MS, gates: smallGates() },
          ],
          gates: smallGates(),
          probationMs: 2 * HOUR_MS,
          controlShare: 0.15,
          budget: { devicesAtRisk: devices, siteShare: 1, bytes: null },
          ...plan,
        },
      }),
    approve: async (campaign, person = 'ada') => {
      const key = keys.get(person)
      if (key === undefined) throw new Error(person)
      const planDigest = (await show(campaign))['planDigest'] as string
      await post(
        `/api/rollouts/${campaign}/approve`,
        { envelope: signApproval({ campaign, planDigest }, key) },
        person,
      )
      await stage.conductor.tick(campaign)
    },
    resume: async (campaign, person) => {
      const key = keys.get(person)
      if (key === undefined) throw new Error(person)
      const { planDigest, generation } = (await show(campaign)) as { planDigest: string; generation: number }
      const envelope = signResumption({ campaign, planDigest, generation }, key)
      await post(`/api/rollouts/${campaign}/resume`, { reason: 'it was the network', envelope }, person)
    },
    say: async (campaign, word, who = 'olu', reason = 'because it is a test') =>
      await post(`/api/rollouts/${campaign}/${word}`, { reason }, who),
    hours: async (campaign, count) => {
      for (let at = 0; at < count; at += 1) {
        await fleet.round(HOUR_MS)
        stage.clock.advance(HOUR_MS)
        await stage.conductor.tick(campaign)
      }
    },
  }
}
