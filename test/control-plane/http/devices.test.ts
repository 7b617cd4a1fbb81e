import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { desiredState } from '../../../control-plane/release/desired.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'

const alpha = parseDeviceId('alpha')
const envelope = { payloadType: 'x', payload: '', signatures: [] }

describe('devices over the API', () => {
  let stage: ApiStage
  let device: Governed
  beforeAll(async () => {
    stage = await apiStage()
    device = await governed({ origin: alpha })
    await stage.take(device)
    for (const [name, version] of [
      ['speech', '1.2.0'],
      ['speech', '1.10.0'],
      ['speech', '1.9.0'],
      ['intent', '2.0.0'],
    ] as const)
      await stage.db.query(
        `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at)
         values ($1, $2, $3, 'x', '{}', now())`,
        [name, version, 'a'.repeat(64)],
      )
    await stage.db.query(
      `insert into centre.alias (name, alias, version, set_by, record_id, set_at)
       values ('speech', 'stable', '1.9.0', 'olu', 'r', now()), ('speech', 'candidate', '1.10.0', 'olu', 'r', now()),
         ('intent', 'stable', '2.0.0', 'olu', 'r', now())`,
    )
  })
  afterAll(async () => {
    await device.close()
    await stage.close()
  })
  const wanted = async (): Promise<readonly string[]> =>
    (await desiredState(stage.db, envelope, alpha)).bundles.map(({ name, version }) => `${name} ${version}`)
  const revision = async (): Promise<number> => (await desiredState(stage.db, envelope, alpha)).revision
  const choose = async (name: string, version: string | null, of = 'alpha') =>
    await stage.call(`/api/devices/${of}/desired`, { method: 'PUT', body: { name, version } })

  it('want what is stable of each bundle, whatever is newer or called otherwise', async () => {
    expect(await wanted()).toEqual(['intent 2.0.0', 'speech 1.9.0'])
  })

  it('want what an operator chose, until what is stable is chosen again; each choice is a record and moves the revision', async () => {
    const before = await revision()
    expect((await choose('speech', '1.2.0')).status).toBe(200)
    expect(await wanted()).toEqual(['intent 2.0.0', 'speech 1.2.0'])
    expect(await desiredState(stage.db, envelope, parseDeviceId('other'))).toMatchObject({
      bundles: [{ version: '2.0.0' }, { version: '1.9.0' }],
    })
    expect((await stage.call('/api/devices')).body).toMatchObject({
      devices: [{ id: 'alpha', chosen: [{ name: 'speech', version: '1.2.0' }] }],
    })
    await choose('speech', null)
    expect(await wanted()).toEqual(['intent 2.0.0', 'speech 1.9.0'])
    expect(await revision()).toBe(before + 2)
    const { records } = (await stage.call('/api/journal')).body as { records: { body: object }[] }
    expect(records.map(({ body }) => body)).toContainEqual(
      expect.objectContaining({
        action: 'desired.set',
        principal: expect.objectContaining({ id: 'olu' }) as unknown,
      }),
    )
  })

  it('are not told to run what was never published, and nobody may choose for who is not there', async () => {
    expect(await choose('speech', '9.9.9')).toMatchObject({ status: 404, body: { code: 'no_such_release' } })
    expect(await choose('nothing', null)).toMatchObject({ status: 404, body: { code: 'no_such_release' } })
    expect(await choose('speech', '1.2.0', 'nobody')).toMatchObject({
      status: 404,
      body: { code: 'no_such_device' },
    })
    expect(await choose('speech', 'latest')).toMatchObject({ status: 422, body: { code: 'input_refused' } })
    expect(await wanted()).toEqual(['intent 2.0.0', 'speech 1.9.0'])
  })

  it('change only for an operator: a reviewer reads, and is refused by policy with 403', async () => {
    expect((await stage.call('/api/devices', { role: 'governance' })).status).toBe(200)
    for (const [path, method, body] of [
      ['/api/devices/alpha/revoke', 'POST', {}],
      ['/api/devices/alpha/desired', 'PUT', { name: 'speech', version: null }],
      ['/api/tokens', 'POST', { device: 'gamma', site: 'north' }],
    ] as const) {
      expect(await stage.call(path, { method, body, role: 'governance' }), path).toMatchObject({
        status: 403,
        body: { code: 'denied' },
      })
      expect((await stage.call(path, { method, body, role: null })).status, path).toBe(401)
    }
    expect(stage.shutOut).toEqual([])
  })

  it('are shut out of the fabric when they are revoked, with their leaf', async () => {
    expect((await stage.call('/api/devices/alpha/revoke', { method: 'POST' })).status).toBe(200)
    expect(stage.shutOut).toEqual(['user-of-alpha', 'leaf-of-alpha'])
    expect((await stage.call('/api/devices')).body).toMatchObject({
      devices: [{ id: 'alpha', revokedAt: expect.any(String) as unknown }],
    })
  })

  it('say what is wrong with a request: not JSON, unknown keys, another page, too large', async () => {
    for (const body of ['', 'x', '[]', '{"device":"a"}', '{"device":"a","site":"b","admin":true}'])
      expect(await stage.call('/api/tokens', { method: 'POST', body })).toMatchObject({
        status: 422,
        body: { code: 'malformed_message', remedy: expect.any(String) as unknown },
      })
    const large = { device: 'x'.repeat(300_000), site: 'north' }
    expect((await stage.call('/api/tokens', { method: 'POST', body: large })).status).toBe(413)
    for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }])
      expect(await stage.call('/api/devices', { headers })).toMatchObject({
        status: 403,
        body: { code: 'foreign_request' },
      })
    const { headers } = await stage.call('/')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('x-frame-options')).toBe('DENY')
  })

  it('sign in with a token, in a cookie that no script reads, and out again', async () => {
    const session = await stage.call('/console/session', {
      method: 'POST',
      body: { token: 'no' },
      role: null,
    })
    expect(session).toMatchObject({ status: 401, body: { code: 'access_denied' } })
    const out = await stage.call('/console/session', { method: 'DELETE' })
    expect(out.headers.get('set-cookie')).toMatch(/HttpOnly.*Max-Age=0/)
  })
})
