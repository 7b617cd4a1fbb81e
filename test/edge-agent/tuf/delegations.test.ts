/** The search through delegations: its order, its ends, its names, and whose keys count. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import { keyDocument, keyIdOf, targetsDocument } from '../../../rollout/tuf/documents.ts'
import { TufClient } from '../../support/tuf-client.ts'
import { loose, type TestRepository } from '../../support/tuf-repository.ts'

const DAY_MS = 86_400_000
const TOP = ['targets', 'snapshot', 'timestamp'] as const
let client: TufClient
let repository: TestRepository

beforeEach(async () => {
  client = await TufClient.started()
  repository = client.repository
  expect(await client.init()).toBe(0)
})
afterEach(async () => await client.stop())

interface Edge {
  readonly from: string
  readonly to: string
  readonly paths?: readonly string[]
  readonly terminating?: boolean
}

function build(edges: readonly Edge[]): void {
  for (const { from, to, ...options } of edges) repository.delegate(from, to, options)
  repository.publish(...new Set(edges.map(({ to }) => to)), ...TOP)
}

const visited = (): readonly string[] => client.server.metadataRequests.slice(4)
const e = (from: string, to: string, options: Omit<Edge, 'from' | 'to'> = {}): Edge => ({
  from,
  to,
  ...options,
})

const graphs: readonly (readonly [string, readonly Edge[], string])[] = [
  ['one delegate', [e('targets', 'A')], 'A'],
  ['two delegates', [e('targets', 'A'), e('targets', 'B')], 'A B'],
  ['two levels', [e('targets', 'A'), e('targets', 'B'), e('B', 'C')], 'A B C'],
  ['two levels under the first', [e('targets', 'A'), e('targets', 'B'), e('A', 'C'), e('A', 'D')], 'A C D B'],
  [
    'three levels under the first',
    [e('targets', 'A'), e('targets', 'B'), e('A', 'C'), e('C', 'D')],
    'A C D B',
  ],
  [
    'a terminating one: its later siblings and its delegator’s are left out',
    [e('targets', 'A'), e('targets', 'B'), e('A', 'C', { terminating: true }), e('A', 'D')],
    'A C',
  ],
  [
    'a terminating one: its own delegates are asked',
    [e('targets', 'A'), e('targets', 'B'), e('A', 'C', { terminating: true }), e('C', 'D')],
    'A C D',
  ],
  [
    'a branch whose pattern does not match',
    [e('targets', 'A', { paths: ['*.py'] }), e('targets', 'B'), e('A', 'C')],
    'B',
  ],
  [
    'a deeper branch whose pattern does not match',
    [e('targets', 'A'), e('targets', 'B'), e('A', 'C', { paths: ['*.py'] }), e('C', 'D')],
    'A B',
  ],
  ['a circle', [e('targets', 'A'), e('targets', 'B'), e('B', 'C'), e('C', 'D'), e('D', 'B')], 'A B C D'],
  [
    'two that delegate to one: it is asked once, through the first',
    [e('targets', 'A'), e('targets', 'B'), e('B', 'C'), e('A', 'C')],
    'A C B',
  ],
  [
    'two that delegate to one, the first for other paths',
    [e('targets', 'A'), e('targets', 'B'), e('B', 'C'), e('A', 'C', { paths: ['*.py'] })],
    'A B C',
  ],
]

describe('the order in which roles are asked', () => {
  it.each(graphs)('%s', async (_name, edges, order) => {
    // One role has one set of keys here, whoever delegates to it.
    const keys = new Map(edges.map(({ to }) => [to, generateSigningKey('ed25519')]))
    for (const { from, to, ...options } of edges) {
      const key = keys.get(to)
      repository.delegate(from, to, { ...options, ...(key === undefined ? {} : { key }) })
      repository.signers.set(to, key === undefined ? [] : [key])
    }
    repository.publish(...new Set(edges.map(({ to }) => to)), ...TOP)
    expect(await client.download('missingpath')).toBe(1)
    expect(visited()).toEqual(order.split(' ').map((role) => `${role} 1`))
  })

  it('goes no deeper than 32 delegated roles', async () => {
    const edges = Array.from({ length: 40 }, (_, index) =>
      e(index === 0 ? 'targets' : `r${index}`, `r${index + 1}`),
    )
    build(edges)
    repository.addArtifact('r40', 'deep', Buffer.from('deep'))
    repository.publish('r40', 'snapshot', 'timestamp')
    expect(await client.download('deep')).toBe(1)
    expect(visited().length).toBe(32)
  })
})

describe('a tree by paths', () => {
  const cases: readonly (readonly [string, boolean, string])[] = [
    ['targetfile', true, ''],
    ['README.md', true, 'A'],
    ['releases/x/x_v1', true, 'B C'],
    ['releases/y/y_v1.zip', true, 'B D'],
    ['releases/z/z_v1.zip', false, 'B'],
  ]
  it.each(cases)('%s is found: %s, by way of [%s]', async (path, found, way) => {
    for (const [from, to, ...paths] of [
      ['targets', 'A', '*.doc', '*.md'],
      ['targets', 'B', 'releases/*/*'],
      ['B', 'C', 'releases/x/*'],
      ['B', 'D', 'releases/y/*.zip'],
    ] as const)
      repository.delegate(from, to, { paths })
    repository.addArtifact('targets', 'targetfile', Buffer.from('by targets'))
    repository.addArtifact('A', 'README.md', Buffer.from('README.md by A'))
    repository.addArtifact('C', 'releases/x/x_v1', Buffer.from('x by C'))
    repository.addArtifact('D', 'releases/y/y_v1.zip', Buffer.from('y by D'))
    repository.addArtifact('D', 'releases/z/z_v1.zip', Buffer.from('z by D, who may not'))
    repository.publish('A', 'B', 'C', 'D', ...TOP)
    expect(await client.download(path)).toBe(found ? 0 : 1)
    expect(await client.downloaded()).toEqual(found ? [String(repository.artifacts.get(path))] : [])
    expect(visited()).toEqual(way === '' ? [] : way.split(' ').map((role) => `${role} 1`))
  })
})

it('follows prefixes of the path’s hash', async () => {
  const path = 'any/where.bin'
  const prefix = createHash('sha256').update(path).digest('hex').slice(0, 3)
  repository.delegate('targets', 'not-it', { pathHashPrefixes: [prefix === 'fff' ? '000' : 'fff'] })
  repository.delegate('targets', 'it', { pathHashPrefixes: [prefix] })
  repository.addArtifact('it', path, Buffer.from('by hash'))
  repository.publish('not-it', 'it', ...TOP)
  expect(await client.download(path)).toBe(0)
  expect(visited()).toEqual(['it 1'])
})

it('finds the succinct bin of a path, and asks nobody else', async () => {
  const key = generateSigningKey('ed25519')
  const path = 'models/speech.onnx'
  const bin = Number.parseInt(createHash('sha256').update(path).digest('hex').slice(0, 8), 16) >>> (32 - 9)
  const role = `bin-${bin.toString(16).padStart(3, '0')}`
  repository.document('targets')['delegations'] = {
    keys: { [keyIdOf(keyDocument(key))]: loose(keyDocument(key)) },
    succinct_roles: { keyids: [keyIdOf(keyDocument(key))], threshold: 1, bit_length: 9, name_prefix: 'bin' },
  }
  repository.documents.set(
    role,
    loose(targetsDocument({ version: 1, expiresMs: repository.safeExpiryMs }, {})),
  )
  repository.signers.set(role, [key])
  repository.addArtifact(role, path, Buffer.from('in a bin'))
  repository.publish(role, ...TOP)
  expect(await client.download(path)).toBe(0)
  expect(visited()).toEqual([`${role} 1`])
  expect(await client.downloaded()).toEqual(['in a bin'])
})

describe('a diamond', () => {
  it('is checked against the delegator of each look-up: the second, who trusts other keys, gets nothing', async () => {
    repository.delegate('targets', 'A', { paths: ['a/*'] })
    repository.delegate('targets', 'B', { paths: ['b/*'] })
    repository.delegate('A', 'C', { paths: ['a/*'] })
    const [trustedByA] = repository.signers.get('C') ?? []
    repository.delegate('B', 'C', { paths: ['b/*'] })
    repository.signers.set('C', trustedByA === undefined ? [] : [trustedByA])
    repository.addArtifact('C', 'a/file', Buffer.from('for A'))
    repository.addArtifact('C', 'b/file', Buffer.from('not for B'))
    repository.publish('A', 'B', 'C', ...TOP)
    expect(await client.download(['a/file', 'b/file'])).toBe(1)
    expect(client.complaint).toContain('C: signed by 0 of its keys')
    expect(await client.downloaded()).toEqual(['for A'])
    // Nor in a run of its own, where C's file lies there already.
    expect(await client.download('b/file')).toBe(1)
    expect(await client.download('a/file')).toBe(0)
  })

  it('whose role both delegators trust is read once, and serves both', async () => {
    const key = generateSigningKey('ed25519')
    repository.delegate('targets', 'A', { paths: ['a/*'] })
    repository.delegate('targets', 'B', { paths: ['b/*'] })
    repository.delegate('A', 'C', { paths: ['a/*'], key })
    repository.delegate('B', 'C', { paths: ['b/*'], key })
    repository.signers.set('C', [key])
    repository.addArtifact('C', 'a/file', Buffer.from('for A'))
    repository.addArtifact('C', 'b/file', Buffer.from('for B'))
    repository.publish('A', 'B', 'C', ...TOP)
    expect(await client.download(['b/file', 'a/file'])).toBe(0)
    expect(await client.downloaded()).toEqual(['for B', 'for A'])
    expect(visited()).toEqual(['B 1', 'C 1', 'A 1'])
  })
})

describe('a delegated role', () => {
  it('that is expired when it is first seen is not trusted, and what it lists is not fetched', async () => {
    repository.delegate('targets', 'delegated', { paths: ['delegatedpath/*'] })
    repository.expire('delegated', Date.now() - DAY_MS)
    repository.addArtifact('delegated', 'delegatedpath/target', Buffer.from('content'))
    repository.publish('delegated', ...TOP)
    expect(await client.refresh()).toBe(0)
    expect(await client.download('delegatedpath/target')).toBe(1)
    expect(await client.downloaded()).toEqual([])
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 2', 'timestamp 2'])
  })

  it('that expires on the disk is no longer used, and its successor is', async () => {
    const now = Date.now()
    repository.delegate('targets', 'delegated', { paths: ['delegatedpath/*'] })
    repository.expire('delegated', now + 7 * DAY_MS)
    repository.addArtifact('delegated', 'delegatedpath/first', Buffer.from('first'))
    repository.addArtifact('delegated', 'delegatedpath/second', Buffer.from('second'))
    repository.publish('delegated', ...TOP)
    expect(await client.download('delegatedpath/first', now)).toBe(0)
    expect(await client.download('delegatedpath/second', now + 18 * DAY_MS)).toBe(1)
    expect(await client.downloaded()).toEqual(['first'])
    repository.expire('delegated', now + 21 * DAY_MS)
    repository.publish('delegated', 'snapshot', 'timestamp')
    expect(await client.download('delegatedpath/second', now + 18 * DAY_MS)).toBe(0)
    expect(await client.downloaded()).toEqual(['first', 'second'])
  })

  it.each(['?', '#', '/delegatedrole', '../delegatedrole', '..', "it's (a) *role*!", 'ä/ß', '%2e%2e'])(
    'called %s keeps its name to itself',
    async (role) => {
      repository.delegate('targets', role)
      repository.publish(role, ...TOP)
      expect(await client.download('nonexistent target')).toBe(1)
      const quoted = encodeURIComponent(role).replace(
        /[!'()*]/g,
        (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
      )
      expect(visited()).toEqual([`${quoted} 1`])
      expect((await client.trusted()).length).toBe(5)
    },
  )

  it.each(['root', 'timestamp', 'snapshot', 'targets', ''])('may not be called "%s"', async (role) => {
    repository.document('targets')['delegations'] = {
      keys: {},
      roles: [{ name: role, keyids: [], threshold: 1, terminating: false, paths: ['*'] }],
    }
    repository.publish(...TOP)
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('delegates to a role called')
  })
})
