/** What capturing costs those who write: the same bulk insert into a plain table and into one that shapes follow, in turn. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CAPTURE_FUNCTION, captureTable } from '../../control-plane/shapes/capture/triggers.ts'
import { findRelation } from '../../control-plane/shapes/relation.ts'
import { SHAPES_SCHEMA } from '../../control-plane/shapes/store/schema.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { openPostgres } from '../../shared/sql/postgres-database.ts'
import { postgresPrograms, startPostgres } from '../support/postgres.ts'
import { quantile, type BenchReport, type BenchRow } from './report.ts'

const ROWS = 20_000
const ROUNDS = 7
const SINGLES = 300
const BULK_GOAL = 0.4

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-capture-'))
  const rows: BenchRow[] = []
  try {
    const pglite = await openDatabase({ dir: folder })
    rows.push(...(await measure('PGlite', pglite, progress)))
    await pglite.close()
    const bin = await postgresPrograms()
    if (bin !== null) {
      const server = await startPostgres(bin)
      const db = await openPostgres({ url: server.url, name: 'bench' })
      rows.push(...(await measure('PostgreSQL', db, progress)))
      await db.close()
      await server.stop()
    }
    return { bench: 'capture', rows }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(
  name: string,
  db: Database,
  progress: (line: string) => void,
): Promise<readonly BenchRow[]> {
  progress(
    `${name}: ${ROUNDS} times ${ROWS} rows at once, and ${SINGLES} one by one, plain and captured in turn`,
  )
  const columns = '(id int primary key, owner text not null, note text not null, num int not null)'
  await db.script(
    `${SHAPES_SCHEMA}${CAPTURE_FUNCTION} create table plain ${columns}; create table captured ${columns}`,
  )
  const relation = await findRelation(db, { schema: 'public', table: 'captured' })
  if (relation === null) throw new Error('the table is not there')
  await captureTable(db, relation)
  const bulk: Record<'plain' | 'captured', number[]> = { plain: [], captured: [] }
  const single: Record<'plain' | 'captured', number[]> = { plain: [], captured: [] }
  for (let round = 0; round < ROUNDS; round++)
    for (const table of ['plain', 'captured'] as const) {
      await db.script('truncate plain; truncate captured; truncate starling_shapes.change')
      await db.checkpoint()
      bulk[table].push(
        await timed(async () => {
          await db.query(
            `insert into ${table} select i, 'owner ' || i % 100, repeat('x', 60), i from generate_series(1, ${ROWS}) i`,
          )
        }),
      )
      single[table].push(
        await timed(async () => {
          for (let id = 1; id <= SINGLES; id++)
            await db.query(`insert into ${table} values ($1, 'owner', 'note', 1)`, [ROWS + id])
        }),
      )
    }
  const rate = (times: readonly number[], count: number): number => (count / quantile(times, 0.5)) * 1_000
  const [plain, captured] = [rate(bulk.plain, ROWS), rate(bulk.captured, ROWS)]
  const [plainOne, capturedOne] = [rate(single.plain, SINGLES), rate(single.captured, SINGLES)]
  return [
    { name: `${name}: bulk insert, captured`, value: captured, unit: 'rows/s', baseline: plain },
    {
      name: `${name}: bulk insert, captured to plain`,
      value: captured / plain,
      unit: 'ratio',
      baseline: 1,
      goal: { op: '>=', value: BULK_GOAL },
    },
    {
      name: `${name}: one by one, captured to plain`,
      value: capturedOne / plainOne,
      unit: 'ratio',
      baseline: 1,
    },
  ]
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
