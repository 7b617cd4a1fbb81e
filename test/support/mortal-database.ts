/** A database whose process dies at a chosen step: before a statement, before a commit, or after one whose answer is lost. */
import type { Database, Queryable, Row, SqlValue, Transaction } from '../../shared/sql/port.ts'

class Died extends Error {
  override readonly name = 'Died'
}

export interface Mortal {
  readonly db: Database
  /** Steps so far. */
  steps(): number
}

/** Steps are counted from 1; nothing works any more from step `dieAt` on. What was not committed is rolled back. */
export function mortalDatabase(engine: Database, dieAt: number): Mortal {
  let steps = 0
  const step = (): void => {
    steps += 1
    if (steps >= dieAt) throw new Died(`died at step ${steps}`)
  }
  const counted = (sql: Queryable): Queryable => ({
    query: async <R extends Row>(text: string, params?: readonly SqlValue[]) => {
      step()
      return await sql.query<R>(text, params)
    },
  })
  const db: Database = {
    ...counted(engine),
    script: async (text) => {
      step()
      await engine.script(text)
    },
    checkpoint: async () => await engine.checkpoint(),
    transaction: async <T>(work: (tx: Transaction) => Promise<T>) => {
      const result = await engine.transaction(async (tx) => {
        const out = await work({ kind: 'transaction', ...counted(tx) })
        step() // Before the commit.
        return out
      })
      step() // After it: the answer does not arrive.
      return result
    },
    close: async () => await engine.close(),
  }
  return { db, steps: () => steps }
}
