/**
 * How PostgreSQL is started inside PGlite. Settings are given at every start and never written to postgresql.conf,
 * so that a newer Starling needs no change in an older folder.
 */

/** The checkpointer does not run in PGlite: past this much WAL since the last checkpoint, Starling makes one. */
export const CHECKPOINT_WAL_BYTES = 16 * 1024 * 1024

/** Given to initdb: with PostgreSQL's 16 MB segments an idle device would keep 80 MB of WAL. */
export const INITDB_PARAMS: readonly string[] = ['--wal-segsize=1']

/** PGlite's own start parameters without `-F`, which turns fsync off. */
const PGLITE_PARAMS: readonly string[] = ['--single', '-O', '-j']

const SETTINGS: Readonly<Record<string, string>> = {
  // As PGlite sets them: there is one process and no worker.
  search_path: 'public',
  exit_on_error: 'false',
  log_checkpoints: 'false',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  io_method: 'sync',
  // Durable: a commit that returned is on the disk (with the fsync that syncing-fs.ts supplies).
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_sync_method: 'fsync',
  // Small: no replica reads this WAL, one connection uses this memory.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '4',
  shared_buffers: '16MB',
  wal_buffers: '1MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  temp_buffers: '4MB',
  // Bounded: segments kept for reuse after a checkpoint.
  min_wal_size: '8MB',
  max_wal_size: '32MB',
  wal_keep_size: '0',
  // Values have one text form, the one that wire/values.ts reads.
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '1',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
}

export function startParams(): string[] {
  return [
    ...PGLITE_PARAMS,
    ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}
