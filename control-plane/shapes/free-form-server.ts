/** The free-form shape server of `--insecure-shapes`: over a PostgreSQL that is named, or over the centre's own database. */
import type { Hono } from 'hono'
import { Closers } from '../../shared/closers.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { openPostgres, serverOf } from '../../shared/sql/postgres-database.ts'
import { listenTo } from '../../shared/sql/postgres-notices.ts'
import type { Database } from '../../shared/sql/port.ts'
import { CHANGED_CHANNEL } from './capture/triggers.ts'
import { freeFormShapes } from './http/free-form.ts'
import { openShapes, type Shapes } from './shapes.ts'
import { USUAL_RETENTION } from './upkeep.ts'

export interface FreeFormOptions {
  /** Null for the centre's own database. */
  readonly databaseUrl: string | null
  readonly pollMs: number
  readonly chunkBytes: number
}

export interface FreeFormServer {
  readonly app: Hono
  /** Says that the centre's own database may have changed. */
  changed(): void
  close(): Promise<void>
}

/** Throws `DatabaseUnreachable` where the named server does not answer. */
export async function openFreeForm(
  options: FreeFormOptions,
  parts: { readonly db: Database; readonly clock: Clock; readonly log: Log },
): Promise<FreeFormServer> {
  const { databaseUrl, pollMs, chunkBytes } = options
  const { clock, log } = parts
  const closers = new Closers()
  try {
    const open = async (name: string): Promise<Database> => {
      if (databaseUrl === null) return parts.db
      const db = await openPostgres({ url: databaseUrl, name: `starling shapes: ${name}` })
      closers.add(async () => await db.close())
      return db
    }
    const [db, readsDb] = [await open('changes'), await open('reads')]
    const shapes = await openShapes({
      db,
      readsDb,
      clock,
      log,
      pollMs,
      chunkBytes,
      retention: USUAL_RETENTION,
    })
    closers.add(async () => await shapes.close())
    if (databaseUrl !== null) listen(databaseUrl, shapes, closers)
    log.warn('free-form shapes are open to whoever reaches this port', {
      database: databaseUrl === null ? "the centre's own" : serverOf(databaseUrl),
    })
    return {
      app: freeFormShapes({ server: shapes.server, clock, log, pollMs }),
      changed: () => shapes.changed(),
      close: async () => await closers.close(),
    }
  } catch (error) {
    await closers.close()
    throw error
  }
}

function listen(url: string, shapes: Shapes, closers: Closers): void {
  const listening = listenTo(url, CHANGED_CHANNEL, () => shapes.changed())
  closers.add(async () => await listening.close())
}
