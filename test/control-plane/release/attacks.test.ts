/**
 * Attacks through the whole way that a bundle takes to a device: its real installer and agreement, at a production centre. After
 * each the device runs exactly what it ran, or exactly what people signed, every byte of it held against its manifest.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
import { parseDeviceId, type DeviceId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { SigningKey } from '../../../shared/signing/signing-key.ts'
import type { Ask } from '../../../shared/wire/answer.ts'
import { METADATA_PIECE_BYTES, type RepositoryName } from '../../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { newKeys, signedApart, type Apart } from '../../support/signed-apart.ts'
import { publisher } from '../../edge-agent/update/publisher.ts'
import { one, two, updateStage } from '../../edge-agent/update/stage.ts'
import { wholeDevice, type Between, type WholeDevice } from './whole-device.ts'

const DAY_MS = 86_400_000
const at = updateStage()
const key = generateKeyPair()
const content = publisher(key)

let apart: Apart
let folder: Awaited<ReturnType<typeof dataFolder>>
/** Every test has a device of its own, which runs `old`, and is directed to `next`, which people signed since. */
let van: DeviceId
let device: WholeDevice
let old: DesiredBundle
let next: DesiredBundle
let devices = 0
/** Who answers for content. */
let source: Ask = content.ask

beforeAll(async () => {
  apart = await signedApart()
  folder = await dataFolder('attacks')
  for (const name of ['image', 'director'] as const) await apart.handIn(name, [await apart.nextRoot(name)])
  old = await released(one, '1.0.0')
  next = await released(two, '1.1.0')
  await apart.handIn('image', await apart.signedDue())
})
beforeEach(async () => await newDevice())
afterAll(async () => {
  await apart.close()
  await folder.remove()
})

async function newDevice(): Promise<void> {
  devices += 1
  van = parseDeviceId(`van-${devices}`)
  const installer = await at.device({
    folder: join(folder.path, van),
    ask: async (verb, request, signal) => await source(verb, request, signal),
    clock: apart.stage.clock,
    trust: { releaseKeys: [key.publicKey], threshold: 1, environment: 'production', runtimeVersion: '0.1.0' },
  })
  device = await wholeDevice(apart, {
    device: van,
    installer,
    releaseKey: key.publicKey,
  })
  apart.desired.set(van, [old])
  await device.round([old])
  expect(await device.version('models')).toBe('1.0.0')
  apart.desired.set(van, [next])
}

/** Published; whether it may be installed is for those who sign. */
async function released(
  files: Readonly<Record<string, Uint8Array>>,
  version: string,
): Promise<DesiredBundle> {
  const bundle = content.publish(files, { version, environment: 'production' }, key)
  await apart.publish(bundle.name, version, content.contents.get(bundle.envelopeSha256))
  return bundle
}

/** The files that a clean look at the repositories takes, by `repository/name`. */
async function cleanLook(wanted = next): Promise<ReadonlyMap<string, Uint8Array>> {
  const seen = new Map<string, Uint8Array>()
  const watcher = await apart.agreementOf(
    parseDeviceId(`watcher-${(devices += 1)}`),
    apart.askOf(van, (name, bytes) => {
      if (bytes !== null) seen.set(name, bytes)
      return bytes
    }),
  )
  await watcher.refreshed(new AbortController().signal).then(
    async (judge) => await judge(wanted).catch(() => undefined),
    () => undefined,
  )
  return seen
}

async function isHeldOff(between: Between, code: string, wanted = [next]): Promise<void> {
  const { reported } = await device.round(wanted, between)
  expect(reported).toContainEqual(expect.objectContaining({ code }))
  expect(await device.version('models')).toBe('1.0.0')
}

async function comesThrough(): Promise<void> {
  await device.round([next])
  expect(await device.version('models')).toBe('1.1.0')
}

describe('somebody on the way, without any key,', () => {
  it('cannot flip a bit of any file so that something else is installed', async () => {
    const files = await cleanLook()
    expect([...files.keys()].filter((name) => name.startsWith('image/')).length).toBeGreaterThan(3)
    let held = ''
    // All is fetched anew but the roots: what a device holds already is not asked for.
    const start = async (): Promise<void> => {
      held = `${apart.heldBy(van)}-before`
      await cp(apart.heldBy(van), held, { recursive: true })
      for (const repository of ['image', 'director'])
        for (const file of await readdir(join(held, repository)))
          if (file !== 'root.json') await rm(join(held, repository, file), { recursive: true })
    }
    const again = async (): Promise<void> => {
      await rm(apart.heldBy(van), { recursive: true })
      await cp(held, apart.heldBy(van), { recursive: true })
    }
    await start()
    let [tried, harmless] = [0, 0]
    for (const [file, bytes] of files)
      for (let place = 0; place < bytes.length; place += 131) {
        await again()
        const flipped = Uint8Array.from(bytes)
        flipped[place] = (flipped[place] ?? 0) ^ (1 << (place % 8))
        let isAsked = false
        const { reported } = await device.round([next], {
          metadata: (name, is) => {
            if (name !== file) return is
            isAsked = true
            return flipped
          },
        })
        expect(isAsked, file).toBe(true)
        tried += 1
        const version = await device.version('models')
        if (version === '1.1.0') {
          // What people signed, byte for byte: a hex digit of a signature says the same in either case.
          const [is, was] = [flipped, bytes].map((all) => String.fromCharCode(all[place] ?? 0))
          expect(is?.toLowerCase(), `${file} at ${place}`).toBe(was?.toLowerCase())
          expect(was, `${file} at ${place}`).toMatch(/^[a-f]$/i)
          harmless += 1
          await newDevice()
          await start()
          continue
        }
        expect(version, `${file} at ${place}`).toBe('1.0.0')
        expect(reported[0]?.code, `${file} at ${place}`).toMatch(/^tuf_/)
      }
    expect(harmless).toBeLessThan(tried / 4)
    expect(tried).toBeGreaterThan(40)
    await comesThrough()
  })

  it('cannot mix files of two states', async () => {
    const now = await cleanLook()
    const newest = await released(one, '1.2.0')
    await apart.handIn('image', await apart.signedDue())
    apart.desired.set(van, [newest])
    const later = await cleanLook(newest)
    for (const kind of ['.snapshot.json', '.family-models.json']) {
      const of = (files: ReadonlyMap<string, Uint8Array>): string =>
        [...files.keys()].find((name) => name.startsWith('image/') && name.endsWith(kind)) ?? 'none'
      expect(of(now)).not.toBe('none')
      expect([of(now), 'none']).not.toContain(of(later))
      const older = now.get(of(now)) ?? null
      await isHeldOff({ metadata: (name, is) => (name === of(later) ? older : is) }, 'tuf_wrong_bytes', [
        newest,
      ])
    }
  })

  it('cannot keep the device at what was, nor take it back', async () => {
    const frozen = await cleanLook()
    await device.round([], {})
    apart.stage.clock.advance(3 * DAY_MS)
    const replay: Between = { metadata: (name) => frozen.get(name) ?? null }
    await isHeldOff(replay, 'tuf_expired')
    await comesThrough()
    await released(one, '1.0.1')
    const { reported } = await device.round([old], replay)
    expect(reported[0]?.code).toMatch(/^tuf_/)
    expect(await device.version('models')).toBe('1.1.0')
  })

  it('cannot send without an end, at a crawl, or less than is listed', async () => {
    let pieces = 0
    let held = 0
    for (const kind of ['.root', 'timestamp', '.snapshot', '.targets', '.family-models'])
      for (const repository of ['image', 'director'] as const) {
        await newDevice()
        const endless: Between = {
          metadata: (name, is) => {
            if (!name.startsWith(`${repository}/`) || !name.includes(kind)) return is
            pieces += 1
            return Buffer.concat([is ?? Buffer.alloc(0), Buffer.alloc(METADATA_PIECE_BYTES * 30, 32)])
          },
        }
        const before = pieces
        const { reported } = await device.round([next], endless)
        // Bytes that are held with their hash are not asked for.
        if (pieces === before) continue
        held += 1
        expect([reported[0]?.state, reported[0]?.code], `${repository} ${kind}`).toEqual([
          'deferred',
          'tuf_unreachable',
        ])
        expect(await device.version('models')).toBe('1.0.0')
      }
    expect(held).toBeGreaterThanOrEqual(6)
    expect(pieces).toBeLessThan(held * 4)
    await newDevice()
    const late = new AbortController()
    const crawl =
      (real: Ask): Ask =>
      async (verb, request, signal) => {
        if (verb !== 'repository.metadata') return await real(verb, request, signal)
        late.abort(new Error('the alarm'))
        return await new Promise((_resolve, reject) => {
          if (signal.aborted) reject(signal.reason as Error)
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      }
    const { hindrances, reported } = await device.round([next], { ask: crawl, alarm: () => late.signal })
    expect([hindrances.length, reported[0]?.state, reported[0]?.code]).toEqual([
      1,
      'deferred',
      'tuf_unreachable',
    ])
    const short: Between = {
      metadata: (name, is) => (name.includes('timestamp') ? (is?.subarray(1) ?? null) : is),
    }
    await isHeldOff(short, 'tuf_malformed')
    await comesThrough()
  })

  it('cannot give other content than what was signed, longer or shorter', async () => {
    const changes: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
      (bytes) => bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte)),
      (bytes) => bytes.subarray(1),
      (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
    ]
    for (const [offer, change] of changes.entries()) {
      source = async (verb, request, signal) => {
        const bytes = await content.ask(verb, request, signal)
        return verb === 'bundle.chunk' ? change(bytes) : bytes
      }
      const { hindrances } = await device.round([{ ...next, offer }])
      source = content.ask
      expect(hindrances).toHaveLength(1)
      expect(await device.version('models')).toBe('1.0.0')
    }
    await device.round([{ ...next, offer: 9 }])
    expect(await device.version('models')).toBe('1.1.0')
  })
})

it('what the disk changed of a device’s trust is fetched anew, or mended from its copy; nothing else is ever installed', async () => {
  const before = `${apart.heldBy(van)}-before`
  await device.round([])
  const files = (await readdir(apart.heldBy(van), { recursive: true })).filter((name) =>
    name.endsWith('.json'),
  )
  expect(files.length).toBeGreaterThan(8)
  await cp(apart.heldBy(van), before, { recursive: true })
  for (const file of files) {
    const bytes = await readFile(join(before, file))
    for (const place of [0, bytes.length >> 1, bytes.length - 5]) {
      await rm(apart.heldBy(van), { recursive: true })
      await cp(before, apart.heldBy(van), { recursive: true })
      const flipped = Uint8Array.from(bytes)
      flipped[place] = (flipped[place] ?? 0) ^ 2
      await writeFile(join(apart.heldBy(van), file), flipped)
      const judge = await (await apart.agreementOf(van)).refreshed(new AbortController().signal)
      await expect(judge(next), `${file} at ${place}`).resolves.toBeUndefined()
      await expect(judge({ ...next, envelopeSha256: 'f'.repeat(64) })).rejects.toMatchObject({
        code: 'tuf_refused',
      })
    }
  }
  await comesThrough()
})

describe('whoever holds one key, or all of one role, installs nothing that people did not sign:', () => {
  let evil: DesiredBundle
  beforeAll(() => {
    // The release key is his as well: the manifest would be believed.
    evil = content.publish(
      { 'speech/model.onnx': Buffer.from('arbitrary'), 'intent/model.onnx': Buffer.from('software') },
      { version: '6.6.6', environment: 'production' },
      key,
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
    const dates = { version: 900, expiresMs: apart.stage.clock.nowMs() + DAY_MS }
    const path = bundleTargetPath(evil.name, evil.version)
    const envelope = content.contents.get(evil.envelopeSha256) ?? new Uint8Array()
    const listing = { [path]: { ...targetOf(envelope), custom: { device: van } } }
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
    apart.parts.keys.held(repository, role)

  it.each(['snapshot', 'timestamp', 'targets'] as const)('the %s key of the director', async (role) => {
    await isHeldOff(forged('director', { [role]: online('director', role) }), 'tuf_unsigned', [evil])
  })

  it('all online keys of the director, and with them the centre: only approved releases are moved about', async () => {
    const stolen = {
      targets: online('director', 'targets'),
      snapshot: online('director', 'snapshot'),
      timestamp: online('director', 'timestamp'),
    }
    await isHeldOff(forged('director', stolen), 'tuf_not_listed', [evil])
  })

  it.each(['snapshot', 'timestamp'] as const)('the %s key of the image repository', async (role) => {
    await isHeldOff(forged('image', { [role]: online('image', role) }), 'tuf_unsigned', [evil])
  })

  it('both online keys of the image repository, and one of those who sign what exists', async () => {
    const stolen = { snapshot: online('image', 'snapshot'), timestamp: online('image', 'timestamp') }
    await isHeldOff(forged('image', stolen), 'tuf_unsigned', [evil])
    await newDevice()
    await isHeldOff(
      forged('image', { ...stolen, targets: apart.people.targets.slice(0, 1) }),
      'tuf_unsigned',
      [evil],
    )
  })

  it.each(['image', 'director'] as const)('one root key of the %s', async (repository) => {
    await isHeldOff(forged(repository, { root: apart.people.root.slice(0, 1) }), 'tuf_unsigned', [evil])
    await comesThrough()
  })

  it('the release key alone: what the repositories do not name is not even fetched', async () => {
    const asked = content.served.length
    await isHeldOff({}, 'tuf_not_listed', [evil])
    const claimed = { ...evil, version: next.version }
    await isHeldOff({}, 'tuf_disagreement', [claimed])
    expect(content.served.length).toBe(asked)
    await comesThrough()
  })

  it('a small-order key, though a root names it: the root is refused', async () => {
    const current = (await apart.repositories.roots())?.director ?? new Uint8Array()
    const document = rootBody(current)
    const keys = document['keys'] as JsonObject
    const weak = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: `01${'00'.repeat(31)}` } }
    const bad = signed(
      { ...document, version: readRoot(current).content.version + 1, keys: { ...keys, weak } },
      apart.people.root.slice(0, 2),
    )
    await isHeldOff({ metadata: (name, is) => (name === 'director/2.root.json' ? bad : is) }, 'tuf_weak_key')
    await comesThrough()
  })
})
