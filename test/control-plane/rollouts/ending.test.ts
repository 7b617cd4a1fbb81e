/** A campaign that was given up decides nothing more once everybody is back: no report is held against it, on PGlite and PostgreSQL. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCampaigns } from '../../../control-plane/rollouts/campaigns.ts'
import { isReportAwaited } from '../../../control-plane/rollouts/heard.ts'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import { openPostgres } from '../../../shared/sql/postgres-database.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { campaignStage, HOUR_MS, type CampaignStage } from './campaign-stage.ts'

const bin = await postgresPrograms()
const DEVICES = 16

const suites = [
  { name: 'PGlite', skip: false, open: async () => ({ stage: await apiStage(), server: null }) },
  { name: 'PostgreSQL', skip: bin === null, open: onPostgres },
]

async function onPostgres(): Promise<{ readonly stage: ApiStage; readonly server: PostgresServer }> {
  const server = await startPostgres(bin ?? '')
  const client = new Client({ connectionString: server.url })
  await client.connect()
  await client.query('create database centre')
  await client.end()
  const url = server.url.replace(/postgres$/, 'centre')
  const database = async () => await openPostgres({ url, name: 'centre' })
  return { stage: await apiStage('development', { database }), server }
}

for (const { name, skip, open } of suites)
  describe.skipIf(skip)(`the end of a cancelled campaign on ${name}`, () => {
    let on: CampaignStage
    let server: PostgresServer | null
    beforeAll(async () => {
      const opened = await open()
      ;({ server } = opened)
      on = await campaignStage({ devices: DEVICES, stage: opened.stage })
    })
    afterAll(async () => {
      await on.stage.close()
      await server?.stop()
    })
    const live = async (): Promise<readonly string[]> =>
      (await on.stage.rollout.campaigns.live(on.stage.db)).map(({ id }) => id)
    const givenBy = async (id: string): Promise<readonly string[]> => {
      const { state } = await on.stage.rollout.campaigns.current(on.stage.db, id)
      return on.fleet.devices.filter((device) => state.devices.get(device)?.grant != null)
    }
    const events = async (): Promise<number> =>
      (await on.stage.db.query('select 1 as one from rollout.event')).length

    it('comes at once where nothing was given to anybody', async () => {
      await on.create('early', '1.1.0')
      expect(await live()).toEqual(['early'])
      await on.say('early', 'cancel')
      expect(await live()).toEqual([])
    })

    it('waits for the last device that was given the candidate, and for no longer', async () => {
      await on.create('spring', '1.1.0')
      await on.approve('spring', 'ada')
      await on.stage.conductor.tick('spring')
      await on.hours('spring', 3)
      const { fleet, stage } = on
      const [last = '', ...given] = await givenBy('spring')
      expect(given.length).toBeGreaterThan(1)
      await on.say('spring', 'cancel')
      expect(await live()).toEqual(['spring'])
      const others = fleet.devices.filter((device) => device !== last)
      for (let round = 0; round < 2; round += 1) await fleet.round(HOUR_MS, others)
      expect(await live()).toEqual(['spring'])
      expect(await stage.rollout.campaigns.assigned(stage.db, last)).not.toEqual(new Map())
      for (let round = 0; round < 2; round += 1) await fleet.round(HOUR_MS, [last])
      expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
      expect(await live()).toEqual([])
    })

    it('leaves nothing that a report is held against, and the record as it was', async () => {
      const { fleet, stage } = on
      const before = await events()
      await fleet.round(HOUR_MS)
      expect(await events()).toBe(before)
      expect(await isReportAwaited(stage.db, stage.rollout, fleet.devices[0] ?? '')).toBe(false)
      expect(fleet.running()).toEqual({ '1.0.0': DEVICES })
      expect(await on.show('spring')).toMatchObject({ phase: 'cancelled', counts: { atRisk: 0 } })
      // Another process makes the same of the log, and finds its checkpoint at the end of it.
      const anew = await openCampaigns().current(stage.db, 'spring')
      const held = await stage.rollout.campaigns.current(stage.db, 'spring')
      expect(stateHash(anew.state)).toBe(stateHash(held.state))
      const [row] = await stage.db.query('select checkpoint_seq from rollout.campaign where id = $1', [
        'spring',
      ])
      expect(row).toEqual({ checkpoint_seq: held.seq })
    })

    it('lets the next campaign go on from its generation', async () => {
      const { state } = await on.stage.rollout.campaigns.current(on.stage.db, 'spring')
      expect((await on.create('summer', '1.2.0')).body).toMatchObject({
        plan: { baseGeneration: state.direction.generation },
      })
      expect(await live()).toEqual(['summer'])
    })

    it('comes with the revocation of the last device that was not back', async () => {
      await on.approve('summer', 'ada')
      await on.stage.conductor.tick('summer')
      await on.hours('summer', 3)
      const [last = ''] = await givenBy('summer')
      await on.say('summer', 'cancel')
      const others = on.fleet.devices.filter((device) => device !== last)
      for (let round = 0; round < 2; round += 1) await on.fleet.round(HOUR_MS, others)
      expect(await live()).toEqual(['summer'])
      await on.stage.call(`/api/devices/${last}/revoke`, { method: 'POST', body: {} })
      expect(await live()).toEqual([])
    })
  })
