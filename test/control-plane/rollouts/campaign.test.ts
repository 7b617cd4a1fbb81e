/** Whole campaigns over the centre's API, its database and its kernel, with devices that ask and report. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCampaigns } from '../../../control-plane/rollouts/campaigns.ts'
import { signApproval } from '../../../rollout/campaign/approval.ts'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { publishRelease } from '../registry/published.ts'
import { Fleet } from './fleet.ts'

const HOUR_MS = 3_600_000
const DEVICES = 40
/** Gates that so small a fleet can satisfy: what a device did counts, comparisons are left to larger fleets. */
const GATES = [
  { kind: 'limit', rate: 0.2, ceiling: 0.7 },
  { kind: 'shadow', margin: 0.4 },
] as const

function smallGates(): readonly object[] {
  const [install, crash, , , , shadow] = standardGates({ rings: 2, ring: 0 })
  if (install === undefined || crash === undefined || shadow === undefined) throw new Error('no gates')
  return [
    { ...install, beta: 0.3, test: GATES[0], minimumDevices: 3 },
    { ...crash, alpha: 0.05, minimumDevices: 3, test: { kind: 'failure', ratio: 2, ceiling: 0.7 } },
    { ...shadow, beta: 0.3, test: GATES[1] },
  ]
}

describe('a campaign', () => {
  let stage: ApiStage
  let fleet: Fleet
  const keys = new Map<string, KeyPair>()
  beforeAll(async () => {
    stage = await apiStage()
    fleet = new Fleet(stage, DEVICES)
    await fleet.join()
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishRelease(stage, 'speech', version)
    for (const person of ['olu', 'ada']) {
      const key = generateKeyPair()
      keys.set(person, key)
      await stage.call('/api/approvers', {
        method: 'POST',
        body: { person, publicKey: key.publicKey.text },
      })
    }
    await fleet.round(HOUR_MS)
  })
  afterAll(async () => await stage.close())

  const show = async (id: string): Promise<JsonObject> => (await stage.call(`/api/rollouts/${id}`)).body
  const say = async (id: string, word: string, as = 'olu', role: 'operator' | 'governance' = 'operator') =>
    await stage.call(`/api/rollouts/${id}/${word}`, { method: 'POST', body: { reason: 'because' }, as, role })
  const approve = async (id: string, person: string) => {
    const key = keys.get(person)
    if (key === undefined) throw new Error(person)
    const planDigest = (await show(id))['planDigest'] as string
    return await stage.call(`/api/rollouts/${id}/approve`, {
      method: 'POST',
      body: { envelope: signApproval({ campaign: id, planDigest }, key) },
    })
  }
  const create = async (campaign: string, version: string, plan: object = {}) =>
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
    })
  /** Time passes, devices work, and the campaign is told of both. */
  const hours = async (id: string, count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      await fleet.round(HOUR_MS)
      stage.clock.advance(HOUR_MS)
      await stage.conductor.tick(id)
    }
  }

  it('moves nothing before another than its author approved it, by signature', async () => {
    const made = await create('spring', '1.1.0', {})
    expect([made.status, made.body]).toMatchObject([
      201,
      { phase: 'awaiting_approval', counts: { fleet: DEVICES, exposed: 0 } },
    ])
    await hours('spring', 2)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    expect(await approve('spring', 'olu')).toMatchObject({
      status: 409,
      body: { code: 'campaign_refused', message: expect.stringContaining('author') as string },
    })
    const stranger = generateKeyPair()
    keys.set('eve', stranger)
    expect((await approve('spring', 'eve')).body).toMatchObject({ code: 'no_such_approver' })
    expect(await create('other', '1.2.0')).toMatchObject({
      status: 409,
      body: { code: 'bundle_in_campaign' },
    })
    expect(await approve('spring', 'ada')).toMatchObject({
      status: 200,
      body: { phase: 'running', runs: 'candidate' },
    })
  })

  it('halts by anybody at once, tells every device, and returns the ring to what ran before', async () => {
    await stage.conductor.tick('spring')
    await hours('spring', 2)
    const exposed = fleet.running()['1.1.0'] ?? 0
    expect(exposed).toBeGreaterThan(0)
    expect(exposed).toBeLessThanOrEqual(DEVICES * 0.3)
    stage.told.length = 0
    expect(await say('spring', 'halt', 'rae', 'governance')).toMatchObject({
      status: 200,
      body: { phase: 'halted', runs: 'last_good', resumersNeeded: 2 },
    })
    expect(new Set(stage.told).size).toBe(DEVICES)
    await fleet.round(HOUR_MS)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    await fleet.round(HOUR_MS)
    expect(await show('spring')).toMatchObject({ counts: { atRisk: 0, returned: exposed } })
    const desired = await stage.call('/api/devices')
    expect(desired.status).toBe(200)
  })

  it('resumes only when two different people asked for it', async () => {
    expect(await say('spring', 'resume')).toMatchObject({
      status: 200,
      body: { phase: 'halted', resumersNeeded: 1 },
    })
    expect(await say('spring', 'resume')).toMatchObject({ status: 409, body: { code: 'campaign_refused' } })
    expect(await say('spring', 'resume', 'rae', 'governance')).toMatchObject({ status: 403 })
    expect(await say('spring', 'resume', 'ada')).toMatchObject({ status: 200, body: { phase: 'running' } })
    expect(await say('spring', 'pause', 'rae', 'governance')).toMatchObject({
      status: 200,
      body: { phase: 'paused' },
    })
    expect(await say('spring', 'resume')).toMatchObject({ status: 200, body: { phase: 'running' } })
  })

  it('is the same after a restart, to the hash of its state; a log that was changed decides nothing more', async () => {
    await hours('spring', 2)
    const before = (await show('spring'))['stateHash']
    const fresh = await openCampaigns().current(stage.db, 'spring')
    expect(stateHash(fresh.state)).toBe(before)
    const { id, event } = (
      await stage.db.query<{ id: string; event: JsonObject }>(
        `select seq::text as id, event from rollout.event where campaign = 'spring' and event->>'kind' = 'halted'`,
      )
    )[0] ?? { id: '0', event: {} }
    const put = async (value: JsonObject) =>
      await stage.db.query(
        `update rollout.event set event = $1::text::jsonb where campaign = 'spring' and seq = $2::bigint`,
        [JSON.stringify(value), id],
      )
    await put({ ...event, reason: 'nobody said so' })
    await expect(openCampaigns().current(stage.db, 'spring')).rejects.toMatchObject({
      code: 'campaign_diverged',
    })
    const kept = await openCampaigns().assigned(stage.db, 'device-0')
    expect(kept.get('speech')).toBeNull()
    await put(event)
    expect((await openCampaigns().current(stage.db, 'spring')).seq).toBe(fresh.seq)
  })

  it('goes back for good when it is cancelled, and another may follow', async () => {
    expect(await say('spring', 'cancel')).toMatchObject({
      status: 200,
      body: { phase: 'cancelled', runs: 'last_good' },
    })
    await fleet.round(HOUR_MS)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    expect(await say('spring', 'halt')).toMatchObject({ status: 409 })
  })

  it('is complete when its gates had evidence in each ring, and what it brought is stable then', async () => {
    const rings = [
      { name: 'first', share: 0.3, leastDevices: 12, dwellMs: HOUR_MS, gates: smallGates() },
      { name: 'all', share: 1, leastDevices: 12, dwellMs: HOUR_MS, gates: smallGates() },
    ]
    const made = await create('summer', '1.1.0', { rings, gates: smallGates() })
    expect([made.status, made.text]).toEqual([201, expect.any(String) as string])
    await approve('summer', 'ada')
    await stage.conductor.tick('summer')
    for (let at = 0; at < 20 && (await show('summer'))['phase'] !== 'complete'; at += 1)
      await hours('summer', 1)
    const seen = await show('summer')
    expect(seen).toMatchObject({
      phase: 'complete',
      rings: [{ outcome: 'promoted' }, { outcome: 'promoted' }, { name: 'bake', outcome: 'promoted' }],
    })
    await hours('summer', 2)
    expect(fleet.running()).toEqual({ '1.1.0': DEVICES })
    const { aliases } = (await stage.call('/api/registry/speech/aliases')).body as { aliases: JsonObject[] }
    expect(aliases).toContainEqual(
      expect.objectContaining({ alias: 'stable', version: '1.1.0', setBy: 'control-plane' }),
    )
    const why = (await stage.call('/api/rollouts/summer/explanation')).body as { kept: JsonObject[] }
    expect(why.kept.length).toBeGreaterThanOrEqual(2)
    expect(JSON.stringify(why.kept)).toContain('says PROMOTE')
  })

  it('halts by its gates when devices crash, by itself, with the evidence kept', async () => {
    fleet.fares = (version) => (version === '1.2.0' ? { crashes: 1 } : {})
    const rings = [
      { name: 'first', share: 0.5, dwellMs: HOUR_MS, gates: smallGates() },
      { name: 'all', share: 1, dwellMs: HOUR_MS },
    ]
    const made = await create('autumn', '1.2.0', { rings, probationMs: 4 * HOUR_MS })
    expect([made.status, made.text]).toEqual([201, expect.any(String) as string])
    await approve('autumn', 'ada')
    await stage.conductor.tick('autumn')
    for (let at = 0; at < 8 && (await show('autumn'))['phase'] === 'running'; at += 1)
      await hours('autumn', 1)
    expect(await show('autumn')).toMatchObject({ phase: 'halted', runs: 'last_good' })
    await fleet.round(HOUR_MS)
    expect(fleet.running()).toEqual({ '1.1.0': DEVICES })
    const why = (await stage.call('/api/rollouts/autumn/explanation')).body as { kept: JsonObject[] }
    expect(why.kept.at(-1)).toMatchObject({ outcome: 'halted', verdict: { decision: 'HALT' } })
    expect(JSON.stringify(why.kept.at(-1))).toContain('crash says HALT')
  })

  it('leaves a record of each decision, with who took it', async () => {
    const rows = await stage.db.query<{ text: string }>('select text from journal.record')
    const acts = rows.map(
      ({ text }) => JSON.parse(text) as { body: { action?: string; principal?: { id: string } } },
    )
    for (const [action, id] of [
      ['rollout.create', 'olu'],
      ['rollout.approve', 'olu'],
      ['rollout.halt', 'rae'],
      ['rollout.resume', 'ada'],
      ['rollout.cancel', 'olu'],
      ['rollout.tick', 'control-plane'],
    ])
      expect(
        acts.some(({ body }) => body.action === action && body.principal?.id === id),
        action,
      ).toBe(true)
  })

  it('refuses what makes no sense, and names the field', async () => {
    const refused: readonly [string, object, string, number][] = [
      ['a', { approvals: 0 }, 'malformed_message', 422],
      ['b', { shares: [0.5, 0.4, 1] }, 'bad_plan', 422],
      ['c', { dwellMs: 1 }, 'bad_plan', 422],
      ['d', { version: '9.9.9' }, 'no_such_release', 404],
      ['e', { version: '1.0.0' }, 'bad_plan', 422],
      ['summer', {}, 'campaign_known', 409],
    ]
    await say('autumn', 'cancel')
    for (const [campaign, change, code, status] of refused) {
      const body = { campaign, bundle: 'speech', version: '1.2.0', ...change }
      const answer = await stage.call('/api/rollouts', { method: 'POST', body })
      expect([answer.status, answer.body['code']], campaign).toEqual([status, code])
    }
    expect((await stage.call('/api/rollouts/nobody')).status).toBe(404)
  })
})
