import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/seeded.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { CutDisk } from '../../support/power-cut/disk-image.ts'
import { faultOf, recordLoad, type Engine } from '../../support/power-cut/load.ts'
import type { Recording } from '../../support/power-cut/recorder.ts'

const COMMITS = 60
const IMAGES = 4

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeEach(async () => {
  folder = await dataFolder('power-cut')
})
afterEach(async () => await folder.remove())

/** What is wrong with each of {@link IMAGES} images, spread over the whole recording. */
async function faultsOf(engine: Engine): Promise<readonly (string | null)[]> {
  const recording = await recordLoad(engine, join(folder.path, engine), COMMITS)
  const disk = new CutDisk(recording)
  const faults: (string | null)[] = []
  for (let image = 1; image <= IMAGES; image++) {
    disk.advance(Math.floor((recording.operations.length * image) / IMAGES))
    const dir = join(folder.path, `image-${image}`)
    disk.write(join(dir, 'pgdata'), seeded(image))
    faults.push(await faultOf(dir, disk.acknowledged))
  }
  expect(disk.acknowledged).toBe(COMMITS)
  return faults
}

describe('a power cut', () => {
  it('leaves a database that opens, with every acknowledged commit and no half of one', async () => {
    expect(await faultsOf('syncing')).toEqual(Array.from({ length: IMAGES }, () => null))
  })

  it('ruins what PGlite writes by its own file system, which is how we know that these cuts bite', async () => {
    const faults = await faultsOf('stock')
    expect(faults.filter((fault) => fault !== null).length).toBeGreaterThanOrEqual(IMAGES - 1)
  })
})

describe('the model of a disk', () => {
  const lost = (): number => 0
  const recording = (...operations: Recording['operations']): Recording => ({
    baseline: { folders: [], files: new Map([['old', { file: 0, content: Buffer.from('durable') }]]) },
    operations,
  })
  const image = async (made: Recording, random: () => number): Promise<Readonly<Record<string, string>>> => {
    const disk = new CutDisk(made)
    disk.advance(made.operations.length)
    const root = await mkdtemp(join(folder.path, 'image-'))
    disk.write(root, random)
    const names = await readdir(root)
    const found: Record<string, string> = {}
    for (const name of names) found[name] = await readFile(join(root, name), 'utf8')
    return found
  }

  it('loses the bytes of a file that was not synced, and keeps those of one that was', async () => {
    const written = { kind: 'write', file: 0, at: 0, bytes: Buffer.from('DUR') } as const
    expect(await image(recording(written), lost)).toEqual({ old: 'durable' })
    expect(await image(recording(written, { kind: 'sync', file: 0 }), lost)).toEqual({ old: 'DURable' })
  })

  it('loses a synced file whose folder was not synced', async () => {
    const made = [
      { kind: 'create', path: 'new', file: 1 },
      { kind: 'write', file: 1, at: 0, bytes: Buffer.from('x') },
      { kind: 'sync', file: 1 },
    ] as const
    expect(await image(recording(...made), lost)).toEqual({ old: 'durable' })
    expect(await image(recording(...made, { kind: 'sync_folder', path: '' }), lost)).toEqual({
      old: 'durable',
      new: 'x',
    })
  })

  it('brings back a name that was removed or given to another file without a sync of its folder', async () => {
    expect(await image(recording({ kind: 'unlink', path: 'old' }), lost)).toEqual({ old: 'durable' })
    const moved = { kind: 'rename', file: 0, from: 'old', to: 'now' } as const
    expect(await image(recording(moved), lost)).toEqual({ old: 'durable' })
    expect(await image(recording(moved, { kind: 'sync_folder', path: '' }), lost)).toEqual({ now: 'durable' })
  })
})
