/** Rollback, fast-forward and mix-and-match: what is trusted never goes back, except by new keys. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TufClient } from '../../support/tuf-client.ts'
import type { Loose, TestRepository } from '../../support/tuf-repository.ts'

let client: TufClient
let repository: TestRepository

beforeEach(async () => {
  client = await TufClient.started()
  repository = client.repository
  expect(await client.init()).toBe(0)
})
afterEach(async () => await client.stop())

const LOWER = ['targets', 'snapshot', 'timestamp'] as const

it('does not ask for the snapshot that it has', async () => {
  repository.publish('snapshot', 'timestamp')
  expect(await client.refresh()).toBe(0)
  repository.publish('snapshot')
  expect(await client.refresh()).toBe(0)
  expect(client.server.metadataRequests.at(-1)).toBe('timestamp')
  expect(await client.trusted()).toContain('snapshot 2')
})

it('refuses an older timestamp', async () => {
  repository.publish('timestamp')
  expect(await client.refresh()).toBe(0)
  repository.forget('timestamp')
  repository.document('timestamp')['version'] = 1
  repository.publish('timestamp')
  expect(await client.refresh()).toBe(1)
  expect(await client.trusted()).toContain('timestamp 2')
  expect(client.server.metadataRequests.at(-1)).toBe('timestamp')
})

describe.each([false, true])('where hashes are listed: %s', (listsHashes) => {
  it('refuses a newer timestamp that names an older snapshot', async () => {
    repository.listsHashes = listsHashes
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(0)
    repository.forget('snapshot')
    repository.document('snapshot')['version'] = 1
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 1', 'timestamp 2'])
    expect(client.server.metadataRequests.at(-1)).toBe('timestamp')
  })

  it('refuses a newer snapshot that names older targets', async () => {
    repository.listsHashes = listsHashes
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(0)
    repository.forget('targets')
    repository.document('targets')['version'] = 1
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 2', 'timestamp 3'])
  })

  it('refuses a newer snapshot that no longer lists a role', async () => {
    repository.listsHashes = listsHashes
    repository.delegate('targets', 'A')
    repository.publish('A', ...LOWER)
    expect(await client.refresh()).toBe(0)
    delete (repository.document('snapshot')['meta'] as Loose)['A.json']
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('no longer lists A.json')
    expect(await client.trusted()).toContain('snapshot 2')
  })

  it('guards by the stored snapshot, although another timestamp came after it', async () => {
    repository.listsHashes = listsHashes
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(0)
    // A snapshot that never arrives: the stored one is no longer the final one.
    repository.publish('snapshot', 'timestamp')
    const kept = repository.published.get('snapshot') ?? []
    repository.published.set('snapshot', kept.slice(0, -1))
    expect(await client.refresh()).toBe(1)
    repository.published.set('snapshot', kept)
    repository.forget('targets')
    repository.document('targets')['version'] = 1
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('older than')
  })
})

describe('recovery from a fast-forward', () => {
  it('of the targets: with new snapshot keys, the versions start again', async () => {
    for (let count = 0; count < 99; count += 1) repository.publish('targets')
    repository.publish('snapshot', 'timestamp')
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('targets 100')
    repository.rotate('snapshot')
    repository.forget('targets')
    repository.document('targets')['version'] = 1
    repository.publish('root', ...LOWER)
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('targets 1')
  })

  it('of the snapshot: with new snapshot and timestamp keys', async () => {
    for (let count = 0; count < 99; count += 1) repository.publish('snapshot')
    repository.publish('timestamp')
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('snapshot 100')
    repository.rotate('snapshot')
    repository.rotate('timestamp')
    repository.forget('snapshot')
    repository.document('snapshot')['version'] = 1
    repository.publish('root', ...LOWER)
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('snapshot 1')
  })

  it('of the timestamp: with new timestamp keys', async () => {
    for (let count = 0; count < 99; count += 1) repository.publish('timestamp')
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('timestamp 100')
    repository.rotate('timestamp')
    repository.forget('timestamp')
    repository.document('timestamp')['version'] = 1
    repository.publish('root', 'timestamp')
    expect(await client.refresh()).toBe(0)
    expect(await client.trusted()).toContain('timestamp 1')
  })

  it('without new keys is refused', async () => {
    for (let count = 0; count < 99; count += 1) repository.publish('timestamp')
    expect(await client.refresh()).toBe(0)
    repository.forget('timestamp')
    repository.document('timestamp')['version'] = 1
    repository.publish('root', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toContain('timestamp 100')
  })
})

it('refuses a root that skips a version, and one that stands still', async () => {
  repository.document('root')['version'] = 2
  repository.publish('root')
  expect(await client.refresh()).toBe(1)
  repository.document('root')['version'] = 1
  repository.replaceLatest('root', repository.sign('root'))
  expect(await client.refresh()).toBe(1)
  expect(await client.trusted()).toEqual(['root 1'])
})
