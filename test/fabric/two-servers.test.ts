import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jetstream } from '@nats-io/jetstream'
import { startHub, type Hub } from '../../control-plane/hub/hub.ts'
import { startLeaf, type Leaf } from '../../edge-agent/leaf/leaf.ts'
import type { LinkState } from '../../edge-agent/leaf/link.ts'
import { credsText, makeFabricSeeds, makeUserKey, openAuthority } from '../../shared/fabric/credentials.ts'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import { ensureStream, openStreamApi } from '../../shared/fabric/stream.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../shared/ids.ts'
import { streams, subjects } from '../../shared/wire/subjects.ts'

const tenant = parseTenantId('acme')
const device = parseDeviceId('dev-1')
const site = parseSiteId('north')

describe('a hub and a leaf', () => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-two-'))
  const stopping = new AbortController()
  const { signal } = stopping
  let hub: Hub
  let leaf: Leaf
  const links: LinkState[] = []
  let creds = ''
  beforeAll(async () => {
    const { path: binary } = await findNatsServer({
      env: process.env,
      cacheDir: dir,
      mayInstall: true,
      onProgress: () => undefined,
      signal,
    })
    const authority = await openAuthority(tenant, makeFabricSeeds())
    hub = await startHub({
      binary,
      dir: join(dir, 'hub'),
      authority,
      port: 0,
      leafPort: 0,
      maxStoreBytes: 1e8,
      onEvent: (e) => {
        if (process.env['SHOW'] && e.kind === 'log') console.log('hub', e.text)
      },
      signal,
    })
    const key = makeUserKey()
    const leafKey = makeUserKey()
    creds = credsText(await authority.issueDevice({ device, userKey: key.publicKey }), key.seed)
    const linkCreds = credsText(
      await authority.issueLeaf({ site, devices: [device], userKey: leafKey.publicKey }),
      leafKey.seed,
    )
    let linked = (): void => undefined
    const up = new Promise<void>((resolve) => {
      linked = resolve
    })
    leaf = await startLeaf({
      binary,
      dir: join(dir, 'leaf'),
      site,
      trust: authority.trust,
      port: 0,
      maxStoreBytes: 1e8,
      link: { url: hub.leafUrl, creds: linkCreds },
      onEvent: (e) => {
        if (process.env['SHOW'] && e.kind === 'log') console.log('leaf', e.text)
      },
      onLink: (state) => {
        links.push(state)
        if (state.kind === 'up') linked()
      },
      nowMs: () => Date.now(),
      signal,
    })
    await up
  })
  afterAll(async () => {
    await leaf?.stop()
    await hub?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('carries a device’s segment to the hub’s stream, acknowledged by the hub', async () => {
    const nc = await leaf.connect({ device, creds, name: 'agent' })
    const api = await openStreamApi(nc)
    await ensureStream(api, {
      name: streams.out(device),
      subject: subjects.out(device),
      maxBytes: 1e7,
      discard: 'new',
    })
    const own = await jetstream(nc).publish(subjects.out(device), 'x')
    expect(own.stream).toBe('OUT_dev-1')
    expect(own.domain).toBe('d-north')
    const ack = await jetstream(nc).publish(subjects.up(tenant, device), 'x', { retries: 10 })
    expect(ack.stream).toBe('UP_acme')
    expect(ack.domain).toBe('hub')
    await nc.close()
  })
})
