/** What one change costs the shape server while ever more scoped shapes are followed, each of which asks for its own owner's rows. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ShapeDefinition } from '../../control-plane/shapes/definition.ts'
import {
  openShapes,
  USUAL_CHUNK_BYTES,
  USUAL_POLL_MS,
  type Shapes,
} from '../../control-plane/shapes/shapes.ts'
import { USUAL_RETENTION } from '../../control-plane/shapes/upkeep.ts'
import { systemClock } from '../../shared/clock.ts'
import { openLog } from '../../shared/log.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { quantile, type BenchReport, type BenchRow } from './report.ts'

const USUAL_SIZES = [10, 100, 1_000, 10_000]
const ROUNDS = 40
const CHANGES = 25
const GROWTH_GOAL = 1.2

export async function run(
  progress: (line: string) => void,
  options: { readonly limit?: string | undefined } = {},
): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-fanout-'))
  const db = await openDatabase({ dir: folder })
  const log = openLog({ part: 'bench', clock: systemClock, json: false, write: progress })
  const shapes = await openShapes({
    db,
    readsDb: db,
    clock: systemClock,
    log,
    pollMs: USUAL_POLL_MS,
    chunkBytes: USUAL_CHUNK_BYTES,
    retention: USUAL_RETENTION,
  })
  try {
    await db.script(
      'create table job (id bigint generated always as identity primary key, owner text, note text)',
    )
    const sizes = USUAL_SIZES.filter((size) => options.limit === undefined || size <= Number(options.limit))
    const costs: number[] = []
    let made = 0
    for (const size of sizes) {
      progress(`making shapes up to ${size}`)
      for (; made < size; made++) await follow(shapes, made)
      // The first time is the compiler's.
      if (costs.length === 0) await costOfChange(db, shapes, size)
      costs.push(await costOfChange(db, shapes, size))
    }
    return { bench: 'fanout', rows: rowsOf(sizes, costs) }
  } finally {
    await shapes.close()
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function rowsOf(sizes: readonly number[], costs: readonly number[]): readonly BenchRow[] {
  const [least = Number.NaN] = costs
  return costs.flatMap((cost, index) => {
    const name = `a change at ${sizes[index] ?? 0} shapes`
    const absolute = { name: `${name}, CPU p50`, value: cost, unit: 'us' }
    const goal = { op: '<=', value: GROWTH_GOAL } as const
    return index === 0
      ? [absolute]
      : [
          absolute,
          { name: `${name}, to ${sizes[0] ?? 0}`, value: cost / least, unit: 'ratio', baseline: 1, goal },
        ]
  })
}

async function follow(shapes: Shapes, owner: number): Promise<void> {
  const definition: ShapeDefinition = {
    schema: 'public',
    table: 'job',
    columns: null,
    where: 'owner = $1',
    params: { 1: `owner ${owner}` },
    replica: 'default',
    log: 'full',
    scope: `owner ${owner}`,
  }
  await shapes.server.serve(
    { definition, offset: 'start', handle: null, isLive: false },
    AbortSignal.timeout(60_000),
  )
}

/** CPU of the whole process, the database's thread with it: insert, capture, and the entry in the one log that it concerns. */
async function costOfChange(db: Database, shapes: Shapes, size: number): Promise<number> {
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage()
    for (let change = 0; change < CHANGES; change++) {
      const owner = `owner ${(round * CHANGES + change) % size}`
      await db.query(`insert into job (owner, note) values ($1, 'a note')`, [owner])
      await shapes.server.catchUp()
    }
    const { user, system } = process.cpuUsage(from)
    costs.push((user + system) / CHANGES)
  }
  return quantile(costs, 0.5)
}
