/**
 * What an idle hour of a device writes: a whole Starling, linked to its centre, asked nothing. The hour passes in minutes (the
 * clocks of its processes are hurried, test/support/hurried-clock.mjs), every round and heartbeat in it. Rows are counted by
 * PostgreSQL's own transaction numbers in copies of the database from before and after: what writes a row takes one.
 */
import { cp, readFile, rm } from 'node:fs/promises'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { dataFolder } from '../support/data-folder.ts'
import { startUp } from '../support/starling.ts'
import type { BenchReport } from './report.ts'

const HURRY = 20
const HOUR_MS = 60 * 60_000
/** Until what a start writes is written: receipts, reports, a checkpoint. */
const SETTLE_MS = 90_000
const CLOCK = new URL('test/support/hurried-clock.mjs', packageRoot())

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await dataFolder('bench-idle')
  const home = join(folder.path, 'home')
  try {
    progress('a first start, so that what is measured is a device that has everything')
    await (await startUp(home)).stop()
    const up = await startUp(home, [], {
      NODE_OPTIONS: `--import=${fileURLToPath(CLOCK)}`,
      HURRY: String(HURRY),
    })
    try {
      progress(`settling for ${SETTLE_MS / 1_000} s`)
      await delay(SETTLE_MS)
      const edge = await pidOf(home)
      const before = await look(home, edge, join(folder.path, 'before'))
      for (const part of ['hub', 'edge']) process.kill(await pidOf(home, part), 'SIGUSR2')
      progress(`an hour of the device's time, in ${HOUR_MS / HURRY / 1_000} s`)
      await delay(HOUR_MS / HURRY)
      const after = await look(home, edge, join(folder.path, 'after'))
      return {
        bench: 'idle',
        rows: [
          {
            name: 'transactions that wrote rows in an idle hour',
            value: after.nextXid - before.nextXid,
            unit: 'per hour',
            goal: { op: '<=', value: 0 },
          },
          { name: 'write-ahead log of an idle hour', value: after.walBytes - before.walBytes, unit: 'bytes' },
          {
            name: 'written by the agent process in an idle hour (logs and sockets too)',
            value: after.writtenBytes - before.writtenBytes,
            unit: 'bytes',
          },
          { name: 'written by it to the disk', value: after.diskBytes - before.diskBytes, unit: 'bytes' },
          {
            name: 'growth of the device folder',
            value: after.folderBytes - before.folderBytes,
            unit: 'bytes',
          },
        ],
      }
    } finally {
      await up.stop()
    }
  } finally {
    await folder.remove()
  }
}

async function pidOf(home: string, part = 'edge'): Promise<number> {
  return (JSON.parse(await readFile(join(home, 'run', `${part}.json`), 'utf8')) as { pid: number }).pid
}

interface Look {
  readonly nextXid: number
  readonly walBytes: number
  readonly writtenBytes: number
  readonly diskBytes: number
  readonly folderBytes: number
}

async function look(home: string, pid: number, copy: string): Promise<Look> {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  const folderBytes = bytesUnder(join(home, 'edge'))
  await cp(join(home, 'edge/database/pgdata'), join(copy, 'pgdata'), { recursive: true })
  const db = await openDatabase({ dir: copy })
  const [row] = await db.query<{ xid: number; wal: number }>(
    `select split_part(next_xid, ':', 2)::bigint as xid, (checkpoint_lsn - '0/0'::pg_lsn)::bigint as wal
     from pg_control_checkpoint()`,
  )
  await db.close()
  await rm(copy, { recursive: true, force: true })
  return {
    nextXid: row?.xid ?? Number.NaN,
    walBytes: row?.wal ?? Number.NaN,
    writtenBytes: fieldOf(io, 'wchar'),
    diskBytes: fieldOf(io, 'write_bytes'),
    folderBytes,
  }
}

function fieldOf(io: string, name: string): number {
  return Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1])
}

function bytesUnder(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
}
