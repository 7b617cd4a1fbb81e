/** What the API gives to screens alone: rights, the fleet by pages, campaigns in rows, evidence over time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../shared/json.ts'
import { campaignStage, HOUR_MS, type CampaignStage } from '../../browser/campaign-stage.ts'

const DEVICES = 24
let stage: CampaignStage

beforeAll(async () => {
  stage = await campaignStage(DEVICES)
  stage.fleet.installs = (device, { version }) =>
    device === 'device-3' && version === '1.1.0'
      ? { state: 'parked', code: 'smoke_failed', message: 'three times' }
      : null
})
afterAll(async () => await stage.close())
const get = async (path: string): Promise<JsonObject> => (await stage.call(path)).body

describe('rights', () => {
  const may = async (role: 'operator' | 'governance' | 'viewer') =>
    (await stage.call('/api/me', { role, as: 'rae' })).body
  it('are told by the policy in force: an operator decides, a reviewer stops and approves, a viewer looks', async () => {
    expect(await may('operator')).toMatchObject({
      id: 'rae',
      may: { 'rollout.cancel': true, 'rollout.halt': true, 'rollout.approve': true },
    })
    expect(await may('governance')).toMatchObject({
      may: {
        'rollout.cancel': false,
        'rollout.resume': false,
        'rollout.halt': true,
        'rollout.approve': true,
      },
    })
    const { may: viewers } = await may('viewer')
    expect(Object.values(viewers as Record<string, boolean>)).not.toContain(true)
  })

  it('are the kernel’s all the same: a viewer who asks is denied', async () => {
    await stage.create('early', '1.1.0')
    const answer = await stage.call('/api/rollouts/early/cancel', {
      method: 'POST',
      role: 'viewer',
      body: { reason: 'I would' },
    })
    expect(answer).toMatchObject({ status: 403, body: { code: 'denied' } })
    await stage.say('early', 'cancel')
  })
})

describe('a campaign for screens', () => {
  it('is a row with its ring, its share and what its gates say, as of its last tick', async () => {
    stage.clock.advance(HOUR_MS)
    await stage.create('spring', '1.1.0')
    expect(await get('/api/rollouts')).toMatchObject({
      rollouts: [
        {
          campaign: 'spring',
          from: '1.0.0',
          summary: { ring: null, rings: 3, fleet: DEVICES, sinceMs: null },
        },
        { campaign: 'early', phase: 'cancelled', summary: { by: 'olu', reason: 'because it is a test' } },
      ],
    })
    await stage.approve('spring')
    await stage.hours('spring', 3)
    expect(await get('/api/rollouts')).toMatchObject({
      rollouts: [{ phase: 'running', summary: { ring: 'canary', ringAt: 1, exposed: 4 } }, {}],
    })
  })

  it('has the course of its evidence, each gate’s, rising to what the ring says now', async () => {
    const { points } = (await get('/api/rollouts/spring/evidence')) as {
      points: { round: number; atMs: number; gates: Record<string, [number, number]> }[]
    }
    const { rings } = (await get('/api/rollouts/spring')) as unknown as {
      rings: { verdict: { evidence: { gate: string; safeEvidence: number }[] } }[]
    }
    const now = rings[0]?.verdict.evidence.find(({ gate }) => gate === 'install')?.safeEvidence ?? 0
    expect(points.length).toBeGreaterThan(1)
    expect(points.map(({ atMs }) => atMs)).toEqual(points.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
    const last = points.at(-1)?.gates['install']?.[1] ?? 0
    expect(last).toBeGreaterThan(1)
    expect(Math.max(last / now, now / last)).toBeLessThanOrEqual(1.1)
  })

  it('says of each device what it last said, and why it is no further', async () => {
    const seen = (await get('/api/rollouts/spring')) as unknown as {
      progress: { rings: { name: string; devices: number }[] }
    }
    const canary = (await get('/api/rollouts/spring/devices?ring=canary')) as unknown as {
      matching: number
      devices: { device: string; stage: string; said: JsonObject | null }[]
    }
    expect(canary.matching).toBe(seen.progress.rings[0]?.devices)
    for (const { stage: at, said } of canary.devices)
      expect(said).toMatchObject(at === 'confirmed' ? { version: '1.1.0', state: 'committed' } : {})
    expect(await get('/api/rollouts/spring/devices?find=device-3&limit=1')).toMatchObject({
      devices: [{ device: 'device-3', site: 'site-0' }],
    })
  })
})

describe('the fleet', () => {
  it('comes by pages, found by name, site and state', async () => {
    const first = (await get('/api/fleet?limit=10')) as unknown as {
      page: { device: string }[]
      devices: number
    }
    expect(first).toMatchObject({ devices: DEVICES, matching: DEVICES, problems: 0 })
    const after = first.page.at(-1)?.device ?? ''
    const second = (await get(`/api/fleet?limit=500&after=${after}`)) as unknown as typeof first
    expect([...first.page, ...second.page].map(({ device }) => device)).toEqual(
      [...stage.fleet.devices].toSorted(),
    )
    expect(await get('/api/fleet?find=site-2')).toMatchObject({ matching: 4, devices: DEVICES })
    expect(await get('/api/fleet?state=parked')).toMatchObject({ matching: 0, page: [] })
    expect((await stage.call('/api/fleet?find=%25')).status).toBe(422)
  })

  it('shows what stands still and who was revoked', async () => {
    await stage.call('/api/devices/device-9/revoke', { method: 'POST', body: {} })
    expect(await get('/api/fleet?state=revoked')).toMatchObject({
      devices: DEVICES - 1,
      revoked: 1,
      matching: 1,
      page: [{ device: 'device-9' }],
    })
  })
})

describe('a release', () => {
  it('says which signatures hold, verified when it is asked for', async () => {
    const path = '/api/registry/speech/1.1.0'
    const { signatures } = (await get(path)) as unknown as { signatures: { what: string; holds: boolean }[] }
    expect(signatures).toMatchObject(
      ['manifest', 'provenance', 'evaluation', 'model'].map((what) => ({
        what: `${what} signature`,
        holds: true,
      })),
    )
    await stage.db.query(
      `update centre.bundle set attestations = attestations - 'model.sig' where version = '1.1.0'`,
    )
    expect(((await get(path)) as unknown as { signatures: object[] }).signatures[3]).toMatchObject({
      what: 'model signature',
      holds: false,
      detail: 'model.sig is not there',
    })
  })
})
