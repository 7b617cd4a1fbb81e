import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startHub } from '../../../control-plane/hub/hub.ts'
import { startLeaf } from '../../../edge-agent/leaf/leaf.ts'
import { LinkWatch, type LinkState } from '../../../edge-agent/leaf/link.ts'
import { credsText, makeFabricSeeds, makeUserKey, openAuthority } from '../../../shared/fabric/credentials.ts'
import { freePort } from '../../../shared/fabric/free-port.ts'
import { findNatsServer } from '../../../shared/fabric/nats-server-binary.ts'
import { ensureStream, openStreamApi } from '../../../shared/fabric/stream.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../../shared/ids.ts'
import { streams, subjects } from '../../../shared/wire/subjects.ts'

const tenant = parseTenantId('acme')
const device = parseDeviceId('dev-1')
const site = parseSiteId('north')
const root = mkdtempSync(join(tmpdir(), 'starling-leaf-'))
const signal = new AbortController().signal
let binary = ''

beforeAll(async () => {
  const search = { env: process.env, cacheDir: root, mayInstall: true, onProgress: () => undefined, signal }
  binary = (await findNatsServer(search)).path
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('the leaf', () => {
  it('starts and stores with no hub, links when one appears, and says when the link goes', async () => {
    const authority = await openAuthority(tenant, makeFabricSeeds())
    const [agentUser, leafUser] = [makeUserKey(), makeUserKey()]
    const creds = credsText(
      await authority.issueDevice({ device, userKey: agentUser.publicKey }),
      agentUser.seed,
    )
    const linkJwt = await authority.issueLeaf({ site, devices: [device], userKey: leafUser.publicKey })
    const leafPort = await freePort(0)
    const states: LinkState['kind'][] = []
    let changed = (): void => undefined
    const leaf = await startLeaf({
      binary,
      dir: join(root, 'leaf'),
      site,
      trust: authority.trust,
      port: 0,
      link: { url: `nats://127.0.0.1:${leafPort}`, creds: credsText(linkJwt, leafUser.seed) },
      onEvent: () => undefined,
      onLink: ({ kind }) => {
        states.push(kind)
        changed()
      },
      nowMs: () => Date.now(),
      signal,
    })
    const until = async (kind: LinkState['kind']): Promise<void> => {
      while (leaf.link().kind !== kind)
        await new Promise<void>((resolve) => {
          changed = resolve
        })
    }
    expect(leaf.link().kind).toBe('down')
    const connection = await leaf.connect({ device, creds, name: 'agent' })
    const need = { name: streams.out(device), subject: subjects.out(device), maxBytes: 1_000_000 }
    await ensureStream(await openStreamApi(connection), { ...need, discard: 'new' })
    expect((await jetstream(connection).publish(subjects.out(device), 'kept')).seq).toBe(1)
    const hub = await startHub({
      binary,
      dir: join(root, 'hub'),
      authority,
      port: 0,
      leafPort,
      onEvent: () => undefined,
      signal,
    })
    await until('up')
    await hub.stop()
    await until('down')
    await connection.close()
    await leaf.stop()
  })
})

describe('the state of the link', () => {
  const watched = (): { watch: LinkWatch; states: LinkState[] } => {
    const states: LinkState[] = []
    return { watch: new LinkWatch({ nowMs: () => 7, onChange: (state) => states.push(state) }), states }
  }
  const log = (text: string) => ({ kind: 'log', level: 'info', text }) as const

  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is up once a connection has lasted, not when it was only taken and refused', () => {
    const { watch, states } = watched()
    watch.hear(log('Leafnode connection created'))
    watch.hear(log('Leafnode connection closed: Authentication Failure'))
    vi.advanceTimersByTime(1_000)
    expect(states).toEqual([{ kind: 'down', sinceMs: 7, reason: 'Authentication Failure' }])
  })

  it('is told once a change, with the reason that the server gives', () => {
    const { watch, states } = watched()
    watch.hear(log('127.0.0.1:1 - lid:5 - Leafnode connection created '))
    vi.advanceTimersByTime(1_000)
    watch.hear(log('127.0.0.1:1 - lid:5 - Leafnode connection created '))
    vi.advanceTimersByTime(1_000)
    watch.hear(log('127.0.0.1:1 - lid:5 - Leafnode connection closed: Stale Connection account: A/acme'))
    expect(states).toEqual([
      { kind: 'up', sinceMs: 7 },
      { kind: 'down', sinceMs: 7, reason: 'Stale Connection account: A/acme' },
    ])
  })

  it('is down when the leaf itself ends', () => {
    const { watch } = watched()
    watch.hear(log('Leafnode connection created for account: A'))
    vi.advanceTimersByTime(1_000)
    watch.hear({ kind: 'ended', code: null, signal: 'SIGKILL' })
    expect(watch.state()).toMatchObject({ kind: 'down', reason: 'the leaf ended' })
  })
})
