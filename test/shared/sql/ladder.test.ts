import { cp, mkdir, open as openFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../shared/clock.ts'
import type { EmbeddedDatabase } from '../../../shared/sql/embedded-database.ts'
import { DatabaseDamaged } from '../../../shared/sql/errors.ts'
import { openDatabase, type OpenDatabaseOptions } from '../../../shared/sql/open-database.ts'
import { settleRecovery, type Owner } from '../../../shared/sql/recovery/ladder.ts'
import { readNote, writeNote } from '../../../shared/sql/recovery/note.ts'
import { listSnapshots, takeSnapshot } from '../../../shared/sql/recovery/snapshots.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { handClock } from '../../support/hand-clock.ts'

const CONTENT: Owner = { wasHere: true, fault: async () => null }

let made: Awaited<ReturnType<typeof dataFolder>>
/** Of the table `entry`, within pgdata. */
let tableFile = ''
/** A database with two snapshots, of 1 and of 2 entries, that holds 3; stopped without a checkpoint. */
beforeAll(async () => {
  made = await dataFolder('ladder-made')
  const db = await openDatabase({ dir: join(made.path, 'live'), owner: { ...CONTENT, wasHere: false } })
  expect(db.recovery).toBeNull()
  await db.script('create table entry (n int primary key, text text not null)')
  const clock = handClock(1_000_000)
  for (const n of [1, 2, 3]) {
    await db.query('insert into entry values ($1, $2)', [n, `entry ${n}`])
    if (n === 3) break
    clock.advance(1_000)
    await db.whileStill(
      async (still) => await takeSnapshot(join(made.path, 'live', 'snapshots'), still, clock),
    )
  }
  const [file] = await db.query<{ path: string }>(`select pg_relation_filepath('entry') as path`)
  tableFile = file?.path ?? ''
  await db.whileStill(async () => {
    await cp(join(made.path, 'live'), join(made.path, 'stopped'), { recursive: true })
    await rm(join(made.path, 'stopped', 'starling.lock'))
  })
  await db.close()
})
afterAll(async () => await made.remove())

let folder: Awaited<ReturnType<typeof dataFolder>>
let dir = ''
let pgdata = ''
const opened: EmbeddedDatabase[] = []
beforeEach(async () => {
  folder = await dataFolder('ladder')
  dir = join(folder.path, 'database')
  pgdata = join(dir, 'pgdata')
  await cp(join(made.path, 'stopped'), dir, { recursive: true })
})
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close()
  await folder.remove()
})

async function open(options: Partial<OpenDatabaseOptions> = {}): Promise<EmbeddedDatabase> {
  const db = await openDatabase({ dir, owner: CONTENT, ...options })
  opened.push(db)
  return db
}

async function entries(db: EmbeddedDatabase): Promise<readonly number[]> {
  return (await db.query<{ n: number }>('select n from entry order by n')).map(({ n }) => n)
}

async function flipBit(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  await file.write(Buffer.of((byte[0] ?? 0) ^ 0x10), 0, 1, at)
  await file.close()
}

describe('a sound database', () => {
  it('opens as it stands, keeps every entry, and notes nothing', async () => {
    const db = await open()
    expect(db.recovery).toBeNull()
    expect(await entries(db)).toEqual([1, 2, 3])
    expect(await readNote(dir)).toBeNull()
  })
})

describe('the rung `reopened`', () => {
  it('puts back settings that were overwritten, and folders and files that every database has', async () => {
    await writeFile(join(pgdata, 'postgresql.auto.conf'), Buffer.alloc(300, 0x7f))
    await rm(join(pgdata, 'pg_notify'), { recursive: true })
    await rm(join(pgdata, 'PG_VERSION'))
    const db = await open()
    expect(db.recovery).toMatchObject({ rung: 'reopened', snapshotAt: null })
    expect(await entries(db)).toEqual([1, 2, 3])
    expect(existsSync(join(dir, 'pgdata.damaged'))).toBe(false)
  })
})

describe('the rung `snapshot`', () => {
  const damages: readonly {
    readonly name: string
    readonly do: () => Promise<void>
    readonly reason: RegExp
  }[] = [
    {
      name: 'a bit flipped in a table',
      do: async () => await flipBit(join(pgdata, tableFile), 8_000),
      reason: /fails its checksum/,
    },
    {
      name: 'the write-ahead log torn at its checkpoint',
      do: async () => {
        for (const name of await readdir(join(pgdata, 'pg_wal')))
          if (/^[0-9A-F]{24}$/.test(name)) await truncate(join(pgdata, 'pg_wal', name), 512)
      },
      reason: /checkpoint record|Aborted/,
    },
    {
      name: 'pg_control missing',
      do: async () => await rm(join(pgdata, 'global/pg_control')),
      reason: /pg_control|failed to initialize|exit/i,
    },
    {
      name: 'an empty data folder',
      do: async () => {
        await rm(pgdata, { recursive: true })
        await mkdir(pgdata)
      },
      reason: /./,
    },
    {
      name: 'no data folder',
      do: async () => await rm(pgdata, { recursive: true }),
      reason: /gone/,
    },
  ]

  it.each(damages)('is taken for $name, noted, and the damaged folder kept', async (damage) => {
    await damage.do()
    const wasThere = existsSync(pgdata)
    const db = await open()
    expect(db.recovery).toMatchObject({ rung: 'snapshot', snapshotAt: new Date(1_002_000).toISOString() })
    expect(db.recovery?.reason).toMatch(damage.reason)
    expect(await entries(db)).toEqual([1, 2])
    expect(existsSync(join(dir, 'pgdata.damaged'))).toBe(wasThere)
    expect(await readNote(dir)).toMatchObject({ phase: 'restored', rung: 'snapshot' })
    await db.query('insert into entry values (9, $1)', ['written after'])
  })

  it('is taken when what opened lacks something that was acknowledged', async () => {
    const db = await open({ owner: { wasHere: true, fault: async () => 'it lacks record 7' } })
    expect(db.recovery).toMatchObject({ rung: 'snapshot', reason: 'it lacks record 7' })
  })

  it('takes the one before when the newest was only half written, and removes that', async () => {
    const [newest] = await listSnapshots(join(dir, 'snapshots'))
    if (newest === undefined) throw new Error('there is no snapshot')
    await truncate(newest.path, (await stat(newest.path)).size - 4_096)
    await rm(join(pgdata, 'global/pg_control'))
    const db = await open()
    expect(db.recovery?.reason).toMatch(/not written to its end/)
    expect(await entries(db)).toEqual([1])
    expect(existsSync(newest.path)).toBe(false)
  })

  it('is taken at the next start when damage is met in an open database, which ends at once', async () => {
    const told: string[] = []
    const db = await open({ onFatal: (error) => told.push(error.code) })
    await db.query('create table other as select * from entry')
    await db.close()
    const again = await open({ onFatal: (error) => told.push(error.code) })
    const [file] = await again.query<{ path: string }>(`select pg_relation_filepath('other') as path`)
    await flipBit(join(pgdata, file?.path ?? ''), 8_100)
    await expect(again.query('select * from other')).rejects.toMatchObject({ sqlState: 'XX001' })
    await expect.poll(() => told).toEqual(['sql_error'])
    expect(await readNote(dir)).toMatchObject({ phase: 'suspected' })
    await again.close()
    const third = await open()
    expect(third.recovery).toMatchObject({ rung: 'snapshot' })
    expect(await entries(third)).toEqual([1, 2])
  })
})

describe('the rung `template`', () => {
  it('is taken when no snapshot holds: a fresh database, and the reasons of all of them', async () => {
    for (const { path } of await listSnapshots(join(dir, 'snapshots'))) await flipBit(path, 100_000)
    await rm(join(pgdata, 'global/pg_control'))
    const db = await open()
    expect(db.recovery).toMatchObject({ rung: 'template', snapshotAt: null })
    expect(db.recovery?.reason).toMatch(/digest/)
    expect(await db.query(`select count(*) as n from pg_class where relname = 'entry'`)).toEqual([{ n: 0 }])
    expect(existsSync(join(dir, 'pgdata.damaged'))).toBe(true)
  })
})

describe('a recovery that is itself cut short', () => {
  it('goes on after the folder was moved aside and a candidate half made', async () => {
    await writeNote(dir, {
      v: 1,
      phase: 'climbing',
      reason: 'it did not open',
      at: new Date(0).toISOString(),
    })
    await cp(pgdata, join(dir, 'pgdata.damaged'), { recursive: true })
    await rm(join(pgdata, 'global'), { recursive: true })
    const db = await open()
    expect(db.recovery).toMatchObject({ rung: 'snapshot', reason: 'it did not open' })
    expect(await entries(db)).toEqual([1, 2])
  })

  it('is handed to its owner again until it is settled, and kept to be shown after that', async () => {
    await rm(join(pgdata, 'global/pg_control'))
    const first = await open()
    const { recovery } = first
    if (recovery === null) throw new Error('nothing was recovered')
    await first.close()
    const second = await open()
    expect(second.recovery).toMatchObject({ rung: 'snapshot', reason: recovery.reason })
    await settleRecovery(dir, recovery, 4)
    await second.close()
    const third = await open()
    expect(third.recovery).toBeNull()
    expect(await readNote(dir)).toMatchObject({ phase: 'settled', rung: 'snapshot', replayed: 4 })
  })
})

describe('without an owner', () => {
  it('refuses a damaged database and leaves it as it is', async () => {
    await rm(join(pgdata, 'global/pg_control'))
    await expect(openDatabase({ dir })).rejects.toThrow(DatabaseDamaged)
    expect(existsSync(join(dir, 'pgdata.damaged'))).toBe(false)
    expect(existsSync(join(pgdata, 'PG_VERSION'))).toBe(true)
  })
})

describe('snapshots', () => {
  it('are bounded in number, and none is made of a damaged database', async () => {
    const db = await open()
    const snapshots = join(dir, 'snapshots')
    await db.whileStill(async (still) => await takeSnapshot(snapshots, still, systemClock))
    const kept = await listSnapshots(snapshots)
    expect(kept.map(({ atMs }) => atMs)).toEqual([kept[0]?.atMs, 1_002_000])
    await flipBit(join(pgdata, tableFile), 8_000)
    const another = db.whileStill(async (still) => await takeSnapshot(snapshots, still, systemClock))
    await expect(another).rejects.toMatchObject({ code: 'database_page_damaged' })
    expect(await listSnapshots(snapshots)).toEqual(kept)
  })
})
