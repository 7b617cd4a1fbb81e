import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { failingDisk, PowerCut } from './failing-disk.ts'
import { keptFolder, signal, small, updateStage } from './stage.ts'

const at = updateStage()
/** Every so manieth change, so that the suite stays quick; STRIDE=1 meets each. */
const STRIDE = Number(process.env['STRIDE'] ?? 4)
const [one, two] = [small(1), small(3)]

/** Nothing here reads what only a sync would have saved. */
const hurried: Disk = { ...realDisk, sync: async () => await Promise.resolve() }

describe('a power cut', () => {
  it('at any change of the disk leaves the old or the new bundle, whole, and the install finishes', async () => {
    const desiredOne = at.centre.publish(one)
    const desiredTwo = at.centre.publish(two, { version: '1.1.0' })
    const counting = failingDisk(Infinity)
    await (await at.device({}, hurried)).install(desiredOne, signal)
    const restored = await keptFolder(at.folder)
    await (await at.device({}, counting)).install(desiredTwo, signal)
    const changes = counting.changes()
    expect(changes).toBeGreaterThan(60)
    for (let cut = 1; cut <= changes; cut += STRIDE) {
      await restored()
      const dying = await at.device({}, failingDisk(cut))
      await expect(dying.install(desiredTwo, signal), `cut at ${cut}`).rejects.toThrow(PowerCut)
      const woken = await at.device({}, hurried)
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

  it('at any change of a rollback leaves the committed bundle running in the end', async () => {
    const desiredOne = at.centre.publish(one)
    const desiredTwo = at.centre.publish(two, { version: '1.1.0' })
    const failing = async (dir: string): Promise<void> => {
      if ((await readFile(join(dir, 'speech/model.onnx'))).equals(two['speech/model.onnx']))
        throw new Error('it does not load')
    }
    const counting = failingDisk(Infinity)
    await (await at.device({}, hurried)).install(desiredOne, signal)
    const restored = await keptFolder(at.folder)
    await (await at.device({ trials: { confirm: failing } }, counting)).install(desiredTwo, signal)
    for (let cut = 1; cut <= counting.changes(); cut += STRIDE) {
      await restored()
      await expect(
        (await at.device({ trials: { confirm: failing } }, failingDisk(cut))).install(desiredTwo, signal),
      ).rejects.toThrow(/power cut/)
      const woken = await at.device({ trials: { confirm: failing } }, hurried)
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
