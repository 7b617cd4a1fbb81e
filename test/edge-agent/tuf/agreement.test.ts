/** Two repositories: only what both name is installed, whichever single key, or whole centre, is in the wrong hands. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MetadataFolder } from '../../../edge-agent/tuf/metadata-folder.ts'
import { TargetFolder } from '../../../edge-agent/tuf/target-folder.ts'
import { TwoRepositories } from '../../../edge-agent/tuf/two-repositories.ts'
import { agreedTarget, bundleTargetPath, checkIsTarget } from '../../../rollout/tuf/agreement.ts'
import type { TargetFile } from '../../../rollout/tuf/metadata.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { memorySource } from '../../support/tuf-memory-source.ts'
import { TestRepository, type Loose } from '../../support/tuf-repository.ts'

const file = (change: Partial<TargetFile> = {}): TargetFile => ({
  path: 'a',
  lengthBytes: 7,
  hashes: new Map([['sha256', 'aa']]),
  custom: undefined,
  ...change,
})

describe('two listings of one target', () => {
  it('agree when length and hashes do, and both sets of hashes bind', () => {
    const image = file({
      hashes: new Map([
        ['sha256', 'aa'],
        ['sha512', 'bb'],
      ]),
      custom: { licence: 'x' },
    })
    const agreed = agreedTarget(image, file({ custom: { ring: 1 } }))
    expect([...agreed.hashes]).toEqual([
      ['sha256', 'aa'],
      ['sha512', 'bb'],
    ])
    expect(agreed).toMatchObject({
      path: 'a',
      lengthBytes: 7,
      custom: { licence: 'x' },
      direction: { ring: 1 },
    })
  })

  const differing: readonly (readonly [string, TargetFile])[] = [
    ['another path', file({ path: 'b' })],
    ['another length', file({ lengthBytes: 8 })],
    ['another hash', file({ hashes: new Map([['sha256', 'ab']]) })],
    ['no common hash', file({ hashes: new Map([['sha512', 'aa']]) })],
    ['no hash', file({ hashes: new Map() })],
    [
      'one more hash that differs',
      file({
        hashes: new Map([
          ['sha256', 'aa'],
          ['sha512', 'cc'],
        ]),
      }),
    ],
  ]
  it.each(differing)('do not agree on %s', (_name, other) => {
    const image = file({
      hashes: new Map([
        ['sha256', 'aa'],
        ['sha512', 'bb'],
      ]),
    })
    expect(() => agreedTarget(image, other)).toThrow(TufRefused)
    expect(() => agreedTarget(other, image)).toThrow(TufRefused)
  })
})

it('an agreed target is the one that the desired state names, or it is refused', () => {
  const target = agreedTarget(file(), file())
  expect(() => checkIsTarget(target, { sha256: 'aa', sizeBytes: 7 })).not.toThrow()
  expect(() => checkIsTarget(target, { sha256: 'ab', sizeBytes: 7 })).toThrow(TufRefused)
  expect(() => checkIsTarget(target, { sha256: 'aa', sizeBytes: 8 })).toThrow(TufRefused)
})

const GOOD = bundleTargetPath('speech', '1.0.0')
const NEW = bundleTargetPath('speech', '1.1.0')
const EVIL = Buffer.from('arbitrary software')
let image: TestRepository
let director: TestRepository
let folder: { readonly path: string; remove(): Promise<void> }

/** root 3 of 5, targets 2 of 3, a delegation for the family of models, snapshot and timestamp online. */
beforeEach(async () => {
  folder = await dataFolder('uptane')
  image = new TestRepository('ed25519')
  for (const [role, count, threshold] of [
    ['root', 5, 3],
    ['targets', 3, 2],
  ] as const) {
    for (let more = 1; more < count; more += 1) image.addKey(role, generateSigningKey('ed25519'))
    image.roleOf(role)['threshold'] = threshold
  }
  image.publish('root')
  image.delegate('targets', 'speech', { paths: ['bundles/speech/*/*'], key: generateSigningKey('ed25519') })
  director = new TestRepository('ed25519')
  for (const repository of [image, director])
    repository.addArtifact(repository === image ? 'speech' : 'targets', GOOD, Buffer.from('approved'))
  image.publish('speech', 'targets', 'snapshot', 'timestamp')
  director.publish('targets', 'snapshot', 'timestamp')
  await install(GOOD)
})
afterEach(async () => await folder.remove())

async function install(path: string): Promise<string> {
  const side = async (name: string, repository: TestRepository) => {
    const metadata = new MetadataFolder(join(folder.path, name))
    if ((await metadata.read('root')) === undefined)
      await metadata.write('root', repository.published.get('root')?.at(-1) ?? new Uint8Array())
    return { source: memorySource(repository), folder: metadata }
  }
  const both = await TwoRepositories.refreshed(
    { director: await side('director', director), image: await side('image', image) },
    Date.now(),
  )
  const target = await both.agreed(path)
  return await new TargetFolder(join(folder.path, 'targets')).take(target, both.fetch(target))
}

/** Lists the evil bytes as a role would, signs with nothing but these keys, and lets every other role follow. */
function attack(repository: TestRepository, role: string, keys: readonly SigningKey[]): void {
  repository.addArtifact(role, NEW, EVIL)
  repository.signers.set(role, [...keys])
  repository.publish(...new Set([role, 'targets', 'snapshot', 'timestamp']))
}
const keysOf = (repository: TestRepository, role: string): SigningKey[] => [
  ...(repository.signers.get(role) ?? []),
]

describe('arbitrary software is not installed by', () => {
  it('whoever holds every key of the director', async () => {
    attack(director, 'targets', keysOf(director, 'targets'))
    director.rotate('targets')
    director.publish('root', 'targets', 'snapshot', 'timestamp')
    await expect(install(NEW)).rejects.toMatchObject({ reason: 'not_listed' })
    await expect(install(GOOD)).resolves.toBeTypeOf('string')
  })

  it('whoever holds the director and gives evil bytes the name of a good release', async () => {
    director.addArtifact('targets', GOOD, EVIL)
    image.artifacts.set(GOOD, EVIL)
    director.publish('targets', 'snapshot', 'timestamp')
    await expect(install(GOOD)).rejects.toMatchObject({ reason: 'disagreement' })
  })

  it('whoever holds the key of the model family', async () => {
    attack(image, 'speech', keysOf(image, 'speech'))
    await expect(install(NEW)).rejects.toMatchObject({ reason: 'not_listed' })
  })

  it.each([0, 1, 2])('whoever holds key %i of the image targets, and the director', async (index) => {
    attack(director, 'targets', keysOf(director, 'targets'))
    attack(image, 'targets', keysOf(image, 'targets').slice(index, index + 1))
    await expect(install(NEW)).rejects.toMatchObject({ reason: 'unsigned' })
  })

  it('whoever holds the image snapshot and timestamp keys, and the director', async () => {
    attack(director, 'targets', keysOf(director, 'targets'))
    attack(image, 'targets', [])
    await expect(install(NEW)).rejects.toMatchObject({ reason: 'unsigned' })
  })

  it.each([1, 2])('whoever holds %i of the five root keys, and the director', async (count) => {
    attack(director, 'targets', keysOf(director, 'targets'))
    const stolen = keysOf(image, 'root').slice(0, count)
    image.rotate('targets', 'ed25519')
    image.signers.set('root', stolen)
    image.publish('root')
    attack(image, 'targets', keysOf(image, 'targets'))
    await expect(install(NEW)).rejects.toMatchObject({ role: 'root', reason: 'unsigned' })
  })

  it('whoever swaps the bytes on the way', async () => {
    image.artifacts.set(GOOD, Buffer.from('approveD'))
    await expect(install(GOOD)).rejects.toMatchObject({ reason: 'wrong_bytes' })
  })
})

describe('an approved release', () => {
  it('is installed once both name it, and after the keys of every role were changed', async () => {
    image.addArtifact('speech', NEW, Buffer.from('approved too'))
    image.publish('speech', 'snapshot', 'timestamp')
    await expect(install(NEW)).rejects.toMatchObject({ reason: 'not_listed' })
    director.addArtifact('targets', NEW, Buffer.from('approved too'))
    director.publish('targets', 'snapshot', 'timestamp')
    await expect(install(NEW)).resolves.toBeTypeOf('string')
    for (const repository of [image, director]) {
      for (const role of ['timestamp', 'snapshot', 'targets']) repository.rotate(role, 'ed25519')
      repository.publish('root', 'targets', 'snapshot', 'timestamp')
      const before = keysOf(repository, 'root')
      repository.rotate('root', 'ed25519')
      repository.signers.set('root', [...before, ...keysOf(repository, 'root')])
      repository.publish('root')
    }
    await expect(install(NEW)).resolves.toBeTypeOf('string')
  })

  it('is held back by one repository that is frozen', async () => {
    const listed = (director.document('timestamp')['meta'] as Loose)['snapshot.json']
    expect(listed).toBeDefined()
    director.expire('timestamp', Date.now() - 1_000)
    director.publish('timestamp')
    await expect(install(GOOD)).rejects.toMatchObject({ role: 'timestamp', reason: 'expired' })
  })
})
