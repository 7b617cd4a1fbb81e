/** The whole centre in this process: real nats-server, real database, real HTTP. */
import { createServer } from 'node:net'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCentre, type CentreOptions } from '../../control-plane/centre.ts'
import { enrol } from '../../edge-agent/identity/enrol.ts'
import { readIdentity } from '../../edge-agent/identity/identity.ts'
import { reportError } from '../../shared/errors.ts'
import { connectFabric } from '../../shared/fabric/connection.ts'
import { makeUserKey } from '../../shared/fabric/credentials.ts'
import { openLog } from '../../shared/log.ts'
import { systemClock } from '../../shared/clock.ts'
import type { RunningPart } from '../../shared/part.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { openAnswer } from '../../shared/wire/answer.ts'
import { proofBytes, type EnrolClaim } from '../../shared/wire/enrolment.ts'
import { ASK_VERBS, subjects } from '../../shared/wire/subjects.ts'
import { parseDeviceId, parseTenantId } from '../../shared/ids.ts'
import { dataFolder } from '../support/data-folder.ts'

const signal = new AbortController().signal
const log = openLog({ part: 'centre', clock: systemClock, json: false, write: () => undefined })
let folder: Awaited<ReturnType<typeof dataFolder>>
let options: CentreOptions
let centre: RunningPart
let url: string

const start = async (): Promise<void> => {
  centre = await startCentre(options, {
    log,
    signal,
    fail: (error) => {
      throw error
    },
  })
  url = (centre.ready['http'] as { url: string }).url
}

beforeAll(async () => {
  folder = await dataFolder('centre')
  options = {
    data: join(folder.path, 'hub'),
    bin: join(folder.path, 'bin'),
    port: 0,
    natsPort: 0,
    leafPort: 0,
    tenant: 'acme',
    environment: 'development',
    sampleData: true,
    insecureShapes: null,
    electric: null,
  }
  await start()
})
afterAll(async () => {
  await centre.stop()
  await folder.remove()
})

const operator = (): string => readFileSync(join(options.data, 'operator.token'), 'utf8')

async function api(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = {
    authorization: `Bearer ${operator()}`,
    ...(init.headers as Record<string, string> | undefined),
  }
  const answer = await fetch(new URL(path, url), { ...init, headers })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function tokenFor(device: string, site = 'north'): Promise<string> {
  const { body } = await api('/api/tokens', { method: 'POST', body: JSON.stringify({ device, site }) })
  return body['token'] as string
}

/** Enrols as a device would and returns its folder, or the message of the refusal. */
async function enrolled(
  device: string,
  token: string,
  site = 'north',
): Promise<{ folder: string } | { refused: string }> {
  const own = mkdtempSync(join(folder.path, 'device-'))
  return await enrol(own, { hub: url, token, device, site, signal }).then(
    () => ({ folder: own }),
    (thrown: unknown) => ({ refused: reportError(thrown).message }),
  )
}

async function folderOf(device: string): Promise<string> {
  const own = await enrolled(device, await tokenFor(device))
  if (!('folder' in own)) throw new Error(own.refused)
  return own.folder
}

/** Resolves when the connection says so. */
async function statusOf(connection: NatsConnection, kind: string): Promise<void> {
  for await (const { type } of connection.status()) if (type === kind) return
}

async function connected(own: string, limit = AbortSignal.timeout(10_000)): Promise<NatsConnection> {
  const { deviceCreds: creds, device } = readIdentity(own)
  const { url: server } = centre.ready['nats'] as { url: string }
  return await connectFabric({
    server: server.replace('nats://', ''),
    creds,
    name: device,
    inboxPrefix: subjects.inboxPrefix(device),
    signal: limit,
  })
}

describe('enrolment', () => {
  it('takes a device in, once a token, and gives it what it must trust', async () => {
    const token = await tokenFor('van-1')
    const first = await enrolled('van-1', token)
    if (!('folder' in first)) throw new Error(first.refused)
    expect(readIdentity(first.folder)).toMatchObject({ device: 'van-1', site: 'north', tenant: 'acme' })
    expect(await enrolled('van-1', token)).toEqual({
      refused: expect.stringContaining('used before') as string,
    })
    expect(await enrolled('van-1', await tokenFor('van-1'))).toEqual({
      refused: expect.stringContaining('enrolled already') as string,
    })
  })

  it('refuses a token that is unknown, or for another device or site', async () => {
    const unknown = generateKeyPair().publicKey.text
    expect(await enrolled('van-2', unknown)).toEqual({
      refused: expect.stringContaining('not one of this centre') as string,
    })
    const token = await tokenFor('van-2')
    for (const [device, site] of [
      ['van-3', 'north'],
      ['van-2', 'south'],
    ] as const)
      expect(await enrolled(device, token, site)).toEqual({
        refused: expect.stringContaining('van-2 at north') as string,
      })
    // A refusal leaves the token as it was.
    expect(await enrolled('van-2', token)).toHaveProperty('folder')
  })

  it('refuses a proof under another key, and what is no request at all', async () => {
    const key = generateKeyPair()
    const claim: EnrolClaim = {
      v: 1,
      token: await tokenFor('van-4'),
      device: 'van-4',
      site: 'north',
      publicKey: key.publicKey.text,
      userKey: makeUserKey().publicKey,
      leafKey: makeUserKey().publicKey,
    }
    const post = async (body: string) => await api('/api/enrol', { method: 'POST', body })
    const forged = Buffer.from(generateKeyPair().sign(proofBytes(claim))).toString('base64')
    expect((await post(JSON.stringify({ claim, proof: forged }))).body).toMatchObject({ code: 'proof_wrong' })
    const smallOrder = Buffer.alloc(32).toString('base64url')
    expect(
      (await post(JSON.stringify({ claim: { ...claim, publicKey: smallOrder }, proof: forged }))).body,
    ).toMatchObject({
      code: 'bad_key',
    })
    for (const body of [
      '',
      '[]',
      '{"claim":{}}',
      JSON.stringify({ claim: { ...claim, v: 2 }, proof: forged }),
    ])
      expect(await post(body)).toMatchObject({ status: 422, body: { code: 'malformed_message' } })
    expect(await post('x'.repeat(300_000))).toMatchObject({ status: 413 })
  })

  it('ends the link of a revoked device, and lets it in no more', async () => {
    const own = await enrolled('van-5', await tokenFor('van-5'))
    if (!('folder' in own)) throw new Error(own.refused)
    const [connection, bystander] = [await connected(own.folder), await connected(await folderOf('van-7'))]
    const ask = async (of: NatsConnection, device: string): Promise<unknown> => {
      const subject = subjects.ask(parseTenantId('acme'), parseDeviceId(device), 'state.desired')
      const answer = await of.request(subject, '{"v":1}', { timeout: 2_000 })
      return JSON.parse(Buffer.from(openAnswer(answer.data)).toString())
    }
    expect(await ask(connection, 'van-5')).toMatchObject({
      v: 1,
      bundles: [{ name: 'intent' }, { name: 'speech' }],
    })
    const ended = statusOf(connection, 'disconnect')
    expect((await api('/api/devices/van-5/revoke', { method: 'POST' })).status).toBe(200)
    await ended
    await expect(ask(connection, 'van-5')).rejects.toThrow()
    await connection.close()
    const late = AbortSignal.timeout(1_000)
    await expect(connected(own.folder, late)).rejects.toMatchObject({ code: 'fabric_unreachable' })
    // Nobody else lost anything.
    expect(await ask(bystander, 'van-7')).toMatchObject({ v: 1 })
    expect(bystander.stats().outMsgs).toBeGreaterThan(0)
    await bystander.close()
    expect(await api('/api/devices/nobody/revoke', { method: 'POST' })).toMatchObject({
      status: 404,
      body: { code: 'no_such_device' },
    })
  })
})

describe('asks over the fabric', () => {
  let connection: NatsConnection
  const tenant = parseTenantId('acme')
  const device = parseDeviceId('van-6')
  beforeAll(async () => {
    const own = await enrolled('van-6', await tokenFor('van-6'))
    if (!('folder' in own)) throw new Error(own.refused)
    connection = await connected(own.folder)
  })
  afterAll(async () => await connection.close())

  it('refuse malformed, unknown and oversized requests on every subject, with the reason', async () => {
    const bad: [string, string | Uint8Array][] = [
      ['not JSON', 'hello'],
      ['not UTF-8', Uint8Array.of(0xff, 0xfe)],
      ['empty', ''],
      ['another version', '{"v":99}'],
      ['unknown keys', '{"v":1,"device":"van-1","admin":true}'],
      ['oversized', `{"v":1,"pad":"${'x'.repeat(100_000)}"}`],
    ]
    for (const verb of ASK_VERBS.filter((known) => known !== 'receipt.read'))
      for (const [what, request] of bad) {
        const answer = await connection.request(subjects.ask(tenant, device, verb), request, {
          timeout: 5_000,
        })
        let thrown: unknown = null
        try {
          openAnswer(answer.data)
        } catch (error) {
          thrown = error
        }
        expect([verb, what, thrown]).toEqual([verb, what, expect.objectContaining({ code: 'ask_refused' })])
      }
  })

  it('let no device ask for another', async () => {
    const other = subjects.ask(tenant, parseDeviceId('van-1'), 'state.desired')
    await expect(connection.request(other, '{"v":1}', { timeout: 1_000 })).rejects.toThrow()
  })

  it('serve content in pieces, and none that the device’s director does not name', async () => {
    const piece = async (request: object): Promise<Uint8Array> =>
      openAnswer(
        (
          await connection.request(subjects.ask(tenant, device, 'bundle.chunk'), JSON.stringify(request), {
            timeout: 5_000,
          })
        ).data,
      )
    const { body } = await api('/api/releases')
    const [release] = body['releases'] as { manifest: { files: { sha256: string; sizeBytes: number }[] } }[]
    const [file] = release?.manifest.files ?? []
    if (file === undefined) throw new Error('no file is released')
    expect((await piece({ v: 1, sha256: file.sha256, index: 0 })).length).toBe(
      Math.min(file.sizeBytes, 262_144),
    )
    await expect(piece({ v: 1, sha256: file.sha256, index: 900 })).rejects.toMatchObject({
      report: { code: 'content_unknown' },
    })
    await expect(piece({ v: 1, sha256: '0'.repeat(64), index: 0 })).rejects.toMatchObject({
      report: { code: 'forbidden' },
    })
    await expect(piece({ v: 1, sha256: '../../keys.json', index: 0 })).rejects.toMatchObject({
      report: { code: 'malformed_message' },
    })
  })
})

describe('the API', () => {
  it('is closed to who has no token, a forged one, or comes from another page', async () => {
    expect((await fetch(new URL('/api/devices', url))).status).toBe(401)
    const [head, , signature] = operator().split('.')
    const claims = Buffer.from(
      JSON.stringify({ role: 'operator', iss: 'starling-centre', aud: 'starling-centre-api', sub: 'eve' }),
    )
    const forged = `${head}.${claims.toString('base64url')}.${signature}`
    expect(
      (await fetch(new URL('/api/devices', url), { headers: { authorization: `Bearer ${forged}` } })).status,
    ).toBe(401)
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims.toString('base64url')}.`
    expect(
      (await fetch(new URL('/api/devices', url), { headers: { authorization: `Bearer ${none}` } })).status,
    ).toBe(401)
    expect((await api('/api/devices', { headers: { origin: 'http://evil.example' } })).status).toBe(403)
    expect((await api('/api/health')).body).toEqual({ status: 'ok' })
    expect((await api('/api/nothing')).status).toBe(404)
  })

  it('shows policy, releases and context, and verifies its own journal', async () => {
    expect((await api('/api/policy')).body).toMatchObject({
      policy: { version: 1, environment: 'development' },
    })
    const { rows } = (await api('/api/context/work_order')).body as { rows: unknown[] }
    expect(rows.length).toBeGreaterThan(10)
    expect((await api('/api/context/secrets')).status).toBe(404)
    expect((await api('/api/verification/centre')).body).toMatchObject({ holds: true })
    expect(await (await fetch(new URL('/metrics', url))).text()).toContain('starling_effects_total')
  })
})

describe('starting and stopping', () => {
  it('refuses a second start on the same folder, with the holder’s pid', async () => {
    await expect(startCentre(options, { log, signal, fail: () => undefined })).rejects.toMatchObject({
      code: 'folder_locked',
      pid: process.pid,
    })
  })

  it('takes another port when the wished one is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    await centre.stop()
    options = { ...options, port }
    await start()
    expect(new URL(url).port).not.toBe(String(port))
    taken.close()
  })

  it('goes on with the same keys, devices and releases', async () => {
    const { devices } = (await api('/api/devices')).body as { devices: { id: string }[] }
    expect(devices.map(({ id }) => id)).toContain('van-1')
    const { releases } = (await api('/api/releases')).body as { releases: unknown[] }
    expect(releases).toHaveLength(2)
    expect(await enrolled('van-9', await tokenFor('van-9'))).toHaveProperty('folder')
  })

  it('holds an address that was refused again and again, whatever it sends then', async () => {
    const refused = await Promise.all(
      Array.from({ length: 30 }, async () => await enrolled('van-8', generateKeyPair().publicKey.text)),
    )
    expect(refused).toContainEqual({ refused: expect.stringContaining('too many') as string })
  })
})
