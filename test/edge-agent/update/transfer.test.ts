/** Bundles that come by deltas: the fewest bytes, byte for byte, and the full file where a delta is not what it says. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeDelta } from '../../../rollout/delta/encode.ts'
import { seeded } from '../../../shared/seeded.ts'
import { one, signal, updateStage } from './stage.ts'

const at = updateStage()
const base = one['speech/model.onnx']
/** One byte in a hundred another. */
const step = (bytes: Uint8Array, seed: number): Uint8Array =>
  bytes.map((byte, index) => ((index * 7 + seed) % 100 === 0 ? byte ^ 1 : byte))
const second = step(base, 1)
const third = step(second, 2)
const files = (model: Uint8Array): Record<string, Uint8Array> => ({ ...one, 'speech/model.onnx': model })
const metered = { link: () => ({ linkClass: 'metered' as const }) }

const fetched = (sha256: string): number => at.centre.served.filter((what) => what.startsWith(sha256)).length
async function runs(model: Uint8Array): Promise<void> {
  const active = await (await at.device()).active('models')
  expect((await readFile(join(active?.dir ?? '', 'speech/model.onnx'))).equals(model)).toBe(true)
}

describe('a bundle that comes by deltas', () => {
  it('moves the delta alone, makes the very file, and says what it moved and what the whole would have been', async () => {
    const installer = await at.device(metered)
    const first = { ...at.centre.publish(one), fullOnMetered: true }
    expect((await installer.install(first, signal)).kind).toBe('committed')
    const delta = at.centre.offerDelta(base, second)
    at.centre.served.length = 0
    const newer = at.centre.publish(files(second), { version: '1.1.0' })
    expect((await installer.install(newer, signal)).kind).toBe('committed')
    await runs(second)
    expect(at.centre.served).toEqual([`${newer.envelopeSha256}:0`, `${delta.sha256}:0`])
    expect(await installer.report()).toMatchObject([
      { transfer: { moveBytes: delta.sizeBytes, fullBytes: base.length } },
    ])
  })

  it('walks a chain from what it holds, and goes on where the link or the power was cut', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    at.centre.offerDelta(base, second)
    at.centre.offerDelta(second, third)
    const newer = at.centre.publish(files(third), { version: '1.2.0' })
    at.centre.served.length = 0
    for (let cut = 0; cut < 10; cut += 1) {
      at.centre.cutAfter(1)
      const installer = await at.device()
      await installer.resume(signal)
      const { kind } = await installer.install(newer, signal)
      if (kind === 'committed') break
      expect(kind).toBe('deferred')
    }
    await runs(third)
    expect(new Set(at.centre.served).size).toBe(at.centre.served.length)
    expect(at.centre.served).toHaveLength(3)
  })

  it('waits on a metered link where only the full file would do, unless it may go', async () => {
    const installer = await at.device(metered)
    const bundle = at.centre.publish(one)
    expect(await installer.install(bundle, signal)).toEqual({
      kind: 'deferred',
      reason: 'full_file_on_metered_link',
    })
    expect(at.centre.served).toHaveLength(1)
    expect((await installer.install({ ...bundle, offer: 1, fullOnMetered: true }, signal)).kind).toBe(
      'committed',
    )
  })

  it('keeps no delta, and nothing of the version before the last, once it is committed', async () => {
    const objects = async (): Promise<number> =>
      (await readdir(join(at.folder, 'content', 'objects'), { recursive: true })).filter((path) =>
        path.includes('/'),
      ).length
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const alone = await objects()
    at.centre.offerDelta(base, second)
    await installer.install(at.centre.publish(files(second), { version: '1.1.0' }), signal)
    expect(await objects()).toBe(alone + 1)
    at.centre.offerDelta(second, third)
    await installer.install(at.centre.publish(files(third), { version: '1.2.0' }), signal)
    expect(await objects()).toBe(alone + 1)
    expect(await readdir(join(at.folder, 'plans'))).toEqual([])
  })
})

describe('a delta that is not what it says', () => {
  const good = encodeDelta(base, second).bytes
  const flipped = good.map((byte, index) => (index === good.length >> 1 ? byte ^ 8 : byte))
  const lies: readonly (readonly [string, () => unknown])[] = [
    ['damaged when it was made', () => at.centre.offerDelta(base, second, flipped)],
    ['cut short', () => at.centre.offerDelta(base, second, good.subarray(0, good.length - 40))],
    ['of another base', () => at.centre.offerDelta(base, second, encodeDelta(third, second).bytes)],
    ['to another target', () => at.centre.offerDelta(base, second, encodeDelta(base, third).bytes)],
    [
      'damaged on the way',
      () => {
        const { sha256 } = at.centre.offerDelta(base, second)
        at.centre.contents.set(sha256, flipped)
      },
    ],
    ['gone', () => at.centre.contents.delete(at.centre.offerDelta(base, second).sha256)],
  ]
  it.each(lies)('(%s) is left, and the full file is fetched', async (_what, offer) => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    offer()
    const newer = at.centre.publish(files(second), { version: '1.1.0' })
    expect((await installer.install(newer, signal)).kind).toBe('committed')
    await runs(second)
    expect(await installer.report()).toMatchObject([
      { state: 'committed', transfer: { moveBytes: base.length, fullBytes: base.length } },
    ])
  })

  it('never makes other bytes, whichever bit of it is flipped', async () => {
    const installer = await at.device()
    await installer.install(at.centre.publish(one), signal)
    const before = await installer.active('models')
    const random = seeded(11)
    const newer = at.centre.publish(files(second), { version: '1.1.0' })
    for (let tried = 0; tried < 20; tried += 1) {
      const place = Math.floor(random() * good.length)
      const bad = good.map((byte, index) => (index === place ? byte ^ (1 << Math.floor(random() * 8)) : byte))
      at.centre.offerDelta(base, second, bad)
    }
    expect(fetched(before?.envelopeSha256 ?? '')).toBe(1)
    expect((await installer.install(newer, signal)).kind).toBe('committed')
    await runs(second)
  })
})
