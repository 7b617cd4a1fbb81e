/** A published bundle, brought to a device by its own fetching over a real leaf and hub. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCentre } from '../../../control-plane/centre.ts'
import { askOver } from '../../../edge-agent/agent/asking.ts'
import { enrol } from '../../../edge-agent/identity/enrol.ts'
import { readIdentity, type Identity } from '../../../edge-agent/identity/identity.ts'
import { startLeaf, type Leaf } from '../../../edge-agent/leaf/leaf.ts'
import { openContentStore, type ContentStore } from '../../../edge-agent/models-store/content-store.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { fetchContent } from '../../../edge-agent/update/fetch.ts'
import { openManifest } from '../../../rollout/manifest.ts'
import { systemClock } from '../../../shared/clock.ts'
import { connectFabric } from '../../../shared/fabric/connection.ts'
import { findNatsServer } from '../../../shared/fabric/nats-server-binary.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import { openLog } from '../../../shared/log.ts'
import type { RunningPart } from '../../../shared/part.ts'
import { decodeJson, type Ask } from '../../../shared/wire/answer.ts'
import type { BundleManifest } from '../../../shared/wire/bundle.ts'
import { DesiredStateSchema, type DesiredBundle } from '../../../shared/wire/state.ts'
import { subjects } from '../../../shared/wire/subjects.ts'
import { sourceFiles } from '../../support/whole-bundle.ts'
import { dataFolder } from '../../support/data-folder.ts'

const signal = new AbortController().signal
const log = openLog({ part: 'centre', clock: systemClock, json: false, write: () => undefined })

describe('a bundle on its way', () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>
  let centre: RunningPart
  let identity: Identity
  let leaf: Leaf
  let connection: NatsConnection
  let ask: Ask
  let store: ContentStore
  let wanted: DesiredBundle
  let manifest: BundleManifest

  beforeAll(async () => {
    folder = await dataFolder('fetch')
    const [data, bin] = [join(folder.path, 'hub'), join(folder.path, 'bin')]
    centre = await startCentre(
      {
        data,
        bin,
        port: 0,
        natsPort: 0,
        leafPort: 0,
        tenant: 'acme',
        environment: 'development',
        sampleData: false,
        insecureShapes: null,
        electric: null,
      },
      { log, signal, fail: () => undefined },
    )
    const { url } = centre.ready['http'] as { url: string }
    const operator = await readFile(join(data, 'operator.token'), 'utf8')
    const issued = await fetch(new URL('/api/tokens', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${operator}` },
      body: JSON.stringify({ device: 'van-1', site: 'north' }),
    })
    const { token } = (await issued.json()) as { token: string }
    await enrol(folder.path, { hub: url, token, device: 'van-1', site: 'north', signal })
    identity = readIdentity(folder.path)
    const { path: binary } = await findNatsServer({
      env: process.env,
      cacheDir: bin,
      mayInstall: true,
      onProgress: () => undefined,
      signal,
    })
    let linked = (): void => undefined
    const up = new Promise<void>((resolve) => {
      linked = resolve
    })
    leaf = await startLeaf({
      binary,
      dir: join(folder.path, 'leaf'),
      site: identity.site,
      trust: identity.trust,
      port: 0,
      link: { url: identity.leafUrl, creds: identity.leafCredsOf(identity.leafJwt) },
      onEvent: () => undefined,
      onLink: ({ kind }) => {
        if (kind === 'up') linked()
      },
      nowMs: () => Date.now(),
      signal,
    })
    await up
    const { device, tenant, deviceCreds: creds } = identity
    connection = await leaf.connect({ device, creds, name: 'agent' })
    ask = askOver(connection, tenant, device)
    store = openContentStore(join(folder.path, 'store'), realDisk)
  })
  afterAll(async () => {
    await connection.close()
    await leaf.stop()
    await centre.stop()
    await folder.remove()
  })

  it('is named by the desired state, fetched piece by piece, and verified under the release key', async () => {
    const request = new TextEncoder().encode('{"v":1}')
    const desired = decodeJson(DesiredStateSchema, await ask('state.desired', request, signal))
    const [intent] = desired.bundles
    if (intent === undefined) throw new Error('nothing is desired')
    wanted = intent
    const name = {
      sha256: wanted.envelopeSha256,
      sizeBytes: wanted.envelopeSizeBytes,
      chunks: [wanted.envelopeSha256],
    }
    await fetchContent({ ask, store, site: null, onPoisoned: () => undefined }, name, signal)
    const opened = openManifest(await readFile((await store.find(name)) ?? ''), {
      releaseKeys: identity.releaseKeys,
      threshold: 1,
    })
    if (opened.kind === 'refused') throw new Error(opened.detail)
    manifest = opened.manifest
    const [first, ...rest] = manifest.files
    if (first === undefined) throw new Error('the bundle is empty')
    for (const file of rest)
      await fetchContent({ ask, store, site: null, onPoisoned: () => undefined }, file, signal)
    for (const file of rest) await store.verify(file)
  })

  it('is refused by the device when the centre’s copy was tampered with, and nothing of it is kept', async () => {
    const [first] = manifest.files
    if (first === undefined) throw new Error('the bundle is empty')
    const path = join(folder.path, 'hub', 'content', first.sha256)
    const good = await readFile(path)
    const bad = Buffer.from(good)
    bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 1
    await writeFile(path, bad)
    await expect(
      fetchContent({ ask, store, site: null, onPoisoned: () => undefined }, first, signal),
    ).rejects.toMatchObject({
      code: 'content_mismatch',
    })
    expect(await store.find(first)).toBeNull()
    await writeFile(path, good)
    await fetchContent({ ask, store, site: null, onPoisoned: () => undefined }, first, signal)
    await store.verify(first)
  })

  it('may be megabytes large when an operator publishes it', async () => {
    const { url } = centre.ready['http'] as { url: string }
    const form = new FormData()
    form.set('name', 'large')
    const files = sourceFiles({ 'model.onnx': Buffer.alloc(3_000_000, 7) })
    for (const [path, bytes] of files) form.append('file', new File([Uint8Array.from(bytes)], path))
    const operator = await readFile(join(folder.path, 'hub', 'operator.token'), 'utf8')
    const headers = { authorization: `Bearer ${operator}` }
    const answer = await fetch(new URL('/api/releases', url), { method: 'POST', body: form, headers })
    expect([answer.status, await answer.json()]).toMatchObject([201, { name: 'large', isNew: true }])
  })

  it('is never sent to who asks in a device’s name and waits elsewhere', async () => {
    // A site's own leaf key may carry asks of any device; this is what its holder could try.
    const { url } = centre.ready['nats'] as { url: string }
    const { tenant, device } = identity
    const thief = await connectFabric({
      server: url.replace('nats://', ''),
      creds: identity.leafCredsOf(identity.leafJwt),
      name: 'thief',
      inboxPrefix: subjects.inboxPrefix(device),
      signal: AbortSignal.timeout(10_000),
    })
    const other = parseDeviceId('van-2')
    await expect(
      thief.request(subjects.ask(tenant, other, 'context.slice'), '{"v":1,"table":"part"}', {
        timeout: 500,
      }),
    ).rejects.toThrow()
    const own = await thief.request(subjects.ask(tenant, device, 'state.desired'), '{"v":1}', {
      timeout: 5_000,
    })
    expect(own.data[0]).toBe(1)
    await thief.close()
  })
})
