/** What people and programs may ask of the copy as a whole. */
import type { ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { CentreUnreachable } from '../../shared/wire/answer.ts'
import type { ContextStatus, ContextViews } from '../local-api/context.ts'
import { countWrites } from './reads.ts'
import type { ContextSync } from './sync.ts'
import { vectorStatus } from '../search/vector-status.ts'
import { verifyTable, type TableVerdict, type VerifyParts } from './verify.ts'

export class ResyncUnfinished extends StarlingError {
  override readonly code = 'resync_unfinished'
}

export interface ViewParts {
  readonly sql: Queryable
  readonly sync: ContextSync
  readonly slice: VerifyParts['slice']
}

export function contextViews({ sql, sync, slice }: ViewParts): ContextViews {
  const status = async (): Promise<ContextStatus> => {
    const rows = await sql.query<{ tbl: string; rows: number }>(
      'select tbl, count(*) as rows from context.row group by tbl',
    )
    const counts = new Map(rows.map(({ tbl, rows: count }) => [tbl, count]))
    const { tables, ...rest } = sync.status()
    return {
      ...rest,
      writes: await countWrites(sql),
      tables: tables.map((table) => ({ ...table, rows: counts.get(table.table) ?? 0 })),
      vectors: await vectorStatus(sql),
    }
  }
  return {
    status,
    staleness: () => {
      const { syncedAt, stalenessMs } = sync.status()
      return { syncedAt, stalenessMs }
    },
    resync: async (tables, signal) => {
      await withinLimit(async () => await sync.resync(tables, signal), signal)
      return await status()
    },
    verify: async (tables, signal) => {
      const verdicts: TableVerdict[] = []
      for (const table of tables) verdicts.push(await verifyOne({ sql, sync, slice }, table, signal))
      return verdicts
    },
  }
}

async function verifyOne(
  parts: VerifyParts,
  table: ContextTable,
  signal: AbortSignal,
): Promise<TableVerdict> {
  return await withinLimit(async () => await verifyTable(parts, table, signal), signal)
}

/** A limit that passed says what the device waits for. */
async function withinLimit<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!signal.aborted || thrown instanceof CentreUnreachable) throw thrown
    throw new ResyncUnfinished('the copy did not come to where the centre is in time', {
      remedy:
        'See `starling context status`: the link, and what the tables wait for. The device goes on trying.',
      cause: thrown,
    })
  }
}
