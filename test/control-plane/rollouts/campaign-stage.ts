/** A stage of the centre with a fleet, people with keys, and published releases: for tests of whole campaigns. */
import { signApproval } from '../../../rollout/campaign/approval.ts'
import { signResumption, type ResumptionStatement } from '../../../rollout/campaign/resumption.ts'
import { signOverride, verdictDigest } from '../../../rollout/campaign/override.ts'
import type { GateVerdict } from '../../../rollout/gates/judge.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Environment } from '../../../shared/kernel/contract.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { publishRelease } from '../registry/published.ts'
import { Fleet } from './fleet.ts'

export const HOUR_MS = 3_600_000

/** Gates that so small a fleet can satisfy: what a device did counts, comparisons are left to larger fleets. */
export function smallGates(): readonly object[] {
  const [install, crash, , , , shadow] = standardGates({ rings: 2, ring: 0 })
  if (install === undefined || crash === undefined || shadow === undefined) throw new Error('no gates')
  return [
    { ...install, beta: 0.3, test: { kind: 'limit', rate: 0.2, ceiling: 0.7 }, minimumDevices: 3 },
    { ...crash, alpha: 0.05, minimumDevices: 3, test: { kind: 'failure', ratio: 2, ceiling: 0.7 } },
    { ...shadow, beta: 0.3, test: { kind: 'shadow', margin: 0.4 } },
  ]
}

/** Two rings that such gates let pass in hours. */
export function smallRings(): { readonly rings: readonly object[]; readonly gates: readonly object[] } {
  const gates = smallGates().map((gate) => ({ ...gate, beta: 0.7, minimumDevices: 1 }))
  const ring = { leastDevices: 4, dwellMs: HOUR_MS, gates }
  return {
    rings: [
      { name: 'first', share: 0.3, ...ring },
      { name: 'all', share: 1, ...ring },
    ],
    gates,
  }
}

type Called = Awaited<ReturnType<ApiStage['call']>>

export interface CampaignStage {
  readonly stage: ApiStage
  readonly fleet: Fleet
  /** Of olu, who publishes and creates, and of those who may approve. */
  readonly keys: Map<string, KeyPair>
  create(campaign: string, version: string, plan?: object): Promise<Called>
  show(id: string): Promise<JsonObject>
  say(id: string, word: string, as?: string, role?: 'operator' | 'governance'): Promise<Called>
  /** What `person` signs over the halt as it stands, or over something else. */
  resume(id: string, person: string, change?: Partial<ResumptionStatement>): ReturnType<ApiStage['call']>
  approve(id: string, person: string): Promise<Called>
  /** Signs that the open ring may pass although its gates hold. */
  override(id: string, person: string, change?: object): Promise<Called>
  /** Time passes, devices work, and the campaign is told of both. */
  hours(id: string, count: number): Promise<void>
  /** Hours pass until the campaign is in `phase`, or `most` have. */
  until(id: string, phase: string, most?: number): Promise<JsonObject>
}

export async function campaignStage({
  devices,
  environment = 'development',
  approvers = ['ada'],
  stage: given,
}: {
  readonly devices: number
  readonly environment?: Environment
  readonly approvers?: readonly string[]
  readonly stage?: ApiStage
}): Promise<CampaignStage> {
  const stage = given ?? (await apiStage(environment))
  const fleet = new Fleet(stage, devices)
  await fleet.join()
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishRelease(stage, 'speech', version)
  const keys = new Map<string, KeyPair>()
  for (const person of ['olu', ...approvers]) {
    const key = generateKeyPair()
    keys.set(person, key)
    const body = { person, publicKey: key.publicKey.text }
    await stage.call('/api/approvers', { method: 'POST', body })
  }
  await fleet.round(HOUR_MS)
  const keyOf = (person: string): KeyPair => {
    const key = keys.get(person)
    if (key === undefined) throw new Error(person)
    return key
  }
  const show = async (id: string): Promise<JsonObject> => (await stage.call(`/api/rollouts/${id}`)).body
  const hours = async (id: string, count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      await fleet.round(HOUR_MS)
      stage.clock.advance(HOUR_MS)
      await stage.conductor.tick(id)
    }
  }
  return {
    stage,
    fleet,
    keys,
    show,
    hours,
    create: async (campaign, version, plan = {}) =>
      await stage.call('/api/rollouts', {
        method: 'POST',
        body: {
          campaign,
          bundle: 'speech',
          version,
          shares: [0.3, 1],
          dwellMs: HOUR_MS,
          plan: {
            salt: 'the same each time',
            probationMs: HOUR_MS,
            controlShare: 0.2,
            budget: { devicesAtRisk: 40, siteShare: 1, bytes: null },
            ...plan,
          },
        },
      }),
    say: async (id, word, as = 'olu', role = 'operator') =>
      await stage.call(`/api/rollouts/${id}/${word}`, {
        method: 'POST',
        body: { reason: 'because' },
        as,
        role,
      }),
    approve: async (id, person) => {
      const planDigest = (await show(id))['planDigest'] as string
      const envelope = signApproval({ campaign: id, planDigest }, keyOf(person))
      return await stage.call(`/api/rollouts/${id}/approve`, { method: 'POST', body: { envelope } })
    },
    resume: async (id, person, change = {}) => {
      const { planDigest, generation } = (await show(id)) as { planDigest: string; generation: number }
      const said = { campaign: id, planDigest, generation, ...change }
      return await stage.call(`/api/rollouts/${id}/resume`, {
        method: 'POST',
        body: { reason: 'because', envelope: signResumption(said, keyOf(person)) },
        as: person,
      })
    },
    override: async (id, person, change = {}) => {
      const { planDigest, rings } = (await show(id)) as {
        planDigest: string
        rings: { name: string; verdict: GateVerdict | null }[]
      }
      const open = rings.at(-1)
      const verdict = open?.verdict ?? null
      const said = {
        campaign: id,
        planDigest,
        ring: open?.name ?? '',
        verdictDigest: verdict === null ? '0'.repeat(64) : verdictDigest(verdict),
        reason: 'tried by hand',
        ...change,
      }
      const envelope = signOverride(said, keyOf(person))
      return await stage.call(`/api/rollouts/${id}/promote`, { method: 'POST', body: { envelope } })
    },
    until: async (id, phase, most = 24) => {
      let seen = await show(id)
      for (let at = 0; at < most && seen['phase'] !== phase; at += 1) {
        await hours(id, 1)
        seen = await show(id)
      }
      return seen
    },
  }
}
