import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { desiredState } from '../../../control-plane/release/desired.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateKeyPair, loadPublicKey, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { RELEASE_APPROVAL_TYPE, signStatement } from '../../../shared/wire/approval.ts'
import { verifyPromotionChain } from '../../../rollout/promotion/verify-chain.ts'
import { PromotionChainSchema, type PromotionChain } from '../../../shared/wire/promotion-chain.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { publishRelease } from './published.ts'

const alpha = parseDeviceId('alpha')
const none = { payloadType: 'x', payload: '', signatures: [] }

describe('the registry', () => {
  let stage: ApiStage
  const people = new Map<string, KeyPair>()
  beforeAll(async () => {
    stage = await apiStage('production')
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishRelease(stage, 'speech', version)
    for (const person of ['ada', 'bob', 'olu']) {
      const key = generateKeyPair()
      people.set(person, key)
      const body = { person, publicKey: key.publicKey.text }
      expect((await stage.call('/api/approvers', { method: 'POST', body })).status).toBe(201)
    }
  })
  afterAll(async () => await stage.close())

  const release = async (version: string): Promise<JsonObject> =>
    (await stage.call(`/api/registry/speech/${version}`)).body
  const move = async (version: string, expected: string | null, alias = 'stable') =>
    await stage.call(`/api/registry/speech/aliases/${alias}`, { method: 'PUT', body: { version, expected } })
  const signed = async (version: string, person: string, change: object = {}): Promise<object> => {
    const key = people.get(person)
    if (key === undefined) throw new Error(person)
    const { envelopeSha256 } = await release(version)
    return signStatement(
      RELEASE_APPROVAL_TYPE,
      {
        v: 1,
        name: 'speech',
        version,
        envelopeSha256: envelopeSha256 as string,
        environment: 'production',
        person,
        at: new Date(stage.clock.nowMs()).toISOString(),
        ...change,
      },
      key,
    )
  }
  const approve = async (version: string, envelope: object) =>
    await stage.call(`/api/registry/speech/${version}/approvals`, { method: 'POST', body: { envelope } })
  const wanted = async () =>
    (await desiredState(stage.db, none, alpha)).bundles.map(({ name, version }) => `${name} ${version}`)

  it('makes the very first release of a name stable; publishing a later one moves nothing', async () => {
    expect(await wanted()).toEqual(['speech 1.0.0'])
    expect((await release('1.1.0'))['aliases']).toEqual([])
    expect((await release('1.0.0'))['transitions']).toMatchObject([
      { kind: 'registered', by: 'olu' },
      { kind: 'evaluated' },
      { kind: 'signed' },
      { kind: 'promoted', detail: { alias: 'stable', from: null } },
    ])
  })

  it('promotes in production only what two others than its author signed', async () => {
    expect(await move('1.1.0', '1.0.0')).toMatchObject({
      status: 403,
      body: {
        code: 'promotion_refused',
        message: expect.stringContaining('stable-in-production asks for 2 approvals') as string,
      },
    })
    expect(await approve('1.1.0', await signed('1.1.0', 'olu'))).toMatchObject({
      status: 403,
      body: { code: 'approval_refused', message: expect.stringContaining('olu published') as string },
    })
    expect((await approve('1.1.0', await signed('1.1.0', 'ada'))).status).toBe(201)
    expect((await approve('1.1.0', await signed('1.1.0', 'ada'))).status).toBe(201)
    expect((await move('1.1.0', '1.0.0')).status).toBe(403)
    expect((await approve('1.1.0', await signed('1.1.0', 'bob'))).status).toBe(201)
    expect(await move('1.1.0', '1.0.0')).toMatchObject({
      status: 200,
      body: { from: '1.0.0', version: '1.1.0', approvers: ['ada', 'bob'] },
    })
    expect(await wanted()).toEqual(['speech 1.1.0'])
    expect((await release('1.0.0'))['transitions']).toContainEqual(
      expect.objectContaining({ kind: 'demoted', detail: { alias: 'stable', to: '1.1.0' } }),
    )
  })

  it('takes no approval of other bytes, of another place, by a foreign key or in another name', async () => {
    const refused: readonly [object, string][] = [
      [await signed('1.2.0', 'ada', { envelopeSha256: 'a'.repeat(64) }), 'approval_refused'],
      [await signed('1.2.0', 'ada', { environment: 'development' }), 'approval_refused'],
      [await signed('1.2.0', 'ada', { person: 'bob' }), 'approval_refused'],
      [await signed('1.1.0', 'ada'), 'approval_refused'],
    ]
    for (const [envelope, code] of refused)
      expect((await approve('1.2.0', envelope)).body).toMatchObject({ code })
    people.set('eve', generateKeyPair())
    expect((await approve('1.2.0', await signed('1.2.0', 'eve'))).body).toMatchObject({
      code: 'no_such_approver',
    })
    const forged = (await signed('1.2.0', 'ada')) as { payload: string }
    const altered = {
      ...forged,
      payload: Buffer.from(`${Buffer.from(forged.payload, 'base64').toString()} `).toString('base64'),
    }
    expect((await approve('1.2.0', altered)).body).toMatchObject({ code: 'bad_envelope' })
  })

  it('moves an alias only from what it names: of two who move at once, one is told', async () => {
    const both = await Promise.all([move('1.1.0', null, 'candidate'), move('1.2.0', null, 'candidate')])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect(both.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'alias_moved' })
    const { aliases, moves } = (await stage.call('/api/registry/speech/aliases')).body as {
      aliases: { alias: string; version: string }[]
      moves: unknown[]
    }
    expect(aliases.map(({ alias }) => alias)).toEqual(['candidate', 'stable'])
    expect(moves).toHaveLength(3)
  })

  it('asks more of a release that bears a tag, and no tag comes off', async () => {
    const tagged = await stage.call('/api/registry/speech/1.2.0/tags', {
      method: 'POST',
      body: { tag: 'safety-critical' },
    })
    expect(tagged.status).toBe(201)
    expect(await move('1.2.0', null, 'canary')).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('safety-critical') as string },
    })
    expect((await stage.call('/api/registry/speech/1.2.0/tags', { method: 'DELETE' })).status).toBe(404)
  })

  it('counts no signature whose key was removed', async () => {
    for (const person of ['ada', 'bob']) await approve('1.2.0', await signed('1.2.0', person))
    const bob = people.get('bob')?.publicKey.id ?? ''
    expect((await stage.call(`/api/approvers/${bob}`, { method: 'DELETE' })).status).toBe(200)
    expect(await move('1.2.0', '1.1.0')).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('there are 1') as string },
    })
    const again = { person: 'bob', publicKey: people.get('bob')?.publicKey.text ?? '' }
    expect(await stage.call('/api/approvers', { method: 'POST', body: again })).toMatchObject({
      status: 409,
      body: { code: 'approver_known' },
    })
  })

  it('proves a promotion offline, and shows each link that was broken', async () => {
    const { body } = await stage.call('/api/registry/speech/aliases/stable/chain')
    const chain: PromotionChain = v.parse(PromotionChainSchema, body)
    const keys = stage.keys
    const trust = { policyKey: keys.policy.publicKey, releaseKey: keys.release.publicKey }
    expect(verifyPromotionChain(chain, trust)).toMatchObject({ version: '1.1.0', approvers: ['ada', 'bob'] })
    const other = loadPublicKey(generateKeyPair().publicKey.text)
    expect(() => verifyPromotionChain(chain, { ...trust, policyKey: other })).toThrow(/envelope is refused/)
    expect(() => verifyPromotionChain(chain, { ...trust, releaseKey: other })).toThrow(/manifest is refused/)
    expect(() => verifyPromotionChain({ ...chain, approvals: chain.approvals.slice(1) }, trust)).toThrow(
      /ada/,
    )
    expect(() => verifyPromotionChain({ ...chain, approvers: [] }, trust)).toThrow(/never vouched/)
    const [row] = await stage.db.query<{ envelope: Uint8Array }>(
      `select envelope from centre.bundle where version = '1.2.0'`,
    )
    const manifest = Buffer.from(row?.envelope ?? []).toString('base64')
    const swapped = { ...chain, release: { ...chain.release, manifest } }
    expect(() => verifyPromotionChain(swapped, trust)).toThrow(/another release/)
  })

  it('retires what nothing names, for good', async () => {
    const retire = async (version: string) =>
      await stage.call(`/api/registry/speech/${version}/retire`, { method: 'POST', body: { reason: 'old' } })
    expect(await retire('1.1.0')).toMatchObject({ status: 409, body: { code: 'release_in_use' } })
    expect((await retire('1.0.0')).status).toBe(200)
    expect(await retire('1.0.0')).toMatchObject({ status: 409, body: { code: 'release_retired' } })
    expect(await move('1.0.0', '1.1.0')).toMatchObject({ status: 409, body: { code: 'release_retired' } })
    const choice = { method: 'PUT', body: { name: 'speech', version: '1.0.0' } }
    const device = stage.call('/api/devices/alpha/desired', choice)
    expect((await device).status).toBe(404)
  })

  it('names the record of every transition, and the records are there', async () => {
    const rows = await stage.db.query<{ text: string }>('select text from journal.record')
    const records = rows.map(({ text }) => JSON.parse(text) as { id: string; body: { action?: string } })
    const actions = new Set(records.map(({ body }) => body.action))
    for (const action of ['bundle.publish', 'release.approve', 'alias.set', 'release.tag', 'release.retire'])
      expect(actions).toContain(action)
    const { transitions } = (await release('1.0.0')) as { transitions: { recordId: string }[] }
    const ids = new Set(records.map(({ id }) => id))
    for (const { recordId } of transitions) expect(ids).toContain(recordId)
  })

  it('lets a reviewer approve, and move nothing', async () => {
    const body = { version: '1.2.0', expected: null }
    expect(
      await stage.call('/api/registry/speech/aliases/mine', { method: 'PUT', body, role: 'governance' }),
    ).toMatchObject({ status: 403, body: { code: 'denied' } })
  })

  it('gives another person a token of their own', async () => {
    const { body, status } = await stage.call('/api/access', {
      method: 'POST',
      body: { person: 'cyd', role: 'operator' },
    })
    expect(status).toBe(201)
    const answer = await stage.call('/api/registry', {
      role: null,
      headers: { authorization: `Bearer ${body['token'] as string}` },
    })
    expect(answer.status).toBe(200)
    expect(
      (await stage.call('/api/access', { method: 'POST', body: { person: 'X Y', role: 'operator' } })).status,
    ).toBe(422)
  })
})
