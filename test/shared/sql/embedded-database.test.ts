import { AsyncResource } from 'node:async_hooks'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LOCK_FILE } from '../../../shared/folder-lock.ts'
import { QUEUE_LIMIT, type EmbeddedDatabase } from '../../../shared/sql/embedded-database.ts'
import {
  DatabaseClosed,
  DatabaseDamaged,
  QueueFull,
  ResultTooLarge,
  StatementTimedOut,
  TransactionTimedOut,
} from '../../../shared/sql/errors.ts'
import { openDatabase, type OpenDatabaseOptions } from '../../../shared/sql/open-database.ts'
import { keepUp } from '../../../shared/sql/upkeep.ts'
import { RESULT_LIMIT_BYTES } from '../../../shared/sql/wire/answer-buffer.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { handClock } from '../../support/hand-clock.ts'

const ENDLESS =
  'with recursive forever(n) as (select 1 union all select n from forever) select max(n) from forever'

let dir: string
let folder: Awaited<ReturnType<typeof dataFolder>>
const openedHere: EmbeddedDatabase[] = []

async function open(options: Partial<OpenDatabaseOptions> = {}): Promise<EmbeddedDatabase> {
  const db = await openDatabase({ dir, ...options })
  openedHere.push(db)
  return db
}

beforeEach(async () => {
  folder = await dataFolder('embedded')
  dir = folder.path
})
afterEach(async () => {
  await Promise.all(openedHere.splice(0).map(async (db) => await db.close()))
  await folder.remove()
})

describe('opening and closing', () => {
  it('keeps what was committed from one opening to the next', async () => {
    const first = await open()
    await first.script('create table note (text text)')
    await first.query('insert into note values ($1)', ['kept'])
    await first.close()
    const second = await open()
    expect(await second.query('select text from note')).toEqual([{ text: 'kept' }])
  })

  it('gives the folder back when it closes', async () => {
    const db = await open()
    expect(existsSync(join(dir, LOCK_FILE))).toBe(true)
    await db.close()
    expect(existsSync(join(dir, LOCK_FILE))).toBe(false)
  })

  it('refuses a second opening, naming the process that holds it', async () => {
    await open()
    await expect(open()).rejects.toMatchObject({ code: 'database_locked', pid: process.pid })
  })

  it('answers all that was asked before close, and refuses what comes after', async () => {
    const db = await open()
    await db.script('create table note (n int)')
    const asked = Array.from(
      { length: 20 },
      async (_, n) => await db.query('insert into note values ($1)', [n]),
    )
    const transaction = db.transaction(async (tx) => await tx.query('select count(*) as notes from note'))
    const closed = db.close()
    await expect(db.query('select 1')).rejects.toThrow(DatabaseClosed)
    await expect(db.transaction(async () => undefined)).rejects.toThrow(DatabaseClosed)
    await expect(db.script('select 1')).rejects.toThrow(DatabaseClosed)
    await expect(db.checkpoint()).rejects.toThrow(DatabaseClosed)
    await Promise.all(asked)
    expect(await transaction).toEqual([{ notes: 20 }])
    await closed
    await db.close()
  })

  it('does not begin under a signal that is aborted', async () => {
    const reason = new Error('stopped before the start')
    await expect(open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(existsSync(join(dir, LOCK_FILE))).toBe(false)
  })

  it('stops opening when told, holds nothing, and opens later', async () => {
    const stopping = new AbortController()
    const reason = new Error('stopped in the middle')
    const opening = open({ signal: stopping.signal })
    stopping.abort(reason)
    await expect(opening).rejects.toBe(reason)
    const db = await open()
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('is not ended by the signal once it is open', async () => {
    const stopping = new AbortController()
    const db = await open({ signal: stopping.signal })
    stopping.abort()
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('names a folder whose database does not open, and gives the folder back', async () => {
    mkdirSync(join(dir, 'pgdata'))
    writeFileSync(join(dir, 'pgdata', 'PG_VERSION'), '18\n')
    await expect(open()).rejects.toThrow(DatabaseDamaged)
    expect(existsSync(join(dir, LOCK_FILE))).toBe(false)
  })
})

describe('limits', () => {
  it('refuses a statement when too many wait, and goes on when they are done', async () => {
    const db = await open()
    await db.script('create table note (n int)')
    const waiting: Promise<unknown>[] = []
    await db.transaction(async (tx) => {
      for (let n = 0; n < QUEUE_LIMIT; n += 1)
        waiting.push(
          outside(() => db.query('insert into note values ($1)', [n])).catch((error: unknown) => error),
        )
      await tx.query('select 1')
    })
    const refused = (await Promise.all(waiting)).filter((outcome) => outcome instanceof Error)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.every((error) => error instanceof QueueFull)).toBe(true)
    expect(await db.query('select count(*) as notes from note')).toEqual([
      { notes: QUEUE_LIMIT - refused.length },
    ])
  })

  it('refuses an answer larger than its limit, and goes on', async () => {
    const db = await open()
    const large = db.query('select repeat($1, 1000000) as line from generate_series(1, $2)', [
      'x',
      Math.ceil(RESULT_LIMIT_BYTES / 1_000_000) + 1,
    ])
    await expect(large).rejects.toThrow(ResultTooLarge)
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('rolls back a transaction that is held too long, and lets the next one in', async () => {
    const db = await open({ transactionLimitMs: 50 })
    await db.script('create table note (n int)')
    const held = db.transaction(async (tx) => {
      await tx.query('insert into note values (1)')
      await new Promise(() => undefined)
    })
    const next = db.query('insert into note values (2)')
    await expect(held).rejects.toThrow(TransactionTimedOut)
    await next
    expect(await db.query('select n from note')).toEqual([{ n: 2 }])
  })

  it('stops the engine under an endless statement, and opens it again for what follows', async () => {
    const db = await open({ statementLimitMs: 1_000 })
    await db.script('create table note (n int)')
    await db.query('insert into note values (1)')
    const [endless, behind, nextTransaction] = await Promise.allSettled([
      db.query(ENDLESS),
      db.query('insert into note values (2)'),
      db.transaction(async (tx) => await tx.query('insert into note values (3)')),
    ])
    expect(endless).toMatchObject({ status: 'rejected', reason: { code: 'statement_timed_out' } })
    expect(behind).toMatchObject({
      status: 'rejected',
      reason: { code: 'database_interrupted', outcome: 'not-applied' },
    })
    expect(nextTransaction.status).toBe('rejected')
    expect(await db.query('select n from note')).toEqual([{ n: 1 }])
    expect(await db.stats()).toMatchObject({ reopened: 1, queued: 0 })
  })

  it('rolls back a transaction whose statement is endless', async () => {
    const db = await open({ statementLimitMs: 1_000 })
    await db.script('create table note (n int)')
    const stuck = db.transaction(async (tx) => {
      await tx.query('insert into note values (1)')
      await tx.query(ENDLESS)
    })
    await expect(stuck).rejects.toMatchObject({ code: 'statement_timed_out', outcome: 'not-applied' })
    const spilled = join(dir, 'pgdata', 'base', 'pgsql_tmp')
    expect(existsSync(spilled)).toBe(true)
    expect(await db.query('select n from note')).toEqual([])
    expect(existsSync(spilled)).toBe(false)
  })

  it('closes although a statement is endless', async () => {
    const db = await open({ statementLimitMs: 1_000 })
    const endless = db.query(ENDLESS)
    const closed = db.close()
    await expect(endless).rejects.toThrow(StatementTimedOut)
    await closed
    expect(existsSync(join(dir, LOCK_FILE))).toBe(false)
  })

  it('keeps the write-ahead log small under a long load, in one transaction too', async () => {
    const db = await open()
    await db.script('create table line (n int, text text)')
    await db.transaction(async (tx) => {
      for (let round = 0; round < 40; round += 1)
        await tx.query(`insert into line select n, repeat(md5(n::text), 30) from generate_series(1, 1500) n`)
    })
    const { walBytes, bytesOnDisk } = await db.stats()
    expect(bytesOnDisk).toBeGreaterThan(50_000_000)
    expect(walBytes).toBeLessThanOrEqual(40 * 1024 * 1024)
  })
})

describe('upkeep', () => {
  it('vacuums what was much rewritten, then checkpoints; when nothing was written it does nothing', async () => {
    const clock = handClock()
    const db = await open({ clock })
    await db.script(`create table line (n int, text text);
      insert into line select n, 'x' from generate_series(1, 3000) n`)
    for (let round = 0; round < 3; round += 1) await db.query('update line set text = text || $1', ['y'])
    expect((await db.stats()).walBytesSinceCheckpoint).toBeGreaterThan(0)
    expect(await keepUp(db)).toMatchObject({ checkpointed: true, vacuumed: ['public.line'] })
    expect(await db.stats()).toMatchObject({ walBytesSinceCheckpoint: 0, lastCheckpointAtMs: clock.nowMs() })
    expect(await keepUp(db)).toEqual({ checkpointed: false, vacuumed: [], analyzed: [] })
  })

  it('checkpoints by itself after writes', async () => {
    const db = await open({ checkpointEveryMs: 20 })
    await db.script('create table note (n int)')
    await expect.poll(async () => (await db.stats()).lastCheckpointAtMs, { timeout: 20_000 }).toBeDefined()
  })
})

describe('durability', () => {
  it('syncs at every commit, and never for reading', async () => {
    const db = await open()
    await db.script('create table note (n int)')
    const syncs = async (): Promise<number> => (await db.stats()).fileSyncs
    const before = await syncs()
    for (let n = 0; n < 10; n += 1) await db.query('insert into note values ($1)', [n])
    const written = await syncs()
    expect(written - before).toBeGreaterThanOrEqual(10)
    for (let n = 0; n < 10; n += 1) await db.query('select count(*) from note')
    expect(await syncs()).toBe(written)
  })

  it('syncs the folder of a new table’s file', async () => {
    const db = await open()
    const before = (await db.stats()).folderSyncs
    await db.script('create table note (n int)')
    expect((await db.stats()).folderSyncs).toBeGreaterThan(before)
  })
})

/** As someone asks who knows nothing of the transaction under way. */
const outside = AsyncResource.bind(<T>(ask: () => T): T => ask())
