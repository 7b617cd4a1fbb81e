/**
 * The device loses power at every write, sync, rename and removal of an install: the log of what it asked of its disk is
 * recorded once and replayed to every prefix, and what was not synced by then is dropped, kept, or kept in part. Whatever is
 * left, the device opens it with the old or the new bundle, whole, and goes on to the new one.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import type { Installer } from '../../../edge-agent/update/installer.ts'
import { seeded } from '../../../shared/seeded.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { CutDisk } from '../../support/power-cut/disk-image.ts'
import { recordDisk, type Recording } from '../../support/power-cut/recorder.ts'
import { holdsWhole, signal, small, updateStage, type Files } from './stage.ts'

const at = updateStage()
/** Every so manieth cut, so that the suite stays quick; STRIDE=1 meets each. */
const STRIDE = Number(process.env['STRIDE'] ?? 8)
/** What of the unsynced is there, beside none and all of it: so many seeded mixtures of each cut. */
const MIXTURES = Number(process.env['MIXTURES'] ?? 1)
const [one, two] = [small(1), small(3)]

/** Nothing that is done to an image is cut again. */
const hurried: Disk = { ...realDisk, sync: async () => await Promise.resolve() }

/** The log of `work` on the device's folder, acknowledged by its end. */
async function recorded(work: (installer: Installer) => Promise<void>): Promise<Recording> {
  mkdirSync(at.folder, { recursive: true })
  const recorder = recordDisk(at.folder)
  try {
    await work(await at.device())
    recorder.mark(1)
    await (await at.device()).tend(signal)
    return recorder.recording
  } finally {
    recorder.stop()
  }
}

/** Every image of every cut; returns how many there were. */
async function eachImage(
  recording: Recording,
  look: (of: {
    readonly folder: string
    readonly acknowledged: boolean
    readonly name: string
  }) => Promise<void>,
): Promise<number> {
  const cut = new CutDisk(recording)
  let images = 0
  for (let place = 0; place <= recording.operations.length; place += STRIDE) {
    cut.advance(place)
    const mixtures = Array.from({ length: MIXTURES }, (_, seed) => seeded(place * 1_000 + seed))
    for (const [kind, random] of [() => 0, () => 1 - Number.EPSILON, ...mixtures].entries()) {
      const folder = join(`${at.folder}-images`, `${place}-${kind}`)
      cut.write(folder, random)
      const name = `cut before operation ${place} of ${recording.operations.length}, unsynced ${['dropped', 'kept'][kind] ?? `mixed by ${kind - 2}`}`
      await look({ folder, acknowledged: cut.acknowledged > 0, name })
      rmSync(folder, { recursive: true, force: true })
      images += 1
    }
  }
  rmSync(`${at.folder}-images`, { recursive: true, force: true })
  return images
}

/** What the device runs on this image is one of these, whole; goes on from there, and says what it came to. */
async function woken(
  folder: string,
  { versions, desired, name }: { versions: Record<string, Files>; desired: DesiredBundle; name: string },
): Promise<{ readonly found: string | null; readonly after: string | null }> {
  const installer = await at.device({ folder }, hurried)
  const found = await installer.active('models')
  if (found !== null) {
    expect(Object.keys(versions), name).toContain(found.version)
    expect(await holdsWhole(found.dir, versions[found.version] ?? {}), name).toBe(true)
  }
  await installer.resume(signal)
  const outcome = await installer.install(desired, signal)
  expect(['committed', 'unchanged'], `${name}: ${JSON.stringify(outcome)}`).toContain(outcome.kind)
  const after = await installer.active('models')
  expect(await holdsWhole(after?.dir ?? '', versions[after?.version ?? ''] ?? {}), name).toBe(true)
  return { found: found?.version ?? null, after: after?.version ?? null }
}

describe('a power cut at every boundary', () => {
  it('of the first install leaves nothing or the whole bundle, and nothing that was acknowledged is lost', async () => {
    const desired = at.centre.publish(one)
    const recording = await recorded(async (installer) => {
      expect((await installer.install(desired, signal)).kind).toBe('committed')
    })
    const images = await eachImage(recording, async ({ folder, acknowledged, name }) => {
      const { found, after } = await woken(folder, { versions: { '1.0.0': one }, desired, name })
      if (acknowledged) expect(found, name).toBe('1.0.0')
      expect(after, name).toBe('1.0.0')
    })
    expect(images).toBeGreaterThan(150 / STRIDE)
  })

  it('of an update by delta leaves the old or the new bundle, and ends with the new one', async () => {
    await (await at.device({}, hurried)).install(at.centre.publish(one), signal)
    at.centre.offerDelta(one['speech/model.onnx'], two['speech/model.onnx'])
    const desired = at.centre.publish(two, { version: '1.1.0' })
    const recording = await recorded(async (installer) => {
      expect((await installer.install(desired, signal)).kind).toBe('committed')
    })
    const seen = new Set<string | null>()
    const images = await eachImage(recording, async ({ folder, acknowledged, name }) => {
      const versions = { '1.0.0': one, '1.1.0': two }
      const { found, after } = await woken(folder, { versions, desired, name })
      expect(found, name).not.toBeNull()
      if (acknowledged) expect(found, name).toBe('1.1.0')
      expect(after, name).toBe('1.1.0')
      seen.add(found)
    })
    expect(images).toBeGreaterThan(150 / STRIDE)
    expect(seen).toEqual(new Set(['1.0.0', '1.1.0']))
  })

  it('of a rollback leaves a bundle that is whole, and ends with the one that was committed last', async () => {
    const good = at.centre.publish(one)
    await (await at.device({}, hurried)).install(good, signal)
    const bad = at.centre.publish(two, { version: '1.1.0' })
    const confirm = async (dir: string): Promise<void> => {
      if (!(await readFile(join(dir, 'speech/model.onnx'))).equals(two['speech/model.onnx'])) return
      throw new Error('it does not load')
    }
    const recording = await recorded(async () => {
      const installer = await at.device({ trials: { confirm } })
      expect(await installer.install(bad, signal)).toMatchObject({ code: 'confirmation_failed' })
    })
    await eachImage(recording, async ({ folder, acknowledged, name }) => {
      const installer = await at.device({ folder, trials: { confirm } }, hurried)
      const found = await installer.active('models')
      const files = found?.version === '1.1.0' && !acknowledged ? two : one
      expect(await holdsWhole(found?.dir ?? '', files), name).toBe(true)
      await installer.resume(signal)
      await installer.install(bad, signal)
      const after = await installer.active('models')
      expect([after?.version, await holdsWhole(after?.dir ?? '', one)], name).toEqual(['1.0.0', true])
    })
  })
})
