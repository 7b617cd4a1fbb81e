/** Enrolment on a real kernel and database, with a clock that is turned by hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CENTRE_SCHEMA } from '../../../control-plane/centre-schema.ts'
import {
  enrolAnswer,
  enrolInput,
  enrolPerformer,
  type EnrolmentParts,
} from '../../../control-plane/identity/enrol.ts'
import { findDevice } from '../../../control-plane/identity/devices.ts'
import { revokedKeys, revokePerformer } from '../../../control-plane/identity/revoke.ts'
import { issueTokenPerformer, makeToken, TOKEN_VALID_MS } from '../../../control-plane/identity/tokens.ts'
import { openCentreKeys } from '../../../control-plane/keys.ts'
import { openCampaigns } from '../../../control-plane/rollouts/campaigns.ts'
import { atCentre } from '../../../control-plane/performer.ts'
import { makeUserKey, openAuthority } from '../../../shared/fabric/credentials.ts'
import { parseTenantId } from '../../../shared/ids.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { proofBytes, type EnrolAnswer, type EnrolRequest } from '../../../shared/wire/enrolment.ts'
import { governed, type Governed } from '../../support/governed.ts'

let stage: Governed
let parts: EnrolmentParts

beforeAll(async () => {
  stage = await governed({ origin: 'centre' })
  await stage.db.script(CENTRE_SCHEMA)
  const keys = openCentreKeys(stage.folder)
  const tenant = parseTenantId('acme')
  parts = {
    clock: stage.clock,
    tenant,
    environment: 'development',
    authority: await openAuthority(tenant, keys.fabric),
    keys,
    leafUrl: () => 'nats://127.0.0.1:7423',
    policy: () => ({ payloadType: 'x', payload: '', signatures: [] }),
    roots: async () => await Promise.resolve(null),
  }
})
afterAll(async () => await stage.close())

async function tokenFor(device: string, site = 'north'): Promise<string> {
  const { text, hash } = makeToken()
  await atCentre(stage.kernel, issueTokenPerformer(stage.clock), {
    resource: { type: 'device', id: device },
    input: { hash, device, site },
  })
  return text
}

function requestOf(
  claim: { device: string; token: string; site?: string },
  key: KeyPair = generateKeyPair(),
  signer: KeyPair = key,
): EnrolRequest {
  const whole = {
    v: 1 as const,
    site: 'north',
    publicKey: key.publicKey.text,
    userKey: makeUserKey().publicKey,
    leafKey: makeUserKey().publicKey,
    ...claim,
  }
  return { claim: whole, proof: Buffer.from(signer.sign(proofBytes(whole))).toString('base64') }
}

async function enrol(request: EnrolRequest): Promise<EnrolAnswer> {
  const { output } = await atCentre(stage.kernel, enrolPerformer(parts, request), {
    resource: { type: 'device', id: request.claim.device },
    input: enrolInput(request),
  })
  return enrolAnswer(parts, output)
}

const claimsOf = (jwt: string): unknown =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))

describe('enrolment at the centre', () => {
  it('gives a device credentials for its own key and its own subjects', async () => {
    const request = requestOf({ device: 'pump-1', token: await tokenFor('pump-1') })
    const answer = await enrol(request)
    expect(answer).toMatchObject({ device: 'pump-1', site: 'north', tenant: 'acme' })
    expect(claimsOf(answer.deviceJwt)).toMatchObject({
      sub: request.claim.userKey,
      nats: { pub: { allow: expect.arrayContaining(['up.acme.pump-1.>', 'ask.acme.pump-1.>']) as unknown } },
    })
    expect(claimsOf(answer.leafJwt)).toMatchObject({ sub: request.claim.leafKey })
    expect((await findDevice(stage.db, 'pump-1'))?.key.text).toBe(request.claim.publicKey)
  })

  it('takes a token at its last moment, and not at the one after', async () => {
    const [inTime, late] = [await tokenFor('pump-2'), await tokenFor('pump-3')]
    stage.clock.advance(TOKEN_VALID_MS - 1)
    await enrol(requestOf({ device: 'pump-2', token: inTime }))
    stage.clock.advance(1)
    await expect(enrol(requestOf({ device: 'pump-3', token: late }))).rejects.toMatchObject({
      code: 'token_expired',
      remedy: expect.stringContaining('starling token') as string,
    })
    expect(await findDevice(stage.db, 'pump-3')).toBeNull()
  })

  it('takes a token once, though two devices show it at the same moment', async () => {
    const token = await tokenFor('pump-4')
    const both = await Promise.allSettled([
      enrol(requestOf({ device: 'pump-4', token })),
      enrol(requestOf({ device: 'pump-4', token })),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({ code: 'token_used' })
  })

  it('leaves the token good when the proof was made by another key, or over another claim', async () => {
    const token = await tokenFor('pump-5')
    const stolen = requestOf({ device: 'pump-5', token }, generateKeyPair(), generateKeyPair())
    await expect(enrol(stolen)).rejects.toMatchObject({ code: 'proof_wrong' })
    const honest = requestOf({ device: 'pump-5', token })
    const changed = { ...honest, claim: { ...honest.claim, userKey: makeUserKey().publicKey } }
    await expect(enrol(changed)).rejects.toMatchObject({ code: 'proof_wrong' })
    await enrol(honest)
  })

  it('keeps neither a token nor a private thing in the journal or the tables', async () => {
    const token = await tokenFor('pump-6')
    await enrol(requestOf({ device: 'pump-6', token }))
    const kept = await stage.db.query(
      `select text from journal.record union all select convert_from(bytes, 'UTF8') from journal.payload where bytes is not null
       union all select hash from centre.token`,
    )
    expect(kept.length).toBeGreaterThan(10)
    expect(JSON.stringify(kept)).not.toContain(token)
  })

  it('names the keys of revoked devices, and of no other, and revokes once', async () => {
    const request = requestOf({ device: 'pump-7', token: await tokenFor('pump-7') })
    await enrol(request)
    const revoke = async () =>
      await atCentre(stage.kernel, revokePerformer({ clock: stage.clock, campaigns: openCampaigns() }), {
        resource: { type: 'device', id: 'pump-7' },
        input: { device: 'pump-7' },
      })
    const first = await revoke()
    stage.clock.advance(60_000)
    expect((await revoke()).output.revokedAt).toBe(first.output.revokedAt)
    expect(await revokedKeys(stage.db)).toEqual([request.claim.userKey, request.claim.leafKey])
    expect(await revokedKeys(stage.db, 'pump-1')).toEqual([])
    await expect(
      enrol(requestOf({ device: 'pump-7', token: await tokenFor('pump-7') })),
    ).rejects.toMatchObject({ code: 'device_known' })
  })

  it('makes no token for a name that the centre uses itself', async () => {
    for (const device of ['centre', 'hub-probe', 'Pump 1'])
      await expect(tokenFor(device), device).rejects.toMatchObject({ code: 'input_refused' })
  })

  it('does nothing that policy does not permit', async () => {
    const token = await tokenFor('pump-8')
    stage.follow({ rules: [] })
    await expect(enrol(requestOf({ device: 'pump-8', token }))).rejects.toMatchObject({ code: 'denied' })
    stage.follow({})
    expect(await findDevice(stage.db, 'pump-8')).toBeNull()
  })
})
