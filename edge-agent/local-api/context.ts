/** The copy of the context over the local API: how it stands, fetched anew, compared with the centre's. */
import { Hono } from 'hono'
import * as v from 'valibot'
import { CONTEXT_TABLES, type ContextTable } from '../../shared/context/tables.ts'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { TableStatus } from '../context/sync-status.ts'
import type { VectorStatus } from '../search/vector-status.ts'
import type { TableVerdict } from '../context/verify.ts'

/** What every answer about the context says of its age. */
export interface Staleness {
  /** When the copy was last known to be complete, ISO 8601; null for never. */
  readonly syncedAt: string | null
  readonly stalenessMs: number | null
}

export interface ContextStatus extends Staleness {
  /** The centre's transaction that all tables show; null before the first. */
  readonly lsn: string | null
  /** Transactions of the centre that are known of and not shown yet. */
  readonly lag: number
  /** Why the centre serves this version of the program nothing; null while it does. */
  readonly refusal: string | null
  /** Changes made here: on their way, not taken, or standing against another's. */
  readonly writes: { readonly pending: number; readonly rejected: number; readonly conflicts: number }
  readonly tables: readonly (TableStatus & { readonly rows: number })[]
  /** Of each embedding model that the index has vectors of: two while one takes the other's place, and questions go to the complete one. */
  readonly vectors: readonly VectorStatus[]
}

export interface ContextViews {
  readonly staleness: () => Staleness
  readonly status: () => Promise<ContextStatus>
  readonly resync: (tables: readonly ContextTable[], signal: AbortSignal) => Promise<ContextStatus>
  readonly verify: (tables: readonly ContextTable[], signal: AbortSignal) => Promise<readonly TableVerdict[]>
}

const ChoiceSchema = v.strictObject({
  /** All of them where none is named. */
  tables: v.optional(v.pipe(v.array(v.picklist(CONTEXT_TABLES)), v.maxLength(100)), []),
})

/** A whole context over a poor link. */
const RESYNC_WITHIN_MS = 110_000

export function contextRoutes(views: ContextViews): Hono {
  const app = new Hono()
  const chosen = async (request: Request): Promise<readonly ContextTable[]> => {
    const { tables } = decodeJson(ChoiceSchema, new Uint8Array(await request.arrayBuffer()))
    return tables.length === 0 ? CONTEXT_TABLES : tables
  }
  const limit = (): AbortSignal => AbortSignal.timeout(RESYNC_WITHIN_MS)
  app.get('/', async (context) => context.json(await views.status()))
  app.post('/resync', async (context) =>
    context.json(await views.resync(await chosen(context.req.raw), limit())),
  )
  app.post('/verify', async (context) => {
    const tables = await views.verify(await chosen(context.req.raw), limit())
    const holds = tables.every((table) => table.holds)
    return context.json({ holds, ...views.staleness(), tables })
  })
  return app
}
