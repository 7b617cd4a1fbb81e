import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import type { Trials } from '../../../edge-agent/update/installer.ts'
import { MAX_ATTEMPTS } from '../../../rollout/install.ts'
import { activatePerformer } from '../../../edge-agent/update/activation.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { UngatedEffect } from '../../../shared/kernel/admitted.ts'
import { parseRecordId, uuidV7 } from '../../../shared/ids.ts'
import { permittingKernel } from './permitting-kernel.ts'
import type { Publisher } from './publisher.ts'
import { one, signal, two, updateStage } from './stage.ts'

const at = updateStage()

describe('installing a bundle', () => {
  it('brings a signed bundle into a slot, byte for byte, and reports it', async () => {
    const installer = await at.device()
    const outcome = await installer.install(at.centre.publish(one), signal)
    expect(outcome).toMatchObject({ kind: 'committed', bundle: { version: '1.0.0' } })
    const active = await installer.active('models')
    for (const [path, bytes] of Object.entries(one))
      expect((await readFile(join(active?.dir ?? '', path))).equals(bytes)).toBe(true)
    expect(await installer.report()).toMatchObject([{ name: 'models', state: 'committed' }])
  })

  it('does nothing for what runs already', async () => {
    const installer = await at.device()
    const desired = at.centre.publish(one)
    await installer.install(desired, signal)
    const servedBefore = at.centre.served.length
    expect((await installer.install(desired, signal)).kind).toBe('unchanged')
    expect(at.centre.served).toHaveLength(servedBefore)
  })

  it('moves to a newer version in the other slot and fetches only what it lacks', async () => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const first = await installer.active('models')
    at.centre.served.length = 0
    await installer.install(at.centre.publish(two, { version: '1.1.0' }), signal)
    const second = await installer.active('models')
    expect(second?.version).toBe('1.1.0')
    expect(second?.dir).not.toBe(first?.dir)
    expect(at.centre.served).toHaveLength(1 + 3)
  })

  it('fetches no verified piece twice when the link goes at any piece', async () => {
    const desired = at.centre.publish(one)
    const installer = await at.device()
    for (let round = 0; round < 12; round += 1) {
      at.centre.cutAfter(1)
      const outcome = await installer.install(desired, signal)
      if (outcome.kind === 'committed') break
      expect(outcome).toEqual({ kind: 'deferred', reason: 'centre_unreachable' })
    }
    expect((await installer.active('models'))?.version).toBe('1.0.0')
    expect(new Set(at.centre.served).size).toBe(at.centre.served.length)
  })

  const refusals: readonly (readonly [string, () => ReturnType<Publisher['publish']>, string])[] = [
    ['an older version', () => at.centre.publish(two, { version: '0.9.0' }), 'manifest_version_rollback'],
    ['the same version with other content', () => at.centre.publish(two), 'manifest_version_reused'],
    [
      'another environment',
      () => at.centre.publish(two, { version: '2.0.0', environment: 'production' }),
      'manifest_foreign_environment',
    ],
    [
      'an expired one',
      () => at.centre.publish(two, { version: '2.0.0', expiresAt: '2026-05-01T00:00:00.000Z' }),
      'manifest_expired',
    ],
    [
      'a foreign signature',
      () => at.centre.publish(two, { version: '2.0.0' }, generateKeyPair()),
      'manifest_not_signed',
    ],
    [
      'a manifest that is not what was named',
      () => {
        const desired = at.centre.publish(two, { version: '2.0.0' })
        const bytes = Buffer.from(at.centre.contents.get(desired.envelopeSha256) ?? [])
        bytes[40] = (bytes[40] ?? 0) ^ 1
        at.centre.contents.set(desired.envelopeSha256, bytes)
        return desired
      },
      'manifest_not_as_named',
    ],
    [
      'a tampered file',
      () => {
        const desired = at.centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of at.centre.contents)
          if (bytes === two['speech/model.onnx'])
            at.centre.contents.set(
              sha256,
              bytes.map((byte, place) => (place === 300_000 ? byte ^ 1 : byte)),
            )
        return desired
      },
      'content_mismatch',
    ],
    [
      'a file of another size',
      () => {
        const desired = at.centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of at.centre.contents)
          if (bytes === two['speech/model.onnx']) at.centre.contents.set(sha256, bytes.subarray(0, 500_000))
        return desired
      },
      'content_mismatch',
    ],
    [
      'content that the centre does not have',
      () => {
        const desired = at.centre.publish(two, { version: '2.0.0' })
        for (const [sha256, bytes] of at.centre.contents)
          if (bytes === two['speech/model.onnx']) at.centre.contents.delete(sha256)
        return desired
      },
      'unknown_content',
    ],
  ]
  it.each(refusals)('refuses %s and leaves the running slot untouched', async (_name, publish, code) => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const before = await installer.active('models')
    const outcome = await installer.install(publish(), signal)
    expect(outcome).toMatchObject({ kind: 'refused', code })
    expect(await installer.active('models')).toEqual(before)
    for (const [path, bytes] of Object.entries(one))
      expect((await readFile(join(before?.dir ?? '', path))).equals(bytes)).toBe(true)
    expect(await installer.report()).toMatchObject([{ state: 'refused', code }])
  })

  it('does not try a refused manifest again, and takes mended content', async () => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const expired = at.centre.publish(two, { version: '2.0.0', expiresAt: '2026-05-01T00:00:00.000Z' })
    await installer.install(expired, signal)
    const served = at.centre.served.length
    expect((await installer.install(expired, signal)).kind).toBe('refused')
    expect(at.centre.served).toHaveLength(served)
    const desired = at.centre.publish(two, { version: '2.0.0' })
    const sha256 = [...at.centre.contents].find(([, bytes]) => bytes === two['speech/model.onnx'])?.[0] ?? ''
    at.centre.contents.set(sha256, new Uint8Array(600_000))
    expect((await installer.install(desired, signal)).kind).toBe('refused')
    at.centre.contents.set(sha256, two['speech/model.onnx'])
    expect((await installer.install(desired, signal)).kind).toBe('committed')
  })

  it('finds a byte that changed on its own disk between fetch and verify', async () => {
    const desired = at.centre.publish(one)
    const sha256 = [...at.centre.contents].find(([, bytes]) => bytes === one['speech/model.onnx'])?.[0] ?? ''
    const object = join(at.folder, 'content', 'objects', sha256.slice(0, 2), sha256)
    const disk: Disk = {
      ...realDisk,
      rename: async (from, to) => {
        await realDisk.rename(from, to)
        if (to === object) await writeFile(object, new Uint8Array(600_000))
      },
    }
    expect(await (await at.device({}, disk)).install(desired, signal)).toMatchObject({
      kind: 'refused',
      step: 'VERIFY',
      code: 'content_mismatch',
    })
  })

  it('goes back when the smoke test fails, and when the process does not take the bundle up', async () => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const before = await installer.active('models')
    const failing = async (): Promise<void> => await Promise.reject(new Error('golden vector 3 differs'))
    const smoked = await (
      await at.device({ trials: { smoke: failing } })
    ).install(at.centre.publish(two, { version: '2.0.0' }), signal)
    expect(smoked).toMatchObject({ kind: 'refused', step: 'SMOKE', code: 'smoke_failed' })
    expect(await installer.active('models')).toEqual(before)
    const confirmed = await (
      await at.device({ trials: { confirm: failing } })
    ).install(at.centre.publish(two, { version: '2.0.1' }), signal)
    expect(confirmed).toMatchObject({ kind: 'refused', step: 'CONFIRM', code: 'confirmation_failed' })
    expect(await installer.active('models')).toEqual(before)
  })

  it('does not change the slot when policy denies it', async () => {
    const installer = await at.device({ kernel: permittingKernel(['bundle.activate']) })
    expect(await installer.install(at.centre.publish(one), signal)).toMatchObject({
      kind: 'refused',
      step: 'ACTIVATE',
      code: 'activation_denied',
    })
    expect(await installer.active('models')).toBeNull()
  })

  it('parks bytes that failed three times, over restarts, until an operator orders them again', async () => {
    const smokes: string[] = []
    const smoke = async (dir: string): Promise<void> => {
      smokes.push(dir)
      await Promise.reject(new Error('golden vector 3 differs'))
    }
    await (await at.device()).install(at.centre.publish(one), signal)
    const bad = at.centre.publish(two, { version: '2.0.0' })
    const kinds: string[] = []
    for (let round = 0; round < 5; round += 1)
      kinds.push((await (await at.device({ trials: { smoke } })).install(bad, signal)).kind)
    expect(kinds).toEqual(['refused', 'refused', 'parked', 'parked', 'parked'])
    expect(smokes).toHaveLength(MAX_ATTEMPTS)
    expect(await (await at.device()).report()).toMatchObject([{ state: 'parked', code: 'smoke_failed' }])
    expect((await (await at.device()).install({ ...bad, offer: 9 }, signal)).kind).toBe('committed')
  })

  it('says that it is at what is wanted when the centre takes a bundle back that the device gave up', async () => {
    const installer = await at.device({
      trials: { smoke: async () => await Promise.reject(new Error('no')) },
    })
    const good = at.centre.publish(one)
    await (await at.device()).install(good, signal)
    await installer.install(at.centre.publish(two, { version: '2.0.0' }), signal)
    expect(await installer.report()).toMatchObject([{ state: 'refused', version: '2.0.0' }])
    expect((await installer.install(good, signal)).kind).toBe('unchanged')
    expect(await installer.report()).toMatchObject([{ state: 'committed', version: '1.0.0' }])
  })

  it('goes back to an older bundle only from the very one that the director names', async () => {
    const installer = await at.device()
    const old = at.centre.publish(one)
    const fresh = at.centre.publish(two, { version: '1.1.0' })
    await installer.install(old, signal)
    await installer.install(fresh, signal)
    const elsewhere = { ...old, offer: 1, returnFrom: 'f'.repeat(64) }
    expect(await installer.install(elsewhere, signal)).toMatchObject({ code: 'manifest_version_rollback' })
    const signed = { ...old, offer: 2, returnFrom: fresh.envelopeSha256 }
    expect((await installer.install(signed, signal)).kind).toBe('committed')
    expect((await installer.active('models'))?.version).toBe('1.0.0')
  })

  it('defers before it fetches where there is no room, and goes on when there is', async () => {
    const desired = at.centre.publish(one)
    const cramped: Disk = { ...realDisk, freeBytes: async () => await Promise.resolve(600_000) }
    expect(await (await at.device({}, cramped)).install(desired, signal)).toEqual({
      kind: 'deferred',
      reason: 'no_room',
    })
    expect(at.centre.served).toHaveLength(1)
    expect((await (await at.device()).install(desired, signal)).kind).toBe('committed')
  })

  it('runs a shadow before anything is acted on, round after round, and goes no further where it disagrees', async () => {
    const answers: ('later' | 'enough')[] = ['later', 'later', 'enough']
    const seen: string[] = []
    const shadow: Trials['shadow'] = async (dir, { wish }) => {
      seen.push(`${dir.slice(-1)} ${wish.turns}`)
      return await Promise.resolve(answers.shift() ?? 'later')
    }
    const desired = { ...at.centre.publish(two, { version: '2.0.0' }), shadow: { turns: 5, hours: 1 } }
    await (await at.device()).install(at.centre.publish(one), signal)
    const installer = await at.device({ trials: { shadow } })
    expect(await installer.install(desired, signal)).toEqual({ kind: 'deferred', reason: 'shadowing' })
    expect((await installer.active('models'))?.version).toBe('1.0.0')
    await (await at.device({ trials: { shadow } })).resume(signal)
    expect((await installer.active('models'))?.version).toBe('1.0.0')
    at.centre.cutAfter(0)
    await installer.tend(signal)
    expect(await installer.report()).toMatchObject([{ state: 'committed', version: '2.0.0' }])
    expect(seen).toEqual(['b 5', 'b 5', 'b 5'])
    at.centre.cutAfter(Infinity)
    const third = { ...at.centre.publish(one, { version: '3.0.0' }), shadow: { turns: 5, hours: 1 } }
    const disagreeing = await at.device({
      trials: { shadow: async () => await Promise.reject(new Error('4 of 5 turns differ')) },
    })
    expect(await disagreeing.install(third, signal)).toMatchObject({ kind: 'refused', step: 'SHADOW' })
    expect(await (await at.device()).install({ ...third, offer: 1 }, signal)).toMatchObject({
      code: 'shadow_unsupported',
    })
  })

  it('defers while the disk is full', async () => {
    const full: Disk = {
      ...realDisk,
      writeAt: async (path, offset, bytes) => {
        if (path.endsWith('.part')) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
        await realDisk.writeAt(path, offset, bytes)
      },
    }
    const desired = at.centre.publish(one)
    expect(await (await at.device({}, full)).install(desired, signal)).toEqual({
      kind: 'deferred',
      reason: 'disk_full',
    })
    expect((await (await at.device()).install(desired, signal)).kind).toBe('committed')
  })

  it('activates only through the kernel, and says after a crash whether it did', async () => {
    const kernel = permittingKernel()
    const installer = await at.device({ kernel })
    await installer.install(at.centre.publish(one), signal)
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
