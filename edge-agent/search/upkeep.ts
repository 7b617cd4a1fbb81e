/**
 * Keeps the index what the copy is. It looks at the copy alone and knows nothing of how that is synced: a row whose (table, key, version)
 * is not what was indexed is indexed anew, one that is gone leaves the index, a bounded batch at a time; then the vectors that are missing
 * are made. Stopped at any moment it goes on where it was, and with nothing to do it writes nothing.
 */
import type { Clock } from '../../shared/clock.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import { writeChange, type ChangedRow } from './index-change.ts'
import { writeIndex } from './index-effect.ts'
import { SEARCHED_TABLES } from './texts.ts'
import { fillVectors, type EmbedderShelf } from './vectors.ts'

/** Rows a transaction: some 20 ms of writing, so that a turn that wants the database meanwhile hardly waits. */
const BATCH_ROWS = 100
const INDEXED_TABLES: readonly string[] = [...SEARCHED_TABLES, 'edge']

export interface UpkeepParts {
  readonly db: Database
  readonly kernel: Kernel
  /** The device. */
  readonly principal: Principal
  readonly embedders: EmbedderShelf
  readonly clock: Clock
}

export interface IndexUpkeep {
  /** One pass to the end; says how many rows and vectors were written. */
  round(signal: AbortSignal): Promise<{ readonly rows: number; readonly vectors: number }>
  /** When the index was last found to be what the copy is; null before. ISO 8601. */
  currentAt(): string | null
}

export function openIndexUpkeep(parts: UpkeepParts): IndexUpkeep {
  let currentAt: string | null = null
  return {
    currentAt: () => currentAt,
    round: async (signal) => {
      let rows = 0
      for (;;) {
        signal.throwIfAborted()
        const batch = await findChanges(parts.db)
        if (batch.length === 0) break
        rows += await writeIndex(parts, {
          what: 'rows',
          items: batch.map(({ tbl, key, version }): Json => [tbl, key, version]),
          by: null,
          write: async (tx) => {
            await writeChange(tx, batch)
            return batch.length
          },
        })
      }
      currentAt = new Date(parts.clock.nowMs()).toISOString()
      return { rows, vectors: await fillVectors(parts, signal) }
    },
  }
}

/** Rows that are new, changed or gone since they were indexed. */
async function findChanges(sql: Queryable): Promise<readonly ChangedRow[]> {
  return await sql.query<{ tbl: string; key: string; version: number | null; body: JsonObject | null }>(
    `select coalesce(r.tbl, s.tbl) as tbl, coalesce(r.key, s.key) as key, r.version, r.body
     from (select tbl, key, version, body from context.row where tbl = any($1::text[])) r
     full join search.source s on s.tbl = r.tbl and s.key = r.key
     where r.version is distinct from s.version
     order by 1, 2 limit ${BATCH_ROWS}`,
    [[...INDEXED_TABLES]],
  )
}
