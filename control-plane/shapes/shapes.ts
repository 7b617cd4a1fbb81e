/** The shape server, put together over one database. */
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Database } from '../../shared/sql/port.ts'
import { Capture } from './capture/capture.ts'
import { CAPTURE_FUNCTION } from './capture/triggers.ts'
import { loadShapes } from './load.ts'
import { ShapeMaker } from './maker.ts'
import { Registry } from './registry.ts'
import { ShapeServer } from './server.ts'
import { SHAPES_SCHEMA } from './store/schema.ts'
import { keepUp, type Retention } from './upkeep.ts'

/** As the reference server: short enough for the proxies between. */
export const USUAL_POLL_MS = 20_000
/** A snapshot or a log travels in pieces of about this size. */
export const USUAL_CHUNK_BYTES = 1024 * 1024
/** For what sends no word: a changed table always, a change where the database's notifications do not arrive. */
const RECONCILE_EVERY_MS = 1_000
const LOOK_EVERY_MS = 200
const KEEP_UP_EVERY_MS = 60_000

export interface ShapesOptions {
  /** For captured changes. */
  readonly db: Database
  /** For what takes long or is many; the same one where the database has one connection. */
  readonly readsDb: Database
  readonly clock: Clock
  readonly log: Log
  readonly pollMs: number
  readonly chunkBytes: number
  readonly retention: Retention
}

export interface Shapes {
  readonly server: ShapeServer
  /** Says that something may have changed. */
  changed(): void
  /** Everything that committed before is numbered and in the logs when it resolves. */
  caughtUp(): Promise<void>
  /** Cuts logs, forgets idle shapes, releases tables: what happens every minute. */
  keepUp(): Promise<void>
  close(): Promise<void>
}

export async function openShapes(options: ShapesOptions): Promise<Shapes> {
  const { db, readsDb, clock, log, pollMs, chunkBytes, retention } = options
  await db.script(SHAPES_SCHEMA + CAPTURE_FUNCTION)
  const registry = new Registry()
  const capture = new Capture(db, registry, chunkBytes)
  await capture.open()
  await loadShapes({ db, registry, capture, clock })
  const maker = new ShapeMaker({ db: readsDb, capture, registry, clock, chunkBytes })
  const server = new ShapeServer({ db: readsDb, registry, capture, maker, clock, pollMs })
  const tasks = new Set<Promise<void>>()
  let isClosed = false
  const attempt = (what: string, work: () => Promise<void>): void => {
    if (isClosed) return
    const task = work()
      .catch((error: unknown) =>
        log.warn(`shapes: ${what} failed and is tried again`, { message: String(error) }),
      )
      .finally(() => tasks.delete(task))
    tasks.add(task)
  }
  const isWaitedFor = (): boolean => registry.all().some(({ waiting }) => waiting.size > 0)
  const keepUpNow = async (): Promise<void> => await keepUp({ db, registry, capture, clock, retention })
  const timers = [
    every(
      LOOK_EVERY_MS,
      () => isWaitedFor() && attempt('reading changes', async () => await capture.catchUp()),
    ),
    every(
      RECONCILE_EVERY_MS,
      () => registry.size > 0 && attempt('comparing tables', async () => await capture.reconcile()),
    ),
    every(KEEP_UP_EVERY_MS, () => attempt('upkeep', keepUpNow)),
  ]
  return {
    server,
    changed: () => registry.size > 0 && attempt('reading changes', async () => await capture.catchUp()),
    caughtUp: async () => await capture.catchUp(),
    keepUp: keepUpNow,
    close: async () => {
      isClosed = true
      for (const timer of timers) clearInterval(timer)
      await Promise.all(tasks)
    },
  }
}

function every(ms: number, work: () => void): NodeJS.Timeout {
  return setInterval(work, ms).unref()
}
