/** Campaigns and registry on PostgreSQL, and two conductors on one database: exactly one of them decides. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCampaigns, type Campaigns } from '../../../control-plane/rollouts/campaigns.ts'
import { decide } from '../../../control-plane/rollouts/decide.ts'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import { verifyPromotionChain } from '../../../rollout/promotion/verify-chain.ts'
import { parseRecordId } from '../../../shared/ids.ts'
import { openPostgres } from '../../../shared/sql/postgres-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import type { PromotionChain } from '../../../shared/wire/promotion-chain.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { campaignStage, HOUR_MS, smallRings, type CampaignStage } from './campaign-stage.ts'

const bin = await postgresPrograms()
const DEVICES = 12

describe.skipIf(bin === null)('two conductors on one PostgreSQL', () => {
  let server: PostgresServer
  let on: CampaignStage
  let other: ApiStage
  /** Connections of its own, as another process has them. */
  let second: Database
  beforeAll(async () => {
    server = await startPostgres(bin ?? '')
    const client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query('create database centre')
    await client.end()
    const url = server.url.replace(/postgres$/, 'centre')
    const database = async (): Promise<Database> => await openPostgres({ url, name: 'centre' })
    on = await campaignStage({ devices: DEVICES, stage: await apiStage('development', { database }) })
    other = await apiStage('development', { beside: on.stage })
    second = await database()
  })
  afterAll(async () => {
    await second.close()
    await on.stage.close()
    await server.stop()
  })

  const logOf = async (id: string): Promise<readonly { readonly seq: number; readonly kind: string }[]> =>
    await on.stage.db.query(
      `select seq, event->>'kind' as kind from rollout.event where campaign = $1 order by seq`,
      [id],
    )
  /** Both centres see the same state, and a third one makes it of the log alone. */
  const agree = async (id: string): Promise<void> => {
    const seen = await Promise.all([
      on.stage.rollout.campaigns.current(on.stage.db, id),
      other.rollout.campaigns.current(other.db, id),
      openCampaigns().current(on.stage.db, id),
    ])
    expect(new Set(seen.map(({ seq, state }) => `${seq} ${stateHash(state)}`)).size).toBe(1)
    const log = await logOf(id)
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, at) => at + 1))
  }
  const both = async <T>(act: (stage: ApiStage) => Promise<T>): Promise<readonly T[]> =>
    await Promise.all([act(on.stage), act(other)])

  it('create one campaign of a bundle, whoever asks first', async () => {
    const made = await both(async (stage) => {
      const body = { campaign: stage === other ? 'other' : 'spring', bundle: 'speech', version: '1.1.0' }
      return await stage.call('/api/rollouts', { method: 'POST', body })
    })
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
    expect(made.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'bundle_in_campaign' })
    const id = made.find(({ status }) => status === 201)?.body['campaign'] as string
    await agree(id)
    const again = await both(
      async (stage) =>
        await stage.call(`/api/rollouts/${id}/cancel`, { method: 'POST', body: { reason: 'x' } }),
    )
    expect(again.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
  })

  it('take each approval, each report and each tick once, and come to one end', async () => {
    expect((await on.create('summer', '1.1.0', smallRings())).status).toBe(201)
    await on.approve('summer', 'ada')
    const settled = async (): Promise<void> => {
      await Promise.allSettled([on.stage.conductor.tick('summer'), other.conductor.tick('summer')])
    }
    await settled()
    for (let hour = 0; hour < 24 && (await on.show('summer'))['phase'] !== 'complete'; hour += 1) {
      await on.fleet.round(HOUR_MS)
      on.stage.clock.advance(HOUR_MS)
      await settled()
      await agree('summer')
    }
    expect(await on.show('summer')).toMatchObject({ phase: 'complete' })
    const moves = await on.stage.db.query(`select 1 as one from centre.alias_move where to_version = '1.1.0'`)
    expect(moves).toHaveLength(1)
    const kinds = (await logOf('summer')).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'approved' || kind === 'stated')).toHaveLength(2)
    const chain = (await other.call('/api/registry/speech/aliases/stable/chain'))
      .body as unknown as PromotionChain
    const { policy, release } = on.stage.keys
    const trust = { policyKey: policy.publicKey, releaseKey: release.publicKey }
    expect(verifyPromotionChain(chain, trust)).toMatchObject({
      version: '1.1.0',
      campaign: { campaign: 'summer' },
    })
  })

  it('decide in turn where their transactions are open at once: no event is lost, none is taken twice', async () => {
    const principal = { kind: 'process', id: 'control-plane', roles: ['centre'] } as const
    const tickOn = async (db: Database, campaigns: Campaigns, at: number): Promise<void> => {
      const parts = { ...on.stage.rollout, campaigns }
      await db.transaction(async (tx) => {
        const work = {
          tx,
          recordId: parseRecordId(`00000000-0000-7000-8000-${String(at).padStart(12, '0')}`),
          principal,
        }
        await decide(work, parts, {
          id: 'summer',
          eventsOf: ({ clock: { tickSequence, wallMs } }) => [
            { kind: 'ticked', sequence: tickSequence + 1, atMs: wallMs + at },
          ],
        })
      })
    }
    const before = (await on.stage.rollout.campaigns.current(on.stage.db, 'summer')).state.clock.tickSequence
    const [one, two] = [openCampaigns(), openCampaigns()]
    await Promise.all(
      Array.from({ length: 24 }, async (_, at) =>
        at % 2 === 0 ? await tickOn(on.stage.db, one, at) : await tickOn(second, two, at),
      ),
    )
    await agree('summer')
    const after = (await on.stage.rollout.campaigns.current(on.stage.db, 'summer')).state.clock.tickSequence
    expect(after - before).toBe(24)
  })

  it('move an alias once, and let either a campaign begin or the move be made', async () => {
    const moved = await both(
      async (stage) =>
        await stage.call('/api/registry/speech/aliases/stable', {
          method: 'PUT',
          body: { version: '1.0.0', expected: '1.1.0' },
        }),
    )
    expect(moved.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    const [created, made] = await Promise.all([
      on.create('autumn', '1.2.0'),
      other.call('/api/registry/speech/aliases/stable', {
        method: 'PUT',
        body: { version: '1.1.0', expected: '1.0.0' },
      }),
    ])
    if (made.status === 200) expect(created.body).toMatchObject({ plan: { lastGood: { version: '1.1.0' } } })
    else expect([created.status, made.body['code']]).toEqual([201, 'bundle_in_campaign'])
    expect(created.status).toBe(201)
    await agree('autumn')
  })
})
