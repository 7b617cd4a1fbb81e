/** What the keys of a repository are worth to somebody who stole them. */
import { beforeAll, describe, expect, it } from 'vitest'
import { rootBody } from '../../../rollout/tuf/audience.ts'
import { prepareRoot } from '../../../rollout/tuf/ceremony.ts'
import { bundleTargetPath } from '../../../rollout/tuf/agreement.ts'
import {
  metaOf,
  signed,
  snapshotDocument,
  targetOf,
  targetsDocument,
  timestampDocument,
} from '../../../rollout/tuf/documents.ts'
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import { readRoot } from '../../../rollout/tuf/metadata.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { SigningKey } from '../../../shared/signing/signing-key.ts'
import { type RepositoryName } from '../../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { newKeys } from '../../support/signed-apart.ts'
import { type Between } from './whole-device.ts'
import { attackScene } from './attack-scene.ts'

const DAY_MS = 86_400_000

const scene = attackScene('stolen')

describe('whoever holds one key, or all of one role, installs nothing that people did not sign:', () => {
  let evil: DesiredBundle
  beforeAll(() => {
    // The release key is his as well: the manifest would be believed.
    evil = scene.content.publish(
      { 'speech/model.onnx': Buffer.from('arbitrary'), 'intent/model.onnx': Buffer.from('software') },
      { version: '6.6.6', environment: 'production' },
      scene.key,
    )
  })

  /** A repository of his own that lists the evil bundle, signed by what he has stolen, and by keys of his own for the rest. */
  function forged(
    repository: RepositoryName,
    stolen: Partial<Record<'root' | 'targets' | 'snapshot' | 'timestamp', readonly SigningKey[]>>,
  ): Between {
    const keys = {
      root: newKeys(2),
      targets: newKeys(2),
      snapshot: newKeys(1),
      timestamp: newKeys(1),
      ...stolen,
    }
    const dates = { version: 900, expiresMs: scene.apart.stage.clock.nowMs() + DAY_MS }
    const path = bundleTargetPath(evil.name, evil.version)
    const envelope = scene.content.contents.get(evil.envelopeSha256) ?? new Uint8Array()
    const listing = { [path]: { ...targetOf(envelope), custom: { device: scene.van } } }
    const targets = signed(targetsDocument(dates, listing), keys.targets)
    const listed = new Map(['targets', 'family-models'].map((role) => [role, metaOf(900, targets)]))
    const snapshot = signed(snapshotDocument(dates, listed), keys.snapshot)
    const timestamp = signed(timestampDocument(dates, metaOf(900, snapshot)), keys.timestamp)
    const files = new Map([
      [metadataName('timestamp', undefined), timestamp],
      [metadataName('snapshot', 900), snapshot],
      [metadataName('targets', 900), targets],
    ])
    if (stolen.root !== undefined) {
      const role = (name: keyof typeof keys) => ({ keys: keys[name], threshold: 1 })
      const roles = {
        root: role('root'),
        targets: role('targets'),
        snapshot: role('snapshot'),
        timestamp: role('timestamp'),
      }
      const document = {
        ...prepareRoot(undefined, {
          environment: 'development',
          repository,
          expiresMs: dates.expiresMs,
          roles,
        }),
        version: 2,
        'x-starling-environment': 'production',
      }
      files.set(metadataName('root', 2), signed(document, keys.root))
    }
    return {
      metadata: (name, is) =>
        name.startsWith(`${repository}/`) ? (files.get(name.slice(repository.length + 1)) ?? is) : is,
    }
  }

  const online = (repository: RepositoryName, role: 'targets' | 'snapshot' | 'timestamp') =>
    scene.apart.parts.keys.held(repository, role)

  it.each(['snapshot', 'timestamp', 'targets'] as const)('the %s key of the director', async (role) => {
    await scene.isHeldOff(forged('director', { [role]: online('director', role) }), 'tuf_unsigned', [evil])
  })

  it('all online keys of the director, and with them the centre: only approved releases are moved about', async () => {
    const stolen = {
      targets: online('director', 'targets'),
      snapshot: online('director', 'snapshot'),
      timestamp: online('director', 'timestamp'),
    }
    await scene.isHeldOff(forged('director', stolen), 'tuf_not_listed', [evil])
  })

  it.each(['snapshot', 'timestamp'] as const)('the %s key of the image repository', async (role) => {
    await scene.isHeldOff(forged('image', { [role]: online('image', role) }), 'tuf_unsigned', [evil])
  })

  it('both online keys of the image repository, and one of those who sign what exists', async () => {
    const stolen = { snapshot: online('image', 'snapshot'), timestamp: online('image', 'timestamp') }
    await scene.isHeldOff(forged('image', stolen), 'tuf_unsigned', [evil])
    await scene.newDevice()
    await scene.isHeldOff(
      forged('image', { ...stolen, targets: scene.apart.people.targets.slice(0, 1) }),
      'tuf_unsigned',
      [evil],
    )
  })

  it.each(['image', 'director'] as const)('one root key of the %s', async (repository) => {
    await scene.isHeldOff(forged(repository, { root: scene.apart.people.root.slice(0, 1) }), 'tuf_unsigned', [
      evil,
    ])
    await scene.comesThrough()
  })

  it('the release key alone: what the repositories do not name is not even fetched', async () => {
    const asked = scene.content.served.length
    await scene.isHeldOff({}, 'tuf_not_listed', [evil])
    const claimed = { ...evil, version: scene.next.version }
    await scene.isHeldOff({}, 'tuf_disagreement', [claimed])
    expect(scene.content.served.length).toBe(asked)
    await scene.comesThrough()
  })

  it('a small-order key, though a root names it: the root is refused', async () => {
    const current = (await scene.apart.repositories.roots())?.director ?? new Uint8Array()
    const document = rootBody(current)
    const keys = document['keys'] as JsonObject
    const weak = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: `01${'00'.repeat(31)}` } }
    const bad = signed(
      { ...document, version: readRoot(current).content.version + 1, keys: { ...keys, weak } },
      scene.apart.people.root.slice(0, 2),
    )
    await scene.isHeldOff(
      { metadata: (name, is) => (name === 'director/2.root.json' ? bad : is) },
      'tuf_weak_key',
    )
    await scene.comesThrough()
  })
})
