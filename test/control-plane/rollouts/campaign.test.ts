/** Whole campaigns over the centre's API, its database and its kernel, with devices that ask and report. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCampaigns } from '../../../control-plane/rollouts/campaigns.ts'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { ApiStage } from '../api-stage.ts'
import { campaignStage, HOUR_MS, smallGates, type CampaignStage } from './campaign-stage.ts'
import type { Fleet } from './fleet.ts'

const DEVICES = 40

describe('a campaign', () => {
  let on: CampaignStage
  let stage: ApiStage
  let fleet: Fleet
  beforeAll(async () => {
    on = await campaignStage({ devices: DEVICES })
    ;({ stage, fleet } = on)
  })
  afterAll(async () => await stage.close())

  it('moves nothing before another than its author approved it, by signature', async () => {
    const made = await on.create('spring', '1.1.0', {})
    expect([made.status, made.body]).toMatchObject([
      201,
      { phase: 'awaiting_approval', counts: { fleet: DEVICES, exposed: 0 } },
    ])
    await on.hours('spring', 2)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    expect(await on.approve('spring', 'olu')).toMatchObject({
      status: 409,
      body: { code: 'campaign_refused', message: expect.stringContaining('author') as string },
    })
    const stranger = generateKeyPair()
    on.keys.set('eve', stranger)
    expect((await on.approve('spring', 'eve')).body).toMatchObject({ code: 'no_such_approver' })
    expect(await on.create('other', '1.2.0')).toMatchObject({
      status: 409,
      body: { code: 'bundle_in_campaign' },
    })
    expect(await on.approve('spring', 'ada')).toMatchObject({
      status: 200,
      body: { phase: 'running', runs: 'candidate' },
    })
  })

  it('halts by anybody at once, tells every device, and returns the ring to what ran before', async () => {
    await stage.conductor.tick('spring')
    await on.hours('spring', 2)
    const exposed = fleet.running()['1.1.0'] ?? 0
    expect(exposed).toBeGreaterThan(0)
    expect(exposed).toBeLessThanOrEqual(DEVICES * 0.3)
    stage.told.length = 0
    expect(await on.say('spring', 'halt', 'rae', 'governance')).toMatchObject({
      status: 200,
      body: { phase: 'halted', runs: 'last_good', resumersNeeded: 2 },
    })
    expect(new Set(stage.told).size).toBe(DEVICES)
    await fleet.round(HOUR_MS)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    await fleet.round(HOUR_MS)
    expect(await on.show('spring')).toMatchObject({ counts: { atRisk: 0, returned: exposed } })
    const desired = await stage.call('/api/devices')
    expect(desired.status).toBe(200)
  })

  it('resumes only when two different people have signed for this very halt (R3)', async () => {
    const refused = async (answer: ReturnType<typeof on.resume>, code: string): Promise<void> =>
      expect((await answer).body).toMatchObject({ code })
    await refused(on.say('spring', 'resume'), 'resumption_unsigned')
    await refused(on.say('spring', 'resume', 'ada'), 'resumption_unsigned')
    await refused(on.resume('spring', 'eve'), 'no_such_approver')
    await refused(on.resume('spring', 'olu', { generation: 1 }), 'approval_refused')
    await refused(on.resume('spring', 'olu', { planDigest: 'f'.repeat(64) }), 'approval_refused')
    await refused(on.resume('spring', 'olu', { campaign: 'summer' }), 'approval_refused')
    expect(await on.resume('spring', 'olu')).toMatchObject({
      status: 200,
      body: { phase: 'halted', resumersNeeded: 1 },
    })
    expect(await on.resume('spring', 'olu')).toMatchObject({
      status: 409,
      body: { code: 'campaign_refused' },
    })
    await refused(on.say('spring', 'resume', 'ada'), 'resumption_unsigned')
    expect(await on.say('spring', 'resume', 'rae', 'governance')).toMatchObject({ status: 403 })
    expect(await on.resume('spring', 'ada')).toMatchObject({ status: 200, body: { phase: 'running' } })
    expect(await on.say('spring', 'pause', 'rae', 'governance')).toMatchObject({
      status: 200,
      body: { phase: 'paused' },
    })
    expect(await on.say('spring', 'resume')).toMatchObject({ status: 200, body: { phase: 'running' } })
  })

  it('is the same after a restart, to the hash of its state; a log that was changed decides nothing more', async () => {
    await on.hours('spring', 2)
    const before = (await on.show('spring'))['stateHash']
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
    expect(await on.say('spring', 'cancel')).toMatchObject({
      status: 200,
      body: { phase: 'cancelled', runs: 'last_good' },
    })
    await fleet.round(HOUR_MS)
    expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
    expect(await on.say('spring', 'halt')).toMatchObject({ status: 409 })
  })

  it('is complete when its gates had evidence in each ring, and what it brought is stable then', async () => {
    const rings = [
      { name: 'first', share: 0.3, leastDevices: 12, dwellMs: HOUR_MS, gates: smallGates() },
      { name: 'all', share: 1, leastDevices: 12, dwellMs: HOUR_MS, gates: smallGates() },
    ]
    const made = await on.create('summer', '1.1.0', { rings, gates: smallGates() })
    expect([made.status, made.text]).toEqual([201, expect.any(String) as string])
    await on.approve('summer', 'ada')
    await stage.conductor.tick('summer')
    for (let at = 0; at < 20 && (await on.show('summer'))['phase'] !== 'complete'; at += 1)
      await on.hours('summer', 1)
    const seen = await on.show('summer')
    expect(seen).toMatchObject({
      phase: 'complete',
      rings: [{ outcome: 'promoted' }, { outcome: 'promoted' }, { name: 'bake', outcome: 'promoted' }],
    })
    await on.hours('summer', 2)
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
    const made = await on.create('autumn', '1.2.0', { rings, probationMs: 4 * HOUR_MS })
    expect([made.status, made.text]).toEqual([201, expect.any(String) as string])
    await on.approve('autumn', 'ada')
    await stage.conductor.tick('autumn')
    for (let at = 0; at < 8 && (await on.show('autumn'))['phase'] === 'running'; at += 1)
      await on.hours('autumn', 1)
    expect(await on.show('autumn')).toMatchObject({ phase: 'halted', runs: 'last_good' })
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
    await on.say('autumn', 'cancel')
    for (const [campaign, change, code, status] of refused) {
      const body = { campaign, bundle: 'speech', version: '1.2.0', ...change }
      const answer = await stage.call('/api/rollouts', { method: 'POST', body })
      expect([answer.status, answer.body['code']], campaign).toEqual([status, code])
    }
    expect((await stage.call('/api/rollouts/nobody')).status).toBe(404)
  })
})
