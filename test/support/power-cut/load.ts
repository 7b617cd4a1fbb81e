/**
 * A load whose every step says afterwards whether it is there: commits that are numbered, whose sums the database keeps
 * itself, and between them what makes and removes files (tables, indexes, truncations, checkpoints).
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { Meters } from '../../../shared/sql/meters.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Queryable } from '../../../shared/sql/port.ts'
import { startParams } from '../../../shared/sql/settings.ts'
import { SyncingNodeFs } from '../../../shared/sql/syncing-fs.ts'
import { placeTemplate } from '../../../shared/sql/template/place-template.ts'
import { recordDisk, type Recording } from './recorder.ts'

/** `stock` is PGlite with its own file system and start parameters; `syncing` is what Starling runs. */
export type Engine = 'stock' | 'syncing'

const TABLE_EVERY = 12
const CHECKPOINT_EVERY = 30

/** An engine in this very thread. */
async function openEngine(engine: Engine, dataDir: string): Promise<PGlite> {
  const onStderr = (): true => true
  if (engine === 'stock') return await PGlite.create({ fs: new NodeFS(dataDir), onStderr })
  const syncing = new SyncingNodeFs(dataDir, new Meters())
  return await PGlite.create({ fs: syncing, startParams: startParams(), onStderr })
}

/** A closed database in `dir/pgdata` for {@link commit}. */
async function prepare(engine: Engine, dir: string): Promise<string> {
  const dataDir = join(dir, 'pgdata')
  await mkdir(dir, { recursive: true })
  await placeTemplate(dataDir)
  const pg = await openEngine(engine, dataDir)
  await pg.exec(
    `create table entry (n int primary key, text text not null); create index entry_by_text on entry (text);
     create table total (entries int not null, chars bigint not null); insert into total values (0, 0);
     create table latest (n int not null); checkpoint;`,
  )
  await pg.close()
  return dataDir
}

/** Records what `commits` commits do to the disk, each marked when it is acknowledged. */
export async function recordLoad(engine: Engine, dir: string, commits: number): Promise<Recording> {
  const dataDir = await prepare(engine, dir)
  const recorder = recordDisk(dataDir)
  try {
    const pg = await openEngine(engine, dataDir)
    for (let n = 1; n <= commits; n++) {
      await commit(pg, n)
      recorder.mark(n)
      if (n % CHECKPOINT_EVERY === 0) await pg.exec('checkpoint')
    }
    await pg.close()
  } finally {
    recorder.stop()
  }
  return recorder.recording
}

/** Commits a second of {@link commit} without what makes files. */
export async function commitRate(engine: Engine, dir: string, commits: number): Promise<number> {
  const pg = await openEngine(engine, await prepare(engine, dir))
  const startedMs = performance.now()
  for (let n = 1; n <= commits; n++) await pg.transaction(async (tx) => await write(tx, n))
  const rate = (commits * 1_000) / (performance.now() - startedMs)
  await pg.close()
  return rate
}

interface Writer {
  query(text: string, params?: unknown[]): Promise<unknown>
}

async function commit(pg: PGlite, n: number): Promise<void> {
  await pg.transaction(async (tx) => {
    await write(tx, n)
    if (n % TABLE_EVERY !== 0) return
    await tx.exec(`truncate latest; insert into latest values (${n});
      create table side_${n} as select n, text from entry; create index side_${n}_by_text on side_${n} (text);`)
    if (n > 2 * TABLE_EVERY) await tx.exec(`drop table side_${n - 2 * TABLE_EVERY}`)
  })
}

async function write(tx: Writer, n: number): Promise<void> {
  const text = textOf(n)
  await tx.query('insert into entry (n, text) values ($1, $2)', [n, text])
  await tx.query('update total set entries = entries + 1, chars = chars + $1', [text.length])
}

function textOf(n: number): string {
  return `entry ${n} `.repeat(1 + ((n * 7) % 40))
}

/** Opens what a cut left, and says what is wrong with it: null for nothing. */
export async function faultOf(dir: string, acknowledged: number): Promise<string | null> {
  const opened = await openDatabase({ dir }).catch((thrown: unknown) => String(thrown))
  if (typeof opened === 'string') return opened
  try {
    return await contentFault(opened, acknowledged)
  } catch (thrown) {
    return String(thrown)
  } finally {
    await opened.close().catch(() => undefined)
  }
}

async function contentFault(db: Queryable, acknowledged: number): Promise<string | null> {
  const entries = await db.query<{ n: number; text: string }>('select n, text from entry order by n + 0')
  const last = entries.length
  if (last < acknowledged) return `${acknowledged} commits were acknowledged, ${last} are there`
  if (last > acknowledged + 1) return `${last} commits are there, ${acknowledged} were acknowledged`
  const wrong = entries.findIndex(({ n, text }, index) => n !== index + 1 || text !== textOf(n))
  if (wrong >= 0) return `entry ${wrong + 1} is not what was written`
  const chars = entries.reduce((sum, { text }) => sum + text.length, 0)
  const [total] = await db.query<{ entries: number; chars: number }>('select entries, chars from total')
  if (total?.entries !== last || total.chars !== chars) return 'the sums are of another moment than the rows'
  const tabled = last - (last % TABLE_EVERY)
  const [latest] = await db.query<{ n: number }>('select n from latest')
  if ((latest?.n ?? 0) !== tabled) return 'the truncated table is of another moment than the rows'
  for (const n of [tabled, tabled - TABLE_EVERY].filter((made) => made > 0)) {
    const [side] = await db.query<{ rows: number }>(`select count(*) as rows from side_${n}`)
    if (side?.rows !== n) return `side_${n} does not hold its rows`
  }
  await db.query('set enable_seqscan = off')
  const [indexed] = await db.query<{ rows: number }>(
    "select count(*) as rows from entry where text >= 'entry ' and text < 'entrz'",
  )
  return indexed?.rows === last ? null : 'an index does not hold what its table holds'
}
