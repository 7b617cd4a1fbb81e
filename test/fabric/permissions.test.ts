import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectFabric } from '../../shared/fabric/connection.ts'
import { credsText, makeFabricSeeds, makeUserKey, openAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseTenantId } from '../../shared/ids.ts'
import { streams, subjects } from '../../shared/wire/subjects.ts'
import { outcome } from './outcome.ts'
import { device, openStage, tenant, type Stage } from './stage.ts'

const other = parseDeviceId('dev-2')

describe('what a device may say and hear', () => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-permissions-'))
  let stage: Stage
  let connection: NatsConnection
  beforeAll(async () => {
    stage = await openStage({ dir })
    // The device's own stream is made when its outbox first gets through: a receipt shows that it has.
    await stage.journal.transaction(async (tx) => stage.journal.append(tx, outcome()))
    await stage.receipted(1)
    connection = await stage.leaf.connect({ device, creds: stage.creds, name: 'tried' })
  })
  afterAll(async () => {
    await connection.close()
    await stage.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('publishes its own segments: its leaf’s stream and the hub’s acknowledge, each in its domain', async () => {
    const own = await jetstream(connection).publish(subjects.out(device), 'x')
    expect({ stream: own.stream, domain: own.domain }).toEqual({
      stream: streams.out(device),
      domain: 'd-north',
    })
    const ack = await jetstream(connection).publish(subjects.up(tenant, device), 'x')
    expect({ stream: ack.stream, domain: ack.domain }).toEqual({ stream: streams.up(tenant), domain: 'hub' })
  })

  it('may publish nothing in another device’s name, nor reach another’s stream or the hub’s JetStream', async () => {
    for (const subject of [
      subjects.up(tenant, other),
      subjects.up(parseTenantId('rival'), device),
      subjects.ask(tenant, other, 'receipt.read'),
      subjects.tell(tenant, device, 'receipt'),
      subjects.out(other),
      `$JS.API.STREAM.DELETE.${streams.out(device)}`,
      `$JS.API.STREAM.PURGE.${streams.out(other)}`,
      `$JS.hub.API.STREAM.PURGE.${streams.up(tenant)}`,
      `$JS.API.STREAM.CREATE.${streams.up(tenant)}`,
      '$SYS.REQ.SERVER.PING',
    ])
      await expect(connection.request(subject, '{}', { timeout: 2_000 }), subject).rejects.toMatchObject({
        message: expect.stringMatching(/permission/i) as string,
      })
  })

  it('may listen to nothing but what it is told and its own inbox', async () => {
    for (const subject of [
      subjects.tellAll(tenant, other),
      '>',
      `_INBOX.${other}.>`,
      subjects.upAll(tenant),
    ]) {
      const refused = new Promise<Error | null>((resolve) => {
        connection.subscribe(subject, { callback: (error) => resolve(error) })
      })
      expect((await refused)?.message, subject).toMatch(/permission/i)
    }
  })

  it('is not let in with credentials of another installation, or past their date', async () => {
    const key = makeUserKey()
    const foreign = await openAuthority(tenant, makeFabricSeeds())
    const expiresAtMs = Date.now() - 60_000
    for (const jwt of [
      await foreign.issueDevice({ device, userKey: key.publicKey }),
      await stage.authority.issueDevice({ device, userKey: key.publicKey, expiresAtMs }),
    ])
      await expect(
        connectFabric({
          server: stage.leaf.server,
          creds: credsText(jwt, key.seed),
          name: 'stranger',
          signal: AbortSignal.timeout(500),
        }),
      ).rejects.toMatchObject({ code: 'fabric_unreachable' })
  })

  it('issues nothing for what is no user key', async () => {
    await expect(stage.authority.issueDevice({ device, userKey: 'nonsense' })).rejects.toMatchObject({
      code: 'bad_credentials',
    })
  })
})
