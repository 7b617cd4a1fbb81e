/**
 * The disk is full, or fails, at each write, sync, rename, link and removal of an install, once or from there on. What runs is the old
 * bundle or the new one, whole; why is told by name; and when the disk is well again, the install comes to its end.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { DiskFailed, DiskFull } from '../../../edge-agent/models-store/disk-trouble.ts'
import type { InstallOutcome } from '../../../edge-agent/update/installer.ts'
import { MAX_ATTEMPTS } from '../../../rollout/install.ts'
import { failingDisk, refusingDisk } from './failing-disk.ts'
import { holdsWhole, keptFolder, signal, small, updateStage } from './stage.ts'

const at = updateStage()
/** Every so manieth change, so that the suite stays quick; STRIDE=1 meets each. */
const STRIDE = Number(process.env['STRIDE'] ?? 7)
const [one, two] = [small(1), small(3)]
const hurried: Disk = { ...realDisk, sync: async () => await Promise.resolve() }

/** A device that runs the first bundle and may take the second, by delta; how many changes of the disk that takes. */
async function updating() {
  await (await at.device({}, hurried)).install(at.centre.publish(one), signal)
  at.centre.offerDelta(one['speech/model.onnx'], two['speech/model.onnx'])
  const desired = at.centre.publish(two, { version: '1.1.0' })
  const restored = await keptFolder(at.folder)
  const counting = failingDisk(Infinity)
  await (await at.device({}, counting)).install(desired, signal)
  return { desired, restored, changes: counting.changes() }
}

async function expectWhole(name: string): Promise<string> {
  const active = await (await at.device({}, hurried)).active('models')
  expect(await holdsWhole(active?.dir ?? '', active?.version === '1.1.0' ? two : one), name).toBe(true)
  return active?.version ?? ''
}

const CODES = { ENOSPC: 'disk_full', EIO: 'disk_failed' } as const

describe.each(['ENOSPC', 'EIO'] as const)('a disk that says %s', (code) => {
  it.each([
    ['once', 0],
    ['from there on', Infinity],
  ])('at any change of an update, %s, is told by name and costs no bundle', async (_how, more) => {
    const { desired, restored, changes } = await updating()
    expect(changes).toBeGreaterThan(60)
    for (let first = 1; first <= changes; first += STRIDE) {
      const name = `${code} at change ${first} of ${changes}`
      await restored()
      const sick = await at.device({}, refusingDisk({ first, last: first + more, code }))
      const outcome = await sick.install(desired, signal).catch((thrown: unknown) => thrown)
      if (outcome instanceof Error) {
        // The journal itself, or the way back: no state can be kept, so the round ends with the disk's own word.
        expect(outcome, name).toBeInstanceOf(code === 'ENOSPC' ? DiskFull : DiskFailed)
        expect((outcome as DiskFull).remedy, name).toMatch(/disk/)
      } else expectNamed(outcome as InstallOutcome, CODES[code], name)
      await expectWhole(name)
      const well = await at.device({}, hurried)
      await well.resume(signal)
      const after = await well.install(desired, signal)
      expect(['committed', 'unchanged'], `${name}: ${JSON.stringify(after)}`).toContain(after.kind)
      expect(await expectWhole(name)).toBe('1.1.0')
    }
  })
})

function expectNamed(outcome: InstallOutcome, code: string, name: string): void {
  const said = outcome.kind === 'deferred' ? outcome.reason : outcome.kind === 'refused' ? outcome.code : null
  // One that only kept it from tidying up, or from what is tried again at once, is none of anybody's business.
  if (said === null) expect(['committed'], name).toContain(outcome.kind)
  else expect(said, `${name}: ${JSON.stringify(outcome)}`).toBe(code)
}

describe('the budget of tries', () => {
  it('is spent by a disk that fails, and the bundle is parked; not by one that is full, however often', async () => {
    const desired = at.centre.publish(one)
    const sick = (code: 'ENOSPC' | 'EIO'): Disk => ({
      ...hurried,
      writeAt: async (path, offset, bytes) => {
        if (path.endsWith('.part')) throw Object.assign(new Error(code), { code, errno: -5 })
        await realDisk.writeAt(path, offset, bytes)
      },
    })
    const full = await at.device({}, sick('ENOSPC'))
    for (let round = 0; round < 2 * MAX_ATTEMPTS; round += 1)
      expect(await full.install(desired, signal)).toEqual({ kind: 'deferred', reason: 'disk_full' })
    const failing = await at.device({}, sick('EIO'))
    const kinds: string[] = []
    for (let round = 0; round < MAX_ATTEMPTS + 1; round += 1)
      kinds.push((await failing.install(desired, signal)).kind)
    expect(kinds).toEqual(['refused', 'refused', 'parked', 'parked'])
    expect(await failing.report()).toMatchObject([{ state: 'parked', code: 'disk_failed' }])
    const ordered = { ...desired, offer: 1 }
    expect((await (await at.device({}, hurried)).install(ordered, signal)).kind).toBe('committed')
  })
})

describe('a disk that is full for a while', () => {
  it('keeps every piece that was verified before, and asks for none twice', async () => {
    const desired = at.centre.publish(one)
    let room = 3
    const cramped: Disk = {
      ...hurried,
      writeAt: async (path, offset, bytes) => {
        if (path.endsWith('.part') && (room -= 1) < 0)
          throw Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28 })
        await realDisk.writeAt(path, offset, bytes)
      },
    }
    expect((await (await at.device({}, cramped)).install(desired, signal)).kind).toBe('deferred')
    expect((await readdir(join(at.folder, 'content'), { recursive: true })).length).toBeGreaterThan(0)
    const before = new Set(at.centre.served)
    const held = await (await at.device({}, hurried)).install(desired, signal)
    expect(held.kind).toBe('committed')
    const again = at.centre.served.slice(before.size)
    // What was refused room is asked for again, and no more.
    expect(again.length).toBeLessThan(before.size)
  })
})
