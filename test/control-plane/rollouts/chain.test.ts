/** A campaign's end as one chain of signatures, verified without the centre; every link of it changed breaks it. */
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyPromotionChain, type ChainTrust } from '../../../rollout/promotion/verify-chain.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import {
  PROMOTION_TYPE,
  PromotionSchema,
  openStatement,
  signStatement,
} from '../../../shared/wire/approval.ts'
import { PromotionChainSchema, type PromotionChain } from '../../../shared/wire/promotion-chain.ts'
import { campaignStage, smallRings, type CampaignStage } from './campaign-stage.ts'

describe('the chain of a promotion by a campaign', () => {
  let on: CampaignStage
  let chain: PromotionChain
  let trust: ChainTrust
  const chained = async (): Promise<PromotionChain> =>
    v.parse(PromotionChainSchema, (await on.stage.call('/api/registry/speech/aliases/stable/chain')).body)
  beforeAll(async () => {
    on = await campaignStage({ devices: 16, environment: 'production', approvers: ['ada', 'bob', 'cyd'] })
    const { policy, release } = on.stage.keys
    trust = { policyKey: policy.publicKey, releaseKey: release.publicKey }
    expect((await on.create('spring', '1.1.0', smallRings())).status).toBe(201)
  })
  afterAll(async () => await on.stage.close())

  it('begins with as many approvals as the policy asks for, none by who published', async () => {
    expect(await on.show('spring')).toMatchObject({ approvals: { needed: 2, by: [] } })
    const fewer = { campaign: 'few', bundle: 'speech', version: '1.1.0', approvals: 1 }
    expect(await on.stage.call('/api/rollouts', { method: 'POST', body: fewer })).toMatchObject({
      status: 409,
    })
    expect(await on.approve('spring', 'olu')).toMatchObject({
      status: 409,
      body: { code: 'campaign_refused' },
    })
    expect((await on.approve('spring', 'ada')).body).toMatchObject({ phase: 'awaiting_approval' })
    expect((await on.approve('spring', 'bob')).body).toMatchObject({ phase: 'running' })
  })

  it('pauses before its end where a key that approved counts no more, and says so', async () => {
    await on.stage.conductor.tick('spring')
    const bob = on.keys.get('bob')?.publicKey.id ?? ''
    await on.stage.call(`/api/approvers/${bob}`, { method: 'DELETE' })
    const paused = (await on.until('spring', 'paused')) as { phase: string; decisions: JsonObject[] }
    expect(paused).toMatchObject({ phase: 'paused', runs: 'candidate' })
    expect(paused.decisions.at(-1)).toMatchObject({
      kind: 'paused',
      by: 'control-plane',
      reason: expect.stringContaining(
        'of the 2 approvals of the plan, 1 are by keys that still count',
      ) as string,
    })
    const { aliases } = (await on.stage.call('/api/registry/speech/aliases')).body as {
      aliases: JsonObject[]
    }
    expect(aliases).toMatchObject([{ alias: 'stable', version: '1.0.0' }])
    await on.say('spring', 'cancel')
    await on.fleet.round(3_600_000)
  })

  it('holds at the end, from the plan to the move of the alias', async () => {
    expect((await on.create('summer', '1.1.0', smallRings())).status).toBe(201)
    for (const person of ['ada', 'cyd']) await on.approve('summer', person)
    await on.stage.conductor.tick('summer')
    expect(await on.until('summer', 'complete')).toMatchObject({ phase: 'complete' })
    chain = await chained()
    expect(verifyPromotionChain(chain, trust)).toMatchObject({
      version: '1.1.0',
      from: '1.0.0',
      approvers: ['ada', 'cyd'],
      campaign: { campaign: 'summer', rings: [{ ring: 'first' }, { ring: 'all' }, { ring: 'bake' }] },
      evaluation: { against: { version: '1.0.0' } },
    })
  })

  it('breaks when anything in it is changed, taken away or doubled', () => {
    const changes = [...changesOf(chain as unknown as Json)]
    expect(changes.length).toBeGreaterThan(300)
    for (const { at, changed } of changes)
      expect(() => verifyPromotionChain(v.parse(PromotionChainSchema, changed), trust), at).toThrow()
  })

  it('breaks when the centre signs a promotion that the links do not bear out', () => {
    const key = on.stage.keys.policy
    const said = openStatement(chain.promotion, {
      type: PROMOTION_TYPE,
      key: key.publicKey,
      schema: PromotionSchema,
    })
    const ground = said.campaign
    if (ground === null) throw new Error('no campaign')
    const lies: readonly Partial<typeof said>[] = [
      { version: '1.2.0' },
      { approvers: ['ada'] },
      { approvers: ['ada', 'bob', 'cyd'] },
      { author: 'ada' },
      { tags: ['safety-critical'] },
      { roles: ['technician'] },
      { rules: ['other-names'] },
      { needed: 0 },
      { from: null },
      { evaluation: { ...said.evaluation, against: null } },
      { campaign: null },
      { campaign: { ...ground, campaign: 'spring' } },
      { campaign: { ...ground, rings: ground.rings.slice(0, 2) } },
      { campaign: { ...ground, rings: ground.rings.toReversed() } },
      { policy: { ...said.policy, digest: 'a'.repeat(64) } },
      { environment: 'development' },
    ]
    for (const lie of lies) {
      const promotion = signStatement(PROMOTION_TYPE, { ...said, ...lie }, key)
      expect(() => verifyPromotionChain({ ...chain, promotion }, trust), JSON.stringify(lie)).toThrow()
    }
    const other = generateKeyPair().publicKey
    for (const keys of [
      { ...trust, policyKey: other },
      { ...trust, releaseKey: other },
    ])
      expect(() => verifyPromotionChain(chain, keys)).toThrow()
  })

  it('names the word of a person by which a ring passed that held, and is broken without it', async () => {
    const { rings, gates } = smallRings()
    const doubtful = gates.map((gate) => ({ ...gate, minimumDevices: 1_000 }))
    const plan = { rings: rings.map((ring, at) => (at === 0 ? { ...ring, gates: doubtful } : ring)), gates }
    expect((await on.create('autumn', '1.2.0', plan)).status).toBe(201)
    for (const person of ['ada', 'cyd']) await on.approve('autumn', person)
    await on.stage.conductor.tick('autumn')
    await on.hours('autumn', 5)
    expect(await on.show('autumn')).toMatchObject({
      ring: 'first',
      rings: [{ verdict: { decision: 'HOLD' } }],
    })
    const stale = { verdictDigest: 'a'.repeat(64) }
    for (const [person, change, status] of [
      ['olu', {}, 409],
      ['ada', stale, 409],
      ['ada', { campaign: 'summer' }, 403],
      ['ada', { ring: 'all' }, 409],
    ] as const)
      expect(
        (await on.override('autumn', person, change)).status,
        `${person} ${JSON.stringify(change)}`,
      ).toBe(status)
    expect((await on.override('autumn', 'ada')).body).toMatchObject({
      rings: [{ override: { by: 'ada', reason: 'tried by hand' } }],
    })
    expect(await on.until('autumn', 'complete')).toMatchObject({ phase: 'complete' })
    const autumn = await chained()
    expect(autumn.campaign?.overrides).toHaveLength(1)
    expect(verifyPromotionChain(autumn, trust)).toMatchObject({
      version: '1.2.0',
      campaign: { campaign: 'autumn' },
    })
    const without = { ...autumn, campaign: autumn.campaign && { ...autumn.campaign, overrides: [] } }
    expect(() => verifyPromotionChain(without, trust)).toThrow(/HOLD of the ring first/)
  })
})

/** The value with each of its parts changed in turn: texts by a letter, numbers by one, lists and objects by what they lose or double. */
function* changesOf(value: Json, at = '$'): Generator<{ readonly at: string; readonly changed: Json }> {
  if (typeof value === 'string') {
    const middle = Math.floor(value.length / 2)
    const letter = value[middle] === 'A' ? 'B' : 'A'
    yield { at, changed: value.slice(0, middle) + letter + value.slice(middle + 1) }
    yield { at: `${at} shortened`, changed: value.slice(0, -1) }
    return
  }
  if (typeof value === 'number') return void (yield { at, changed: value + 1 })
  if (typeof value === 'boolean') return void (yield { at, changed: !value })
  if (value === null) return void (yield { at, changed: {} })
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    for (const [index, one] of list.entries()) {
      yield { at: `${at}[${index}] gone`, changed: list.filter((_, other) => other !== index) }
      yield { at: `${at}[${index}] doubled`, changed: [...list, one] }
      for (const { at: place, changed } of changesOf(one, `${at}[${index}]`))
        yield { at: place, changed: list.with(index, changed) }
    }
    return
  }
  for (const [name, one] of Object.entries(value as JsonObject)) {
    const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))
    yield { at: `${at}.${name} gone`, changed: rest }
    if (one !== null) yield { at: `${at}.${name} null`, changed: { ...(value as JsonObject), [name]: null } }
    for (const { at: place, changed } of changesOf(one, `${at}.${name}`))
      yield { at: place, changed: { ...(value as JsonObject), [name]: changed } }
  }
}
