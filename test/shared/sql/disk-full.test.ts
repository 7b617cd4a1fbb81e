import { join } from 'node:path'
import { readdirSync, statfsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EmbeddedDatabase } from '../../../shared/sql/embedded-database.ts'
import { DiskFull } from '../../../shared/sql/errors.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import { mountSmallDisk, type SmallDisk } from '../../fabric/disk.ts'
import { dataFolder } from '../../support/data-folder.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let disk: SmallDisk | null = null
let db: EmbeddedDatabase | null = null
beforeEach(async () => {
  folder = await dataFolder('disk-full')
  disk = mountSmallDisk(join(folder.path, 'disk'))
})
afterEach(async () => {
  await db?.close()
  db = null
  disk?.unmount()
  await folder.remove()
})

/** The small disk; where none can be mounted (not root, or a container without the right) the test is skipped, and says so. */
function smallDisk(skip: (note: string) => never): SmallDisk {
  return disk ?? skip('mounting a tmpfs is not permitted here')
}

describe('a full disk', () => {
  it('refuses what does not fit, keeps all that was acknowledged, and goes on once there is space', async ({
    skip,
  }) => {
    const small = smallDisk(skip)
    db = await openDatabase({ dir: join(small.dir, 'database') })
    await db.script('create table entry (n int primary key, text text not null)')
    const acknowledged = new Set<number>()
    let next = 0
    const write = async (): Promise<unknown> => {
      const n = next++
      return await db
        ?.query('insert into entry values ($1, $2)', [n, 'x'.repeat(20_000)])
        .then(() => acknowledged.add(n))
    }
    for (let count = 0; count < 50; count += 1) await write()
    const unknown = new Set<number>()
    for (let round = 0; round < 2; round += 1) {
      small.fill()
      const failure = await untilItFails(write)
      expect(failure).toBeInstanceOf(DiskFull)
      if ((failure as DiskFull).outcome === 'unknown') unknown.add(next - 1)
      // While it is full, each further use says so again.
      await expect(untilItFails(write)).resolves.toMatchObject({ code: 'disk_full' })
      small.free()
      for (let count = 0; count < 20; count += 1) await write()
    }
    const kept = (await db.query<{ n: number }>('select n from entry order by n')).map(({ n }) => n)
    expect([...acknowledged].filter((n) => !kept.includes(n))).toEqual([])
    const unasked = kept.filter((n) => !acknowledged.has(n))
    expect(unasked.length).toBeLessThanOrEqual(4)
    await db.close()
    db = await openDatabase({ dir: join(small.dir, 'database') })
    expect(await db.query('select count(*) as entries from entry')).toEqual([{ entries: kept.length }])
  })

  it('makes no half of a new database, and makes it whole once there is space', async ({ skip }) => {
    const small = smallDisk(skip)
    const dir = join(small.dir, 'database')
    small.fill()
    await expect(openDatabase({ dir })).rejects.toMatchObject({ code: 'disk_full' })
    expect(readdirSync(dir)).toEqual([])
    small.free()
    const before = statfsSync(small.dir).bfree
    db = await openDatabase({ dir })
    expect(statfsSync(small.dir).bfree).toBeLessThan(before)
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
  })
})

/** Writes until a write is refused: what is left of a segment or a page still takes some. */
async function untilItFails(write: () => Promise<unknown>): Promise<unknown> {
  for (let count = 0; count < 10_000; count += 1) {
    const failure = await write().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure !== undefined) return failure
  }
  return undefined
}
