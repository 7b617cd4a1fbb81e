/** The change of the policy at the centre: who may, what is refused, whose word it needs, and what stands in the record. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyDocument } from '../../shared/policy/policy.ts'
import { openCentrePolicy } from '../../control-plane/policy.ts'
import { openPolicy, policyDigest } from '../../shared/policy/signed-policy.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import { generateKeyPair, type KeyPair } from '../../shared/signing/ed25519.ts'
import { POLICY_APPROVAL_TYPE, signStatement } from '../../shared/wire/approval.ts'
import { apiStage, type ApiStage } from './api-stage.ts'

const stages: ApiStage[] = []
async function stageOf(environment: Environment): Promise<ApiStage> {
  const stage = await apiStage(environment)
  stages.push(stage)
  return stage
}
afterAll(async () => {
  for (const stage of stages) await stage.close()
})

async function held(stage: ApiStage): Promise<PolicyDocument> {
  return (await stage.call('/api/policy')).body['policy'] as unknown as PolicyDocument
}

async function next(stage: ApiStage, change: Partial<PolicyDocument> = {}): Promise<PolicyDocument> {
  const document = await held(stage)
  return { ...document, version: document.version + 1, ...change }
}

const put = async (
  stage: ApiStage,
  document: object,
  of: { approvals?: object[]; role?: 'operator' | 'governance' | 'viewer' | null; as?: string } = {},
) =>
  await stage.call('/api/policy', {
    method: 'PUT',
    body: { document, ...(of.approvals === undefined ? {} : { approvals: of.approvals }) },
    role: of.role === undefined ? 'operator' : of.role,
    ...(of.as === undefined ? {} : { as: of.as }),
  })

describe('a change of the policy', () => {
  let stage: ApiStage
  beforeAll(async () => {
    stage = await stageOf('development')
  })

  it('is signed, stored, in force, and stands in the audit record with who made it', async () => {
    const before = await held(stage)
    const published = await put(stage, await next(stage, { thresholds: { act: 0.8, ask: 0.3 } }))
    expect([published.status, published.body]).toMatchObject([200, { version: before.version + 1 }])
    expect((await stage.call('/api/policy')).body).toMatchObject({
      version: before.version + 1,
      digest: published.body['digest'],
      policy: { thresholds: { act: 0.8, ask: 0.3 } },
    })
    const { records } = (await stage.call('/api/journal')).body as { records: { body: object }[] }
    expect(records.map(({ body }) => body)).toContainEqual(
      expect.objectContaining({
        action: 'policy.publish',
        verdict: 'permit',
        principal: expect.objectContaining({ id: 'olu' }) as unknown,
      }),
    )
    // What people published is not brought up to date by what a later Starling comes with.
    const { db, keys, clock } = stage
    const again = await openCentrePolicy({ db, key: keys.policy, environment: 'development', clock })
    expect(again.current().document.thresholds).toEqual({ act: 0.8, ask: 0.3 })
  })

  it('is the operator’s alone: whoever else asks is refused, and the refusal recorded', async () => {
    const document = await next(stage)
    for (const [role, status] of [
      ['governance', 403],
      ['viewer', 403],
      [null, 401],
    ] as const)
      expect((await put(stage, document, { role })).status, String(role)).toBe(status)
    expect((await held(stage)).version).toBe(document.version - 1)
  })

  it('is refused by its field where it would be no policy, another version, or one that nobody could leave', async () => {
    const document = await next(stage)
    const operator = document.rules.filter(({ id }) => id !== 'centre-runs')
    const soon = document.rules.map((rule) => ({ ...rule, whenExpired: false }))
    const silent = {
      id: 'hush',
      effect: 'deny',
      actions: ['device.*'],
      roles: ['centre'],
      whenExpired: true,
    } as const
    for (const [change, status, code, message] of [
      [{ version: document.version - 1 }, 409, 'policy_version_wrong', 'version: '],
      [{ version: document.version + 1 }, 409, 'policy_version_wrong', 'version: '],
      [{ environment: 'production' }, 422, 'policy_refused', 'for production'],
      [{ rules: [{ id: 'x' }] }, 422, 'malformed_message', 'document.rules.0.effect'],
      [{ thresholds: { act: 0.4, ask: 0.5 } }, 422, 'policy_unsound', 'thresholds.ask: '],
      [{ thresholds: { act: 1.4, ask: 0.5 } }, 422, 'policy_unsound', 'thresholds.act: '],
      [{ expiresAt: '2020-01-01T00:00:00.000Z' }, 422, 'policy_unsound', 'expiresAt: '],
      [{ rules: operator }, 422, 'policy_unsound', 'rules: '],
      [{ rules: soon }, 422, 'policy_unsound', 'once it has expired'],
      [{ rules: [...document.rules, silent] }, 422, 'policy_unsound', 'device.report'],
    ] as const) {
      const refused = await put(stage, { ...document, ...change })
      expect([refused.status, refused.body]).toMatchObject([
        status,
        {
          code,
          message: expect.stringContaining(message) as string,
          remedy: expect.stringMatching(/./) as string,
        },
      ])
    }
    expect((await held(stage)).version).toBe(document.version - 1)
  })

  it('made by two at once is made by one', async () => {
    const document = await next(stage)
    const made = await Promise.all(
      [0.7, 0.6].map(async (act) => {
        return await put(stage, { ...document, thresholds: { act, ask: 0.2 } })
      }),
    )
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect((await held(stage)).version).toBe(document.version)
  })

  it('that somebody wrote into the store behind the centre’s back is not put in force', async () => {
    const before = await held(stage)
    const { db, keys, clock } = stage
    const policies = await openCentrePolicy({ db, key: keys.policy, environment: 'development', clock })
    const other = generateKeyPair()
    await db.query(
      `insert into centre.policy (version, digest, envelope, signed_at)
       select version + 1, digest, jsonb_set(envelope, '{signatures,0,keyid}', to_jsonb($1::text)), now()
       from centre.policy order by version desc limit 1`,
      [other.publicKey.id],
    )
    await expect(policies.refresh()).rejects.toMatchObject({ code: 'bad_envelope' })
    expect(policies.current().document).toEqual(before)
    await db.query('delete from centre.policy where version > $1', [before.version])
  })

  it('is acknowledged device by device: who follows, who refuses, who said nothing', async () => {
    const { version: current, digest: bytes } = (await stage.call('/api/policy')).body as {
      version: number
      digest: string
    }
    const said = (version: number, digest: string, refused: string | null) =>
      JSON.stringify({ policy: { version, digest, refused } })
    for (const [device, reported] of [
      ['a', said(current, bytes, null)],
      ['b', said(1, 'b'.repeat(64), 'policy_refused')],
      ['c', null],
    ] as const)
      await stage.db.query(
        `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at, reported)
         values ($1, 'north', 'k', 'u', 'l', now(), $2::text::jsonb)`,
        [device, reported],
      )
    expect((await stage.call('/api/policy/status', { role: 'viewer' })).body).toMatchObject({
      devices: 3,
      following: 1,
      refusing: 1,
      waiting: [
        { device: 'b', said: { version: 1, refused: 'policy_refused' } },
        { device: 'c', said: null },
      ],
    })
  })

  it('is warned of days before it lapses, to whoever looks at its status', async () => {
    const status = async () => (await stage.call('/api/policy/status', { role: 'viewer' })).body
    expect(await status()).toMatchObject({ notice: null })
    const { document } = stage.rollout.policy()
    const leftMs = Date.parse(document.expiresAt) - stage.clock.nowMs()
    stage.clock.advance(leftMs - 5.5 * 86_400_000)
    expect(await status()).toMatchObject({
      notice: {
        code: 'policy_near_expiry',
        daysLeft: 5,
        remedy: expect.stringContaining('starling policy publish') as string,
      },
    })
  })
})

describe('a change of the policy in production', () => {
  it('needs two others’ signatures over this very document; the author’s own counts for nothing', async () => {
    const stage = await stageOf('production')
    const people: Record<string, KeyPair> = {}
    for (const person of ['olu', 'ada', 'bob']) {
      const key = generateKeyPair()
      people[person] = key
      const body = { person, publicKey: key.publicKey.text }
      expect((await stage.call('/api/approvers', { method: 'POST', body })).status).toBe(201)
    }
    const document = await next(stage)
    const by = (person: string, of: PolicyDocument = document) => {
      const key = people[person] ?? generateKeyPair()
      const at = new Date(stage.clock.nowMs()).toISOString()
      const policyDigestOf = policyDigest(of)
      const statement = { v: 1, policyDigest: policyDigestOf, environment: 'production', at } as const
      return signStatement(POLICY_APPROVAL_TYPE, statement, key)
    }
    const refused = async (approvals: object[]) => {
      const { status, body } = await put(stage, document, { approvals })
      return [status, body['code']]
    }
    expect(await refused([])).toEqual([403, 'promotion_refused'])
    expect(await refused([by('ada')])).toEqual([403, 'promotion_refused'])
    expect(await refused([by('ada'), by('ada')])).toEqual([403, 'promotion_refused'])
    expect(await refused([by('ada'), by('olu')])).toEqual([403, 'promotion_refused'])
    expect(await refused([by('ada'), by('eve')])).toEqual([404, 'no_such_approver'])
    const other = { ...document, promotions: [] }
    expect(await refused([by('ada'), by('bob', other)])).toEqual([403, 'approval_refused'])
    const forged = { ...by('bob'), signatures: by('bob', other).signatures }
    expect((await refused([by('ada'), forged]))[1]).toBe('bad_envelope')
    const published = await put(stage, document, { approvals: [by('ada'), by('bob')] })
    expect([published.status, published.body]).toMatchObject([200, { approvers: ['ada', 'bob'] }])
    const [row] = await stage.db.query<{ envelope: never }>(
      'select envelope from centre.policy order by version desc limit 1',
    )
    const trust = { keys: [stage.keys.policy.publicKey], environment: 'production', held: null } as const
    expect(openPolicy(row?.envelope, trust).digest).toBe(policyDigest(document))
  })
})
