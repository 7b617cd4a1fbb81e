import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { openInstaller, type Installer, type InstallerParts } from '../../../edge-agent/update/installer.ts'
import { activatePerformer } from '../../../edge-agent/update/activation.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { UngatedEffect } from '../../../shared/kernel/admitted.ts'
import { parseRecordId, uuidV7 } from '../../../shared/ids.ts'
import { failingDisk, PowerCut } from './failing-disk.ts'
import { permittingKernel } from './permitting-kernel.ts'
import { publisher, type Publisher } from './publisher.ts'

const key = generateKeyPair()
const signal = new AbortController().signal
const big = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 600_000 }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff)
const one = { 'speech/model.onnx': big(1), 'intent/model.onnx': big(2).subarray(0, 5_000) }
const two = { 'speech/model.onnx': big(3), 'intent/model.onnx': big(2).subarray(0, 5_000) }

let folder: string
let centre: Publisher
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-update-'))
  centre = publisher(key)
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function device(change: Partial<InstallerParts> = {}, disk: Disk = realDisk): Promise<Installer> {
  return await openInstaller({
    folder,
    disk,
    ask: centre.ask,
    kernel: permittingKernel(),
    principal: { kind: 'process', id: 'updater', roles: ['updater'] },
    clock: { nowMs: () => Date.parse('2026-06-01T00:00:00.000Z'), monotonicMs: () => 0 },
    trust: {
      releaseKeys: [key.publicKey],
      threshold: 1,
      environment: 'development',
      runtimeVersion: '0.1.0',
    },
    smoke: async (dir) => {
      await readFile(join(dir, 'speech/model.onnx'))
    },
    confirm: async (dir) => {
      await readFile(join(dir, 'manifest.dsse.json'))
    },
    ...change,
  })
}

describe('installing a bundle', () => {
  it('brings a signed bundle into a slot, byte for byte, and reports it', async () => {
    const installer = await device()
    const outcome = await installer.install(centre.publish(one), signal)
    expect(outcome).toMatchObject({ kind: 'committed', bundle: { version: '1.0.0' } })
    const active = await installer.active('models')
    for (const [path, bytes] of Object.entries(one))
      expect((await readFile(join(active?.dir ?? '', path))).equals(bytes)).toBe(true)
    expect(await installer.report()).toMatchObject([{ name: 'models', state: 'committed' }])
  })

  it('does nothing for what runs already', async () => {
    const installer = await device()
    const desired = centre.publish(one)
    await installer.install(desired, signal)
    const servedBefore = centre.served.length
    expect((await installer.install(desired, signal)).kind).toBe('unchanged')
    expect(centre.served).toHaveLength(servedBefore)
  })

  it('moves to a newer version in the other slot and fetches only what it lacks', async () => {
    const installer = await device()
    await installer.install(centre.publish(one), signal)
    const first = await installer.active('models')
    centre.served.length = 0
    await installer.install(centre.publish(two, { version: '1.1.0' }), signal)
    const second = await installer.active('models')
    expect(second?.version).toBe('1.1.0')
    expect(second?.dir).not.toBe(first?.dir)
    expect(centre.served).toHaveLength(1 + 3)
  })

  it('fetches no verified piece twice when the link goes at any piece', async () => {
    const desired = centre.publish(one)
    const installer = await device()
    for (let round = 0; round < 12; round += 1) {
      centre.cutAfter(1)
      const outcome = await installer.install(desired, signal)
      if (outcome.kind === 'committed') break
      expect(outcome).toEqual({ kind: 'deferred', reason: 'centre_unreachable' })
    }
    expect((await installer.active('models'))?.version).toBe('1.0.0')
    expect(new Set(centre.served).size).toBe(centre.served.length)
  })

  const refusals: readonly (readonly [string, () => ReturnType<Publisher['publish']>, string])[] = [
    ['an older version', () => centre.publish(two, { version: '0.9.0' }), 'manifest_version_rollback'],
    ['the same version with other content', () => centre.publish(two), 'manifest_version_reused'],
    [
      'another environment',
      () => centre.publish(two, { version: '2.0.0', environment: 'production' }),
      'manifest_foreign_environment',
    ],
    [
      'an expired one',
      () => centre.publish(two, { version: '2.0.0', expiresAt: '2026-05-01T00:00:00.000Z' }),
      'manifest_expired',
    ],
    [
      'a foreign signature',
      () => centre.publish(two, { version: '2.0.0' }, generateKeyPair()),
      'manifest_not_signed',
    ],
    [
      'a manifest that is not what was named',
      () => {
        const desired = centre.publish(two, { version: '2.0.0' })
        const bytes = Buffer.from(centre.contents.get(desired.envelopeSha256) ?? [])
        bytes[40] = (bytes[40] ?? 0) ^ 1
        centre.contents.set(desired.envelopeSha256, bytes)
        return desired
      },
      'manifest_not_as_named',
    ],
    [
      'a tampered file',
      () => {
        const desired = centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of centre.contents)
          if (bytes === two['speech/model.onnx'])
            centre.contents.set(
              sha256,
              bytes.map((byte, at) => (at === 300_000 ? byte ^ 1 : byte)),
            )
        return desired
      },
      'content_mismatch',
    ],
    [
      'a file of another size',
      () => {
        const desired = centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of centre.contents)
          if (bytes === two['speech/model.onnx']) centre.contents.set(sha256, bytes.subarray(0, 500_000))
        return desired
      },
      'content_mismatch',
    ],
    [
      'content that the centre does not have',
      () => {
        const desired = centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of centre.contents)
          if (bytes === two['speech/model.onnx']) centre.contents.delete(sha256)
        return desired
      },
      'unknown_content',
    ],
  ]
  it.each(refusals)('refuses %s and leaves the running slot untouched', async (_name, publish, code) => {
    const installer = await device()
    await installer.install(centre.publish(one), signal)
    const before = await installer.active('models')
    const outcome = await installer.install(publish(), signal)
    expect(outcome).toMatchObject({ kind: 'refused', code })
    expect(await installer.active('models')).toEqual(before)
    for (const [path, bytes] of Object.entries(one))
      expect((await readFile(join(before?.dir ?? '', path))).equals(bytes)).toBe(true)
    expect(await installer.report()).toMatchObject([{ state: 'refused', code }])
  })

  it('does not try a refused manifest again, and takes mended content', async () => {
    const installer = await device()
    await installer.install(centre.publish(one), signal)
    const expired = centre.publish(two, { version: '2.0.0', expiresAt: '2026-05-01T00:00:00.000Z' })
    await installer.install(expired, signal)
    const served = centre.served.length
    expect((await installer.install(expired, signal)).kind).toBe('refused')
    expect(centre.served).toHaveLength(served)
    const desired = centre.publish(two, { version: '2.0.0' })
    const sha256 = [...centre.contents].find(([, bytes]) => bytes === two['speech/model.onnx'])?.[0] ?? ''
    centre.contents.set(sha256, new Uint8Array(600_000))
    expect((await installer.install(desired, signal)).kind).toBe('refused')
    centre.contents.set(sha256, two['speech/model.onnx'])
    expect((await installer.install(desired, signal)).kind).toBe('committed')
  })

  it('finds a byte that changed on its own disk between fetch and verify', async () => {
    const desired = centre.publish(one)
    const sha256 = [...centre.contents].find(([, bytes]) => bytes === one['speech/model.onnx'])?.[0] ?? ''
    const object = join(folder, 'content', 'objects', sha256.slice(0, 2), sha256)
    const disk: Disk = {
      ...realDisk,
      rename: async (from, to) => {
        await realDisk.rename(from, to)
        if (to === object) await writeFile(object, new Uint8Array(600_000))
      },
    }
    expect(await (await device({}, disk)).install(desired, signal)).toMatchObject({
      kind: 'refused',
      step: 'VERIFY',
      code: 'content_mismatch',
    })
  })

  it('goes back when the smoke test fails, and when the process does not take the bundle up', async () => {
    const installer = await device()
    await installer.install(centre.publish(one), signal)
    const before = await installer.active('models')
    const failing = async (): Promise<void> => await Promise.reject(new Error('golden vector 3 differs'))
    const smoked = await (
      await device({ smoke: failing })
    ).install(centre.publish(two, { version: '2.0.0' }), signal)
    expect(smoked).toMatchObject({ kind: 'refused', step: 'SMOKE', code: 'smoke_failed' })
    expect(await installer.active('models')).toEqual(before)
    const confirmed = await (
      await device({ confirm: failing })
    ).install(centre.publish(two, { version: '2.0.1' }), signal)
    expect(confirmed).toMatchObject({ kind: 'refused', step: 'CONFIRM', code: 'confirmation_failed' })
    expect(await installer.active('models')).toEqual(before)
  })

  it('does not change the slot when policy denies it', async () => {
    const installer = await device({ kernel: permittingKernel(['bundle.activate']) })
    expect(await installer.install(centre.publish(one), signal)).toMatchObject({
      kind: 'refused',
      step: 'ACTIVATE',
      code: 'activation_denied',
    })
    expect(await installer.active('models')).toBeNull()
  })

  it('defers while the disk is full', async () => {
    const full: Disk = {
      ...realDisk,
      writeAt: async (path, offset, bytes) => {
        if (path.endsWith('.part')) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
        await realDisk.writeAt(path, offset, bytes)
      },
    }
    const desired = centre.publish(one)
    expect(await (await device({}, full)).install(desired, signal)).toEqual({
      kind: 'deferred',
      reason: 'disk_full',
    })
    expect((await (await device()).install(desired, signal)).kind).toBe('committed')
  })

  it('activates only through the kernel, and says after a crash whether it did', async () => {
    const kernel = permittingKernel()
    const installer = await device({ kernel })
    await installer.install(centre.publish(one), signal)
    expect(kernel.admitted.map(({ action }) => action)).toEqual(['bundle.activate'])
    const performer = activatePerformer(installer.slots)
    await expect(performer.perform({} as never, signal)).rejects.toThrow(UngatedEffect)
    const input = kernel.admitted[0]?.input as { envelopeSha256: string }
    const intent = {
      recordId: parseRecordId(uuidV7(1, new Uint8Array(10))),
      action: 'bundle.activate',
      resource: { type: 'bundle', id: 'models' },
    }
    expect(await performer.resolve({ ...intent, input })).toBe('took_place')
    expect(await performer.resolve({ ...intent, input: { ...input, envelopeSha256: 'f'.repeat(64) } })).toBe(
      'did_not_take_place',
    )
    expect(await performer.resolve({ ...intent, input: null })).toBe('unknown')
  })
})

describe('a power cut', () => {
  it('at every single change of the disk leaves the old or the new bundle, whole, and the install finishes', async () => {
    const desiredOne = centre.publish(one)
    const desiredTwo = centre.publish(two, { version: '1.1.0' })
    const counting = failingDisk(Infinity)
    await (await device()).install(desiredOne, signal)
    await (await device({}, counting)).install(desiredTwo, signal)
    const changes = counting.changes()
    expect(changes).toBeGreaterThan(60)
    for (let cut = 1; cut <= changes; cut += 1) {
      await rm(folder, { recursive: true, force: true })
      await (await device()).install(desiredOne, signal)
      const dying = await device({}, failingDisk(cut))
      await expect(dying.install(desiredTwo, signal), `cut at ${cut}`).rejects.toThrow(PowerCut)
      const woken = await device()
      const found = await woken.active('models')
      const expected = found?.version === '1.1.0' ? two : one
      expect(
        (await readFile(join(found?.dir ?? '', 'speech/model.onnx'))).equals(expected['speech/model.onnx']),
      ).toBe(true)
      await woken.resume(signal)
      const outcome = await woken.install(desiredTwo, signal)
      expect(['committed', 'unchanged'], `after the cut at ${cut}`).toContain(outcome.kind)
      expect((await woken.active('models'))?.version).toBe('1.1.0')
    }
  })

  it('at every change of a rollback leaves the committed bundle running in the end', async () => {
    const desiredOne = centre.publish(one)
    const desiredTwo = centre.publish(two, { version: '1.1.0' })
    const failing = async (dir: string): Promise<void> => {
      if ((await readFile(join(dir, 'speech/model.onnx'))).equals(two['speech/model.onnx']))
        throw new Error('it does not load')
    }
    const counting = failingDisk(Infinity)
    await (await device()).install(desiredOne, signal)
    await (await device({ confirm: failing }, counting)).install(desiredTwo, signal)
    for (let cut = 1; cut <= counting.changes(); cut += 1) {
      await rm(folder, { recursive: true, force: true })
      await (await device()).install(desiredOne, signal)
      await expect(
        (await device({ confirm: failing }, failingDisk(cut))).install(desiredTwo, signal),
      ).rejects.toThrow(/power cut/)
      const woken = await device({ confirm: failing })
      await woken.resume(signal)
      await woken.install(desiredTwo, signal)
      const active = await woken.active('models')
      expect(active?.version, `cut at ${cut}`).toBe('1.0.0')
      expect(
        (await readFile(join(active?.dir ?? '', 'speech/model.onnx'))).equals(one['speech/model.onnx']),
      ).toBe(true)
    }
  })
})
