/** What PostgreSQL's background workers do elsewhere: CHECKPOINT after writes, VACUUM and ANALYZE of tables that need it. */
import type { EmbeddedDatabase } from './embedded-database.ts'
import type { SnapshotSchedule } from './recovery/snapshot-schedule.ts'

/** How much may be replayed after a power cut, and how long a quiet device keeps dirty pages. */
export const CHECKPOINT_EVERY_MS = 60_000

/** autovacuum's own formula (autovacuum_vacuum_threshold, _scale_factor and their analyze kin), with a higher floor for small tables. */
const NEEDING = `
  SELECT format('%I.%I', s.schemaname, s.relname) AS name,
         s.n_dead_tup > 500 + 0.2 * greatest(c.reltuples, 0) OR age(c.relfrozenxid) > 150000000 AS vacuum,
         s.n_mod_since_analyze > 500 + 0.1 * greatest(c.reltuples, 0) AS analyze
  FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'`

export interface Upkeep {
  readonly checkpointed: boolean
  readonly vacuumed: readonly string[]
  readonly analyzed: readonly string[]
}

/** One round. Each table is a statement of its own, so that others pass in between. Does nothing when nothing was written. */
export async function keepUp(database: EmbeddedDatabase): Promise<Upkeep> {
  if ((await database.stats()).walBytesSinceCheckpoint === 0)
    return { checkpointed: false, vacuumed: [], analyzed: [] }
  // A session hands in its counts of dead rows a second late; after the checkpoint below nobody would look again.
  await database.query('SELECT pg_stat_force_next_flush()')
  const vacuumed: string[] = []
  const analyzed: string[] = []
  for (const row of await database.query<{ name: string; vacuum: boolean; analyze: boolean }>(NEEDING)) {
    if (row.vacuum) {
      await database.script(`VACUUM (ANALYZE) ${row.name}`)
      vacuumed.push(row.name)
    } else if (row.analyze) {
      await database.script(`ANALYZE ${row.name}`)
      analyzed.push(row.name)
    }
  }
  await database.checkpoint()
  return { checkpointed: true, vacuumed, analyzed }
}

/**
 * Runs {@link keepUp} every `everyMs`, and makes a snapshot when one is due; a round that fails (a full disk) is tried again at
 * the next. Returns the way to stop.
 */
export function scheduleUpkeep(
  database: EmbeddedDatabase,
  everyMs: number,
  snapshots: SnapshotSchedule | null,
): () => void {
  let isRunning = false
  const timer = setInterval(() => {
    if (isRunning || database.isOver) return
    isRunning = true
    keepUp(database)
      .then(() => snapshots?.takeWhenDue(database))
      .catch(() => undefined)
      .finally(() => {
        isRunning = false
      })
  }, everyMs)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}
