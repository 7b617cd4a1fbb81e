/** Repositories that people sign apart from the centre, and devices that take their installs from them, for those who attack both. */
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { parseDeviceId, type DeviceId } from '../../../shared/ids.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { Ask } from '../../../shared/wire/answer.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { signedApart, type Apart } from '../../support/signed-apart.ts'
import { publisher } from '../../edge-agent/update/publisher.ts'
import { one, two, updateStage } from '../../edge-agent/update/stage.ts'
import { wholeDevice, type Between, type WholeDevice } from './whole-device.ts'

/** Every test has a device of its own, which runs `old`, and is directed to `next`, which people signed since. */
export interface AttackScene {
  readonly apart: Apart
  readonly van: DeviceId
  readonly device: WholeDevice
  readonly old: DesiredBundle
  readonly next: DesiredBundle
  readonly key: typeof key
  readonly content: typeof content
  /** Who answers for content. */
  source: Ask
  /** Published; whether it may be installed is for those who sign. */
  released(files: Readonly<Record<string, Uint8Array>>, version: string): Promise<DesiredBundle>
  newDevice(): Promise<void>
  /** The files that a clean look at the repositories takes, by `repository/name`. */
  cleanLook(wanted?: DesiredBundle): Promise<ReadonlyMap<string, Uint8Array>>
  /** The attack is refused by this code, and the device runs what it ran. */
  isHeldOff(between: Between, code: string, wanted?: readonly DesiredBundle[]): Promise<void>
  /** Once nobody attacks any more, the device takes what people signed. */
  comesThrough(): Promise<void>
}

const key = generateKeyPair()
const content = publisher(key)

/** Begun before all tests of a file; a new device before each. */
export function attackScene(name: string): AttackScene {
  const at = updateStage()
  let apart: Apart
  let folder: Awaited<ReturnType<typeof dataFolder>>
  let van: DeviceId
  let device: WholeDevice
  let old: DesiredBundle
  let next: DesiredBundle
  let devices = 0

  beforeAll(async () => {
    apart = await signedApart()
    folder = await dataFolder(name)
    for (const repository of ['image', 'director'] as const)
      await apart.handIn(repository, [await apart.nextRoot(repository)])
    old = await scene.released(one, '1.0.0')
    next = await scene.released(two, '1.1.0')
    await apart.handIn('image', await apart.signedDue())
  })
  beforeEach(async () => await scene.newDevice())
  afterAll(async () => {
    await apart.close()
    await folder.remove()
  })

  const scene: AttackScene = {
    get apart() {
      return apart
    },
    get van() {
      return van
    },
    get device() {
      return device
    },
    get old() {
      return old
    },
    get next() {
      return next
    },
    key,
    content,
    source: content.ask,
    released: async (files, version) => {
      const bundle = content.publish(files, { version, environment: 'production' }, key)
      await apart.publish(bundle.name, version, content.contents.get(bundle.envelopeSha256))
      return bundle
    },
    newDevice: async () => {
      devices += 1
      van = parseDeviceId(`van-${devices}`)
      const installer = await at.device({
        folder: join(folder.path, van),
        ask: async (verb, request, signal) => await scene.source(verb, request, signal),
        clock: apart.stage.clock,
        trust: {
          releaseKeys: [key.publicKey],
          threshold: 1,
          environment: 'production',
          runtimeVersion: '0.1.0',
        },
      })
      device = await wholeDevice(apart, { device: van, installer, releaseKey: key.publicKey })
      apart.desired.set(van, [old])
      await device.round([old])
      expect(await device.version('models')).toBe('1.0.0')
      apart.desired.set(van, [next])
    },
    cleanLook: async (wanted = next) => {
      const seen = new Map<string, Uint8Array>()
      const watcher = await apart.agreementOf(
        parseDeviceId(`watcher-${(devices += 1)}`),
        apart.askOf(van, (file, bytes) => {
          if (bytes !== null) seen.set(file, bytes)
          return bytes
        }),
      )
      // What was asked for is what matters: the director speaks to the van, so that a watcher of another name may be refused.
      await watcher.refreshed(new AbortController().signal).then(
        async (judge) => await judge(wanted).catch(() => undefined),
        () => undefined,
      )
      return seen
    },
    isHeldOff: async (between, code, wanted = [next]) => {
      const { reported } = await device.round([...wanted], between)
      expect(reported).toContainEqual(expect.objectContaining({ code }))
      expect(await device.version('models')).toBe('1.0.0')
    },
    comesThrough: async () => {
      await device.round([next])
      expect(await device.version('models')).toBe('1.1.0')
    },
  }
  return scene
}
