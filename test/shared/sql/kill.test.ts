import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LOCK_FILE } from '../../../shared/folder-lock.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import { dataFolder } from '../../support/data-folder.ts'

const COMMITTER = fileURLToPath(new URL('./committer.mjs', import.meta.url))

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeEach(async () => {
  folder = await dataFolder('sql-kill')
})
afterEach(async () => await folder.remove())

interface Killed {
  readonly pid: number
  /** Every number that the process printed before it died, in order. */
  readonly acknowledged: readonly number[]
}

/** Lets a process commit after `last`, and kills it when it has acknowledged `count`, in the middle of the next. */
async function commitUntilKilled(last: number, count: number): Promise<Killed> {
  const child = spawn(process.execPath, [COMMITTER, folder.path, String(last)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const acknowledged: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) continue
    acknowledged.push(Number(line))
    if (acknowledged.length >= count) child.kill('SIGKILL')
  }
  await gone
  return { pid: child.pid ?? 0, acknowledged }
}

describe('a process killed while it commits', () => {
  it('loses no acknowledged commit, keeps no half of one, and leaves a folder that opens', async () => {
    const schema = await openDatabase({ dir: folder.path })
    await schema.script(`create table entry (n int primary key, text text not null);
      create table total (entries int not null, last int not null); insert into total values (0, 0)`)
    await schema.close()

    let acknowledged = 0
    let last = 0
    for (const count of [1, 40, 150, 400]) {
      const killed = await commitUntilKilled(last, count)
      acknowledged += killed.acknowledged.length
      expect(killed.acknowledged.length).toBeGreaterThanOrEqual(count)
      expect(readFileSync(join(folder.path, LOCK_FILE), 'utf8')).toContain(`"pid":${String(killed.pid)}`)

      const db = await openDatabase({ dir: folder.path })
      const rows = await db.query<{ n: number }>('select n from entry order by n')
      const kept = new Set(rows.map(({ n }) => n))
      expect(killed.acknowledged.filter((n) => !kept.has(n))).toEqual([])
      // Only the commit that was under way may be there without having been acknowledged.
      const newest = rows.at(-1)?.n ?? 0
      expect(newest - (killed.acknowledged.at(-1) ?? 0)).toBeLessThanOrEqual(1)
      expect(await db.query('select entries, last from total')).toEqual([
        { entries: rows.length, last: newest },
      ])
      await db.close()
      last = newest
    }
    expect(acknowledged).toBeGreaterThanOrEqual(591)
  })

  it('loses nothing when the process that recovers is killed too', async () => {
    const schema = await openDatabase({ dir: folder.path })
    await schema.script(`create table entry (n int primary key, text text not null);
      create table total (entries int not null, last int not null); insert into total values (0, 0)`)
    await schema.close()
    const first = await commitUntilKilled(0, 30)
    // Numbers far from the first ones: each of these processes recovers what the one before left.
    const second = await commitUntilKilled(1_000, 1)
    const third = await commitUntilKilled(2_000, 1)
    const db = await openDatabase({ dir: folder.path })
    const kept = new Set((await db.query<{ n: number }>('select n from entry')).map(({ n }) => n))
    const printed = [first, second, third].flatMap((killed) => killed.acknowledged)
    expect(printed.length).toBeGreaterThanOrEqual(32)
    expect(printed.filter((n) => !kept.has(n))).toEqual([])
    await db.close()
  })
})
