/** The centre's shapes: named ones for its devices over its own database and, when asked for, free-form ones for whoever reaches the port. */
import type { Hono } from 'hono'
import { Closers } from '../../shared/closers.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { openPostgres, serverOf } from '../../shared/sql/postgres-database.ts'
import { listenTo } from '../../shared/sql/postgres-notices.ts'
import type { Database } from '../../shared/sql/port.ts'
import { CHANGED_CHANNEL } from './capture/triggers.ts'
import { electricProxy } from './http/electric-proxy.ts'
import { freeFormShapes } from './http/free-form.ts'
import { namedShapes, type NamedShapeParts, type NamedShapes } from './http/named.ts'
import { openShapes, USUAL_CHUNK_BYTES, USUAL_POLL_MS, type Shapes } from './shapes.ts'
import { USUAL_RETENTION } from './upkeep.ts'

export interface FreeFormOptions {
  /** Null for the centre's own database. */
  readonly databaseUrl: string | null
  readonly pollMs: number
  readonly chunkBytes: number
}

export interface CentreShapes {
  readonly freeForm: Hono | null
  readonly named: NamedShapes
  /** Says that the centre's own database may have changed. */
  changed(): void
  /** Numbers what committed before; null where another server serves the named shapes, with numbers of its own. */
  readonly settle: (() => Promise<void>) | null
  close(): Promise<void>
}

export interface CentreShapesParts {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly tenant: string
  readonly deviceOf: NamedShapeParts['deviceOf']
  /** A real Electric that serves the named shapes in this server's place; null for none. */
  readonly electric: string | null
}

/** Throws `DatabaseUnreachable` where a server that was named does not answer. */
export async function openCentreShapes(
  insecure: FreeFormOptions | null,
  parts: CentreShapesParts,
): Promise<CentreShapes> {
  const { db, clock, log } = parts
  const closers = new Closers()
  try {
    const { pollMs, chunkBytes } = insecure ?? { pollMs: USUAL_POLL_MS, chunkBytes: USUAL_CHUNK_BYTES }
    const usual = { clock, log, pollMs, chunkBytes, retention: USUAL_RETENTION }
    const own = await openShapes({ ...usual, db, readsDb: db })
    closers.add(async () => await own.close())
    const open = insecure?.databaseUrl == null ? own : await openServer(insecure.databaseUrl, usual, closers)
    if (insecure !== null)
      log.warn('free-form shapes are open to whoever reaches this port', {
        database: insecure.databaseUrl === null ? "the centre's own" : serverOf(insecure.databaseUrl),
      })
    return {
      freeForm: insecure === null ? null : freeFormShapes({ server: open.server, clock, log, pollMs }),
      named:
        parts.electric === null
          ? namedShapes({ ...parts, server: own.server, pollMs })
          : electricProxy({ ...parts, electric: parts.electric }),
      changed: () => own.changed(),
      settle: parts.electric === null ? async () => await own.caughtUp() : null,
      close: async () => await closers.close(),
    }
  } catch (error) {
    await closers.close()
    throw error
  }
}

async function openServer(
  url: string,
  usual: Omit<Parameters<typeof openShapes>[0], 'db' | 'readsDb'>,
  closers: Closers,
): Promise<Shapes> {
  const open = async (name: string): Promise<Database> => {
    const db = await openPostgres({ url, name: `starling shapes: ${name}` })
    closers.add(async () => await db.close())
    return db
  }
  const shapes = await openShapes({ ...usual, db: await open('changes'), readsDb: await open('reads') })
  closers.add(async () => await shapes.close())
  const listening = listenTo(url, CHANGED_CHANNEL, () => shapes.changed())
  closers.add(async () => await listening.close())
  return shapes
}
