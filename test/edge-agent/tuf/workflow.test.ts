/** The client workflow as public conformance suites try it: requests made, files trusted, exit status. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyDocument, keyIdOf } from '../../../rollout/tuf/documents.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import { TufClient } from '../../support/tuf-client.ts'
import type { Loose, TestRepository } from '../../support/tuf-repository.ts'

const DAY_MS = 86_400_000
let client: TufClient
let repository: TestRepository

beforeEach(async () => {
  client = await TufClient.started()
  repository = client.repository
})
afterEach(async () => await client.stop())

const ALL = ['root', 'snapshot', 'targets', 'timestamp'] as const
const LOWER = ['targets', 'snapshot', 'timestamp'] as const

describe('a refresh', () => {
  it('asks for the next root, the timestamp, the snapshot and the targets, in this order, on a connection each', async () => {
    expect(await client.init()).toBe(0)
    expect(client.server.metadataRequests).toEqual([])
    expect(await client.refresh()).toBe(0)
    expect(client.server.metadataRequests).toEqual(['root 2', 'timestamp', 'snapshot 1', 'targets 1'])
    expect(client.server.connections).toBe(4)
  })

  it('stores every file byte for byte as it came', async () => {
    const odd = Buffer.concat([repository.latest('timestamp'), Buffer.from(' \n\t')])
    repository.replaceLatest('timestamp', odd)
    await client.init()
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 1'])
    for (const role of ALL)
      expect(Buffer.from(repository.latest(role)).equals(await client.stored(role))).toBe(true)
  })

  it('comes before a download, even of what is not there', async () => {
    await client.init()
    expect(await client.download('nonexistent artifact')).toBe(1)
    expect(client.server.metadataRequests).toEqual(['root 2', 'timestamp', 'snapshot 1', 'targets 1'])
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 1'])
    expect(client.complaint).toContain('no role that may speak for it lists it')
  })

  it('asks only for root and timestamp when nothing changed', async () => {
    await client.init()
    await client.refresh()
    client.server.metadataRequests.length = 0
    expect(await client.refresh()).toBe(0)
    expect(client.server.metadataRequests).toEqual(['root 2', 'timestamp'])
  })

  it('works on a repository without consistent snapshots', async () => {
    delete repository.document('root')['consistent_snapshot']
    repository.publish('root')
    repository.addArtifact('targets', 'a/b.txt', Buffer.from('plain name'))
    repository.publish(...LOWER)
    await client.init()
    expect(await client.download('a/b.txt')).toBe(0)
    expect(client.server.metadataRequests).toEqual(['root 2', 'root 3', 'timestamp', 'snapshot', 'targets'])
    expect(client.server.targetRequests).toEqual(['a/b.txt'])
    expect(await client.downloaded()).toEqual(['plain name'])
  })
})

describe('an initial root', () => {
  it('without a version is refused, and nothing is asked for', async () => {
    repository.tamper('root', (file) => delete (file['signed'] as Loose)['version'])
    expect(await client.init()).toBe(1)
    expect(await client.refresh()).toBe(1)
    expect(client.server.metadataRequests).toEqual([])
  })

  it('with a signature that is not its own is refused, and nothing is asked for', async () => {
    repository.tamper('root', (file) => {
      const [first] = file['signatures'] as Loose[]
      if (first !== undefined)
        first['sig'] =
          '3045022100ee448afe2d25dd1f05afedac83a24e7df90f203615221434979153dc7cea6d4702207710015851e571885a77db8a6e42c4b2983a59b9e1ebec91178dfa2fb0d42ab8'
    })
    expect(await client.init()).toBe(1)
    expect(await client.refresh()).toBe(1)
    expect(client.server.metadataRequests).toEqual([])
  })
})

describe('a role that is not signed', () => {
  const cases = [
    ['root', ['root 1']],
    ['timestamp', ['root 2']],
    ['snapshot', ['root 2', 'timestamp 2']],
    ['targets', ['root 2', 'snapshot 2', 'timestamp 2']],
  ] as const
  it.each(cases)('%s is not trusted, what comes before it is', async (role, trusted) => {
    repository.signers.set(role, [])
    repository.publish('root', ...LOWER)
    await client.init()
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(trusted)
  })
})

describe('a version that is not the one its address names', () => {
  const cases = [
    ['root', ['root 1']],
    ['snapshot', ['root 2', 'timestamp 2']],
    ['targets', ['root 2', 'snapshot 2', 'timestamp 2']],
  ] as const
  it.each(cases)('of %s is refused', async (role, trusted) => {
    await client.init()
    const document = repository.document(role)
    document['version'] = 2
    repository.publish('root', ...LOWER)
    if (role !== 'root') {
      // The file says 3; the metadata that lists it, and the address, say 2.
      const [lister, entry] =
        role === 'snapshot' ? ['timestamp', 'snapshot.json'] : ['snapshot', 'targets.json']
      ;((repository.document(lister)['meta'] as Loose)[entry] as Loose)['version'] = 2
      for (const later of role === 'targets' ? ['snapshot', 'timestamp'] : ['timestamp'])
        repository.replaceLatest(later, repository.sign(later))
    }
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(trusted)
  })
})

it('keeps the timestamp that it has when another comes under the same version', async () => {
  await client.init()
  await client.refresh()
  const before = await client.stored('timestamp')
  ;((repository.document('timestamp')['meta'] as Loose)['snapshot.json'] as Loose)['version'] = 100
  repository.forget('timestamp')
  repository.publish('timestamp')
  expect(await client.refresh()).toBe(0)
  expect(client.server.metadataRequests.at(-1)).toBe('timestamp')
  expect(await client.stored('timestamp')).toEqual(before)
})

it('checks the hashes that are listed, and stops at the file that differs', async () => {
  repository.listsHashes = true
  repository.publish(...LOWER)
  await client.init()
  expect(await client.refresh()).toBe(0)
  repository.publish('targets')
  const listed = (repository.document('snapshot')['meta'] as Loose)['targets.json'] as Loose
  ;(listed['hashes'] as Loose)['sha256'] = '46419349341cfb2d95f6ae3d4cd5c3d3dd7f4673985dad42a45130be5e0531a0'
  repository.publish('snapshot', 'timestamp')
  expect(await client.refresh()).toBe(1)
  expect(await client.trusted()).toEqual(['root 1', 'snapshot 3', 'targets 2', 'timestamp 3'])
})

it('counts unknown fields into what is signed, and otherwise leaves them alone', async () => {
  await client.init()
  await client.refresh()
  const key = generateSigningKey('ecdsa-sha2-nistp256')
  repository.addKey('root', key, { ...keyDocument(key), 'extra-field': { a: 1, b: 2 } })
  repository.document('root')['custom-field'] = 'value'
  repository.roleOf('root')['another-field'] = 'value'
  repository.publish('root')
  expect(await client.refresh()).toBe(0)
  expect(await client.trusted()).toContain('root 2')
})

it('takes no notice of keyid_hash_algorithms', async () => {
  await client.init()
  repository.roleOf('snapshot')['keyids'] = []
  const key = generateSigningKey('ecdsa-sha2-nistp256')
  const document: JsonObject = { ...keyDocument(key), keyid_hash_algorithms: 'md5' }
  repository.signers.set('snapshot', [])
  repository.addKey('snapshot', key, document)
  repository.publish('root', 'timestamp')
  repository.publish('snapshot')
  repository.tamper('snapshot', (file) => {
    const [first] = file['signatures'] as Loose[]
    if (first !== undefined) first['keyid'] = keyIdOf(document)
  })
  repository.publish('timestamp')
  expect(await client.refresh()).toBe(0)
  expect(await client.trusted()).toContain('snapshot 2')
})

describe('a file that is not there', () => {
  it('of the snapshot leaves the new timestamp trusted', async () => {
    await client.init()
    await client.refresh()
    ;((repository.document('timestamp')['meta'] as Loose)['snapshot.json'] as Loose)['version'] = 2
    repository.publish('timestamp')
    expect(await client.refresh()).toBe(1)
    expect(client.server.metadataRequests.at(-1)).toBe('snapshot 2')
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 2'])
  })

  it('of the targets leaves the new snapshot trusted', async () => {
    await client.init()
    await client.refresh()
    ;((repository.document('snapshot')['meta'] as Loose)['targets.json'] as Loose)['version'] = 2
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(client.server.metadataRequests.at(-1)).toBe('targets 2')
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 1', 'timestamp 2'])
  })

  it('of the timestamp ends the refresh', async () => {
    await client.init()
    await client.refresh()
    repository.forget('timestamp')
    expect(await client.refresh()).toBe(1)
    expect(client.server.metadataRequests.at(-1)).toBe('timestamp')
  })
})

it('refuses a snapshot that is served, rightly signed, in the place of a timestamp', async () => {
  await client.init()
  const [key] = repository.signers.get('timestamp') ?? []
  repository.addKey('snapshot', key)
  repository.document('snapshot')['meta'] = { 'snapshot.json': { version: 1 } }
  repository.publish('root', 'snapshot')
  repository.published.get('timestamp')?.push(repository.latest('snapshot'))
  expect(await client.refresh()).toBe(1)
  expect(await client.trusted()).toEqual(['root 2'])
})

describe('expired metadata', () => {
  const yesterday = (): number => Date.now() - DAY_MS

  it('of root: root itself is stored, nothing after it is trusted', async () => {
    await client.init()
    await client.refresh()
    repository.publish('root')
    expect(await client.refresh()).toBe(0)
    repository.expire('root', yesterday())
    repository.publish('root', ...LOWER)
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 3', 'snapshot 1', 'targets 1', 'timestamp 1'])
  })

  it('of the timestamp is not trusted', async () => {
    await client.init()
    await client.refresh()
    repository.expire('timestamp', yesterday())
    repository.publish('timestamp')
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 1'])
  })

  it('of the snapshot is not trusted', async () => {
    await client.init()
    await client.refresh()
    repository.expire('snapshot', yesterday())
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 2'])
  })

  it('of the targets is not trusted', async () => {
    await client.init()
    await client.refresh()
    repository.expire('targets', yesterday())
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 1', 'timestamp 2'])
  })

  it('on the disk does not keep its successor from being taken', async () => {
    const now = Date.now()
    await client.init()
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) repository.expire(role, now + 7 * DAY_MS)
    repository.publish('root', ...LOWER)
    expect(await client.refresh(now)).toBe(0)
    for (const role of ['root', 'timestamp', 'snapshot', 'targets'])
      repository.expire(role, now + 21 * DAY_MS)
    repository.publish('root', ...LOWER)
    expect(await client.refresh(now + 18 * DAY_MS)).toBe(0)
    expect(await client.trusted()).toEqual(['root 3', 'snapshot 3', 'targets 3', 'timestamp 3'])
  })

  it.each(['root', 'timestamp', 'snapshot', 'targets'])(
    'of %s on the disk, with no successor, ends the refresh',
    async (role) => {
      const now = Date.now()
      repository.expire(role, now + 7 * DAY_MS)
      repository.publish('root', ...LOWER)
      await client.init()
      expect(await client.refresh(now)).toBe(0)
      expect(await client.refresh(now + 7 * DAY_MS - 60_000)).toBe(0)
      expect(await client.refresh(now + 8 * DAY_MS)).toBe(1)
    },
  )
})
