/** A disk that fails at each of its operations in turn: what is trusted stays whole, and the next update goes through. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { MetadataFolder } from '../../../edge-agent/tuf/metadata-folder.ts'
import { Updater } from '../../../edge-agent/tuf/updater.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { memorySource } from '../../support/tuf-memory-source.ts'
import { TestRepository } from '../../support/tuf-repository.ts'

const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const

class DiskFull extends Error {}

/** Fails at its operation number `at`, after half of a write. */
function failing(at: number): Disk & { count: number } {
  const disk = {
    ...realDisk,
    count: 0,
    step: (): void => {
      disk.count += 1
      if (disk.count === at) throw new DiskFull('no space left on device')
    },
    makeFolder: async (path: string) => {
      disk.step()
      await realDisk.makeFolder(path)
    },
    writeAt: async (path: string, offset: number, bytes: Uint8Array) => {
      if (disk.count + 1 === at) await realDisk.writeAt(path, offset, bytes.subarray(0, bytes.length >> 1))
      disk.step()
      await realDisk.writeAt(path, offset, bytes)
    },
    sync: async (path: string) => {
      disk.step()
      await realDisk.sync(path)
    },
    rename: async (from: string, to: string) => {
      disk.step()
      await realDisk.rename(from, to)
    },
    remove: async (path: string) => {
      disk.step()
      await realDisk.remove(path)
    },
  }
  return disk
}

it('leaves every file old or new, and recovers', async () => {
  const folder = await dataFolder('tuf-disk')
  try {
    const repository = new TestRepository('ed25519')
    const path = join(folder.path, 'metadata')
    await new MetadataFolder(path).write('root', repository.latest('root'))
    await Updater.refreshed(memorySource(repository), new MetadataFolder(path), Date.now())
    let operations = 1
    for (let at = 1; at <= operations; at += 1) {
      const old = new Map(ROLES.map((role) => [role, repository.latest(role)]))
      repository.publish('root', 'targets', 'snapshot', 'timestamp')
      const disk = failing(at)
      await expect(
        Updater.refreshed(memorySource(repository), new MetadataFolder(path, disk), Date.now()),
      ).rejects.toBeInstanceOf(DiskFull)
      const held = new MetadataFolder(path)
      for (const role of ROLES) {
        const stored = Buffer.from((await held.read(role)) ?? new Uint8Array())
        expect(
          [old.get(role), repository.latest(role)].some((one) => stored.equals(one ?? new Uint8Array())),
        ).toBe(true)
      }
      const counting = failing(-1)
      repository.publish('timestamp')
      await Updater.refreshed(memorySource(repository), new MetadataFolder(path, counting), Date.now())
      for (const role of ROLES)
        expect(Buffer.from((await held.read(role)) ?? []).equals(repository.latest(role))).toBe(true)
      if (at === 1) operations = counting.count
    }
    expect(operations).toBeGreaterThanOrEqual(24)
  } finally {
    await folder.remove()
  }
})
