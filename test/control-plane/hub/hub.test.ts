import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHub, type Hub } from '../../../control-plane/hub/hub.ts'
import { makeFabricSeeds, openAuthority } from '../../../shared/fabric/credentials.ts'
import { freePort } from '../../../shared/fabric/free-port.ts'
import { findNatsServer } from '../../../shared/fabric/nats-server-binary.ts'
import { openStreamApi, streamInfo } from '../../../shared/fabric/stream.ts'
import { parseTenantId } from '../../../shared/ids.ts'
import { streams } from '../../../shared/wire/subjects.ts'

const tenant = parseTenantId('acme')
const root = mkdtempSync(join(tmpdir(), 'starling-hub-'))
const seeds = makeFabricSeeds()
const signal = new AbortController().signal
let binary = ''

beforeAll(async () => {
  const search = { env: process.env, cacheDir: root, mayInstall: true, onProgress: () => undefined, signal }
  binary = (await findNatsServer(search)).path
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function start(dir: string, leafPort: number): Promise<Hub> {
  const authority = await openAuthority(tenant, seeds)
  return startHub({
    binary,
    dir: join(root, dir),
    authority,
    port: 0,
    leafPort,
    maxStoreBytes: 64 * 1024 * 1024,
    onEvent: () => undefined,
    signal,
  })
}

describe('the hub', () => {
  it('comes back on the ports that it had, with the tenant’s stream and what it held', async () => {
    const first = await start('again', 0)
    const connection = await first.connect('test')
    await connection.request(`up.${tenant}.dev-1.journal.seg`, 'x')
    await connection.close()
    await first.stop()
    const second = await start('again', 0)
    expect(second.leafUrl).toBe(first.leafUrl)
    expect(second.server).toBe(first.server)
    const again = await second.connect('test')
    const info = await streamInfo(await openStreamApi(again), streams.up(tenant))
    expect(info?.state.messages).toBe(1)
    await again.close()
    await second.stop()
  })

  it('takes a free port where the wished one is taken, and the wished one when it is free', async () => {
    const wish = await freePort(0)
    const holder = createServer().listen(wish, '127.0.0.1')
    await once(holder, 'listening')
    const first = await start('taken', wish)
    expect(first.leafUrl).not.toBe(`nats://127.0.0.1:${wish}`)
    await first.stop()
    holder.close()
    const other = await start('free', wish)
    expect(other.leafUrl).toBe(`nats://127.0.0.1:${wish}`)
    await other.stop()
  })

  it('keeps no stranger’s stream under the tenant’s name', async () => {
    const hub = await start('unfit', 0)
    const connection = await hub.connect('test')
    const api = await openStreamApi(connection)
    await api.streams.delete(streams.up(tenant))
    await api.streams.add({ name: streams.up(tenant), subjects: ['other.>'], max_bytes: 1_000_000 })
    await connection.close()
    await hub.stop()
    await expect(start('unfit', 0)).rejects.toMatchObject({ code: 'stream_unfit' })
  })

  it('says why it does not start on a configuration folder that is a file', async () => {
    writeFileSync(join(root, 'file'), '')
    await expect(start('file', 0)).rejects.toThrow(/EEXIST|ENOTDIR/)
  })
})
