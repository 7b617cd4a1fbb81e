/** What every adapter of the SQL port does (shared/sql/port.ts). */
import { AsyncResource } from 'node:async_hooks'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NestedUse, SqlError, TransactionOver } from '../../../../shared/sql/errors.ts'
import type { Database, Transaction } from '../../../../shared/sql/port.ts'

export interface OpenedForContract {
  readonly db: Database
  /** Closes it and removes what it left. */
  remove(): Promise<void>
}

class ChangeOfMind extends Error {
  override readonly name = 'ChangeOfMind'
}

/** Runs the suite on what `open` opens: an empty database. */
export function sqlContract(adapter: string, open: () => Promise<OpenedForContract>): void {
  describe(`the SQL port, as ${adapter}`, () => {
    let opened: OpenedForContract
    let db: Database
    beforeAll(async () => {
      opened = await open()
      db = opened.db
    })
    beforeEach(async () => {
      await db.script(
        'drop table if exists part; create table part (id int primary key, name text not null, stock int)',
      )
    })
    afterAll(async () => await opened.remove())

    const names = async (): Promise<readonly string[]> =>
      (await db.query<{ name: string }>('select name from part order by id')).map(({ name }) => name)

    statements(() => db, names)
    transactions(() => db, names)
    order(() => db, names)
  })
}

type Names = () => Promise<readonly string[]>

function statements(db: () => Database, names: Names): void {
  it('gives rows in the order and with the names of the statement', async () => {
    expect(await db().query('select 1 as b, 2 as a union all select 3, 4 order by 1')).toEqual([
      { b: 1, a: 2 },
      { b: 3, a: 4 },
    ])
    expect(await db().query('select 1 where false')).toEqual([])
    expect(await db().query('insert into part values (1, $1, $2)', ['seal', 4])).toEqual([])
    expect(await db().query('update part set stock = stock - 1 returning id, stock')).toEqual([
      { id: 1, stock: 3 },
    ])
  })

  it('takes parameters as values, never as text of the statement', async () => {
    const hostile = `'); drop table part; --`
    await db().query('insert into part values (1, $1)', [hostile])
    expect(await names()).toEqual([hostile])
  })

  it('runs a script of several statements whole or not at all', async () => {
    await db().script(`insert into part values (1, 'seal'); insert into part values (2, 'valve')`)
    expect(await names()).toEqual(['seal', 'valve'])
    const broken = db().script(
      `insert into part values (3, 'pump'); insert into part values (3, 'pump again')`,
    )
    await expect(broken).rejects.toMatchObject({ code: 'sql_error', sqlState: '23505' })
    expect(await names()).toEqual(['seal', 'valve'])
  })

  it.each([
    ['no statement', 'selekt 1', [], { sqlState: '42601' }],
    ['no such table', 'select * from nowhere', [], { sqlState: '42P01' }],
    ['a null where none may be', 'insert into part values (1, null)', [], { sqlState: '23502' }],
    ['a parameter of the wrong type', 'select $1::int', ['twelve'], { sqlState: '22P02' }],
    ['a division by zero', 'select 1 / $1::int', [0], { sqlState: '22012' }],
    ['too few parameters', 'select $1::int + $2::int', [1], { sqlState: '08P01' }],
    ['too many parameters', 'select $1::int', [1, 2], { sqlState: '08P01' }],
    ['two statements at once', 'select 1; select 2', [], { sqlState: '42601' }],
    ['a NUL in the statement', 'select 1 \0', [], { sqlState: '22021' }],
    ['a NUL in a parameter', 'select $1::text', ['a\0b'], { sqlState: '22021' }],
    ['a lone surrogate', 'select $1::text', ['\ud800'], { sqlState: '22021' }],
  ])('refuses %s by its SQLSTATE, and goes on', async (_, text, params, expected) => {
    const refused: unknown = await db()
      .query(text, params)
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(SqlError)
    expect(refused).toMatchObject({ code: 'sql_error', ...expected })
    expect(await db().query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('names the table and the constraint that refused', async () => {
    await db().query(`insert into part values (1, 'seal')`)
    await expect(db().query(`insert into part values (1, 'seal')`)).rejects.toMatchObject({
      sqlState: '23505',
      fault: { table: 'part', constraint: 'part_pkey', detail: 'Key (id)=(1) already exists.' },
    })
  })

  it('gives the columns of a table that was changed since the statement was last run', async () => {
    await db().query(`insert into part values (1, 'seal', 4)`)
    const all = 'select * from part'
    expect(await db().query(all)).toEqual([{ id: 1, name: 'seal', stock: 4 }])
    await db().script('alter table part add column shelf text; alter table part drop column stock')
    expect(await db().query(all)).toEqual([{ id: 1, name: 'seal', shelf: null }])
    await db().query('alter table part alter column shelf type int using 7')
    expect(await db().query(all)).toEqual([{ id: 1, name: 'seal', shelf: 7 }])
  })

  it('forgets the columns of a change that was rolled back', async () => {
    const all = 'select * from part'
    await db().query(`insert into part values (1, 'seal', 4)`)
    await expect(
      db().transaction(async (tx) => {
        await tx.query('alter table part add column shelf text')
        expect(await tx.query(all)).toEqual([{ id: 1, name: 'seal', stock: 4, shelf: null }])
        throw new ChangeOfMind()
      }),
    ).rejects.toThrow(ChangeOfMind)
    expect(await db().query(all)).toEqual([{ id: 1, name: 'seal', stock: 4 }])
  })

  it('refuses a BEGIN of its own, and what follows commits as ever', async () => {
    await expect(db().query('begin')).rejects.toMatchObject({ sqlState: '25001' })
    await expect(db().script(`begin; insert into part values (1, 'seal')`)).rejects.toMatchObject({
      sqlState: '25001',
    })
    await db().query(`insert into part values (2, 'valve')`)
    expect(await names()).toEqual(['valve'])
  })

  it('checkpoints between statements', async () => {
    await db().query(`insert into part values (1, 'seal')`)
    await db().checkpoint()
    expect(await names()).toEqual(['seal'])
  })
}

function transactions(db: () => Database, names: Names): void {
  const insert = async (tx: Transaction, id: number, name: string): Promise<void> => {
    await tx.query('insert into part values ($1, $2)', [id, name])
  }

  it('commits all of a transaction and returns what its callback returns', async () => {
    const counted = await db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await insert(tx, 2, 'valve')
      return await tx.query('select count(*) as parts from part')
    })
    expect(counted).toEqual([{ parts: 2 }])
    expect(await names()).toEqual(['seal', 'valve'])
  })

  it('rolls back when the callback throws, and hands on the very error', async () => {
    const error = new ChangeOfMind('no')
    const rolledBack = db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      throw error
    })
    await expect(rolledBack).rejects.toBe(error)
    expect(await names()).toEqual([])
  })

  it('rolls back when a statement fails', async () => {
    const rolledBack = db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await insert(tx, 1, 'seal again')
    })
    await expect(rolledBack).rejects.toMatchObject({ sqlState: '23505' })
    expect(await names()).toEqual([])
  })

  it('says so when a failure was swallowed and nothing could be committed', async () => {
    const swallowing = db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await insert(tx, 1, 'seal again').catch(() => undefined)
    })
    await expect(swallowing).rejects.toMatchObject({ sqlState: '25P02' })
    expect(await names()).toEqual([])
  })

  it('goes on after a failure that a savepoint caught', async () => {
    await db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await tx.query('savepoint before')
      await expect(insert(tx, 1, 'seal again')).rejects.toMatchObject({ sqlState: '23505' })
      await tx.query('rollback to savepoint before')
      await insert(tx, 2, 'valve')
    })
    expect(await names()).toEqual(['seal', 'valve'])
  })

  it.each(['commit', 'rollback'])('refuses a %s inside, and all that follows it', async (end) => {
    const stray = db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await tx.query(end).catch(() => undefined)
      await insert(tx, 2, 'after it').catch(() => undefined)
    })
    await expect(stray).rejects.toMatchObject({ sqlState: '25P01' })
    expect(await names()).not.toContain('after it')
    await db().query(`insert into part values (3, 'later')`)
    expect(await names()).toContain('later')
  })

  it('is dead outside its callback', async () => {
    let kept: Transaction | undefined
    await db().transaction(async (tx) => {
      kept = tx
      await insert(tx, 1, 'seal')
    })
    await expect(kept?.query(`insert into part values (2, 'late')`)).rejects.toThrow(TransactionOver)
    expect(await names()).toEqual(['seal'])
  })

  it.each<[string, (db: Database) => Promise<unknown>]>([
    ['a statement', async (inner) => await inner.query(`insert into part values (2, 'nested')`)],
    ['a script', async (inner) => await inner.script(`insert into part values (2, 'nested')`)],
    ['a transaction', async (inner) => await inner.transaction(async () => undefined)],
    ['a checkpoint', async (inner) => await inner.checkpoint()],
  ])('refuses %s of the database inside, instead of waiting for itself', async (_, use) => {
    const nested = db().transaction(async (tx) => {
      await insert(tx, 1, 'seal')
      await use(db())
    })
    await expect(nested).rejects.toThrow(NestedUse)
    expect(await names()).toEqual([])
  })

  it('refuses at its end what a deferred constraint forbids', async () => {
    await db().script(
      'drop table if exists hose; create table hose (part int references part deferrable initially deferred)',
    )
    const dangling = db().transaction(async (tx) => {
      await tx.query('insert into hose values (9)')
    })
    await expect(dangling).rejects.toMatchObject({ sqlState: '23503' })
    expect(await db().query('select * from hose')).toEqual([])
    await db().script('drop table hose')
  })
}

function order(db: () => Database, names: Names): void {
  it('runs statements in the order of asking', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        db().query('insert into part select $1, $2, count(*) from part where id < $1', [
          index,
          `part ${index}`,
        ]),
      ),
    )
    const stocks = await db().query<{ stock: number }>('select stock from part order by id')
    expect(stocks.map(({ stock }) => stock)).toEqual(Array.from({ length: 50 }, (_, index) => index))
  })

  it('lets no statement into another’s transaction', async () => {
    let alone: Promise<unknown> = Promise.resolve()
    const rolledBack = db().transaction(async (tx) => {
      await tx.query(`insert into part values (1, 'of the transaction')`)
      // Asked for in the middle, by someone else.
      alone = outside(() => db().query(`insert into part values (2, 'alone')`))
      await tx.query(`insert into part values (3, 'of the transaction')`)
      throw new ChangeOfMind()
    })
    await expect(rolledBack).rejects.toThrow(ChangeOfMind)
    await alone
    expect(await names()).toEqual(['alone'])
  })

  it('loses no update of transactions that read and then write', async () => {
    await db().query(`insert into part values (1, 'seal', 0)`)
    await Promise.all(
      Array.from({ length: 40 }, () =>
        db().transaction(async (tx) => {
          const [row] = await tx.query<{ stock: number }>('select stock from part where id = 1')
          await tx.query('update part set stock = $1 where id = 1', [(row?.stock ?? 0) + 1])
        }),
      ),
    )
    expect(await db().query('select stock from part')).toEqual([{ stock: 40 }])
  })

  it('takes those that wait behind a failed transaction in their turn', async () => {
    const results = await Promise.allSettled([
      db().transaction(async (tx) => await insertThenFail(tx)),
      db().query(`insert into part values (1, 'first')`),
      db().transaction(async (tx) => await tx.query(`insert into part values (2, 'second')`)),
      db().query(`insert into part select 3, 'third' from part having count(*) = 2`),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(await names()).toEqual(['first', 'second', 'third'])
  })
}

async function insertThenFail(tx: Transaction): Promise<void> {
  await tx.query(`insert into part values (1, 'never')`)
  throw new ChangeOfMind()
}

/** As someone asks who knows nothing of the transaction under way. */
const outside = AsyncResource.bind(<T>(ask: () => T): T => ask())
