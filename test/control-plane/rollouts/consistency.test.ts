/** Campaigns and what operators do by hand to the same bundle: one excludes the other, and says by name what is in the way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../shared/json.ts'
import { campaignStage, HOUR_MS, smallRings, type CampaignStage } from './campaign-stage.ts'

const DEVICES = 12

describe('beside a campaign', () => {
  let on: CampaignStage
  beforeAll(async () => {
    on = await campaignStage({ devices: DEVICES })
  })
  afterAll(async () => await on.stage.close())

  const move = async (version: string, expected: string | null, alias = 'stable') =>
    await on.stage.call(`/api/registry/speech/aliases/${alias}`, {
      method: 'PUT',
      body: { version, expected },
    })
  const retire = async (version: string) =>
    await on.stage.call(`/api/registry/speech/${version}/retire`, { method: 'POST', body: { reason: 'old' } })
  const choose = async (device: string, version: string | null) =>
    await on.stage.call(`/api/devices/${device}/desired`, {
      method: 'PUT',
      body: { name: 'speech', version },
    })
  const named = (campaign: string, code: string) => ({
    status: 409,
    body: {
      code,
      message: expect.stringContaining(`the campaign ${campaign}`) as string,
    },
  })

  it('whoever was chosen for follows none: it is counted in no fleet', async () => {
    expect((await choose('device-3', '1.2.0')).status).toBe(200)
    expect((await on.create('spring', '1.1.0', smallRings())).body).toMatchObject({
      counts: { fleet: DEVICES - 1 },
    })
    await on.fleet.round(HOUR_MS)
    expect(await on.show('spring')).toMatchObject({ counts: { fleet: DEVICES - 1 } })
    expect(on.fleet.running()).toEqual({ '1.0.0': DEVICES - 1, '1.2.0': 1 })
  })

  it('nothing is made stable, chosen or retired under it, from its creation to its end', async () => {
    const all = async () => {
      expect(await move('1.2.0', '1.0.0')).toMatchObject(named('spring', 'bundle_in_campaign'))
      expect(await choose('device-1', '1.1.0')).toMatchObject(named('spring', 'bundle_in_campaign'))
      expect(await retire('1.1.0')).toMatchObject(named('spring', 'release_in_use'))
    }
    await all()
    await on.approve('spring', 'ada')
    await on.stage.conductor.tick('spring')
    await on.hours('spring', 1)
    await all()
    await on.say('spring', 'pause')
    await all()
    expect((await move('1.2.0', null, 'candidate')).status).toBe(200)
    expect((await on.say('spring', 'halt')).status).toBe(200)
    await all()
  })

  it('a cancelled one still leads back, until something newer decides', async () => {
    await on.say('spring', 'cancel')
    expect(await retire('1.1.0')).toMatchObject(named('spring', 'release_in_use'))
    await on.fleet.round(HOUR_MS)
    expect((await move('1.1.0', '1.0.0')).status).toBe(200)
    expect(await on.show('spring')).toMatchObject({ phase: 'superseded' })
    await on.fleet.round(HOUR_MS)
    expect(on.fleet.running()).toEqual({ '1.1.0': DEVICES - 1, '1.2.0': 1 })
    expect((await retire('1.0.0')).status).toBe(200)
  })

  it('what was retired, or is stable already, is brought by none', async () => {
    expect(await on.create('autumn', '1.0.0')).toMatchObject({
      status: 409,
      body: { code: 'release_retired' },
    })
    expect(await on.create('autumn', '1.1.0')).toMatchObject({ status: 422, body: { code: 'bad_plan' } })
  })

  it('one that is complete lets a device go that somebody chooses for, and gives way to a move by hand', async () => {
    await choose('device-3', null)
    expect((await on.create('summer', '1.2.0', smallRings())).status).toBe(201)
    await on.approve('summer', 'ada')
    await on.stage.conductor.tick('summer')
    expect(await on.until('summer', 'complete')).toMatchObject({ phase: 'complete' })
    await on.hours('summer', 2)
    expect(on.fleet.running()).toEqual({ '1.2.0': DEVICES })
    expect((await choose('device-5', '1.1.0')).status).toBe(200)
    await on.fleet.round(HOUR_MS, ['device-5'])
    expect(on.fleet.running()).toEqual({ '1.2.0': DEVICES - 1, '1.1.0': 1 })
    expect((await move('1.1.0', '1.2.0')).status).toBe(200)
    expect(await on.show('summer')).toMatchObject({ phase: 'superseded' })
    const { rollouts } = (await on.stage.call('/api/rollouts')).body as { rollouts: JsonObject[] }
    expect(rollouts.map(({ phase }) => phase)).toEqual(['superseded', 'superseded'])
  })
})
