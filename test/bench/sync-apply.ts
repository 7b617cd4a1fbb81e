/** Changes of rows that are there: ours against `@electric-sql/pglite-sync`, over the same server's recorded answers, in turn. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { electricSync } from '@electric-sql/pglite-sync'
import { followPart, forgetCopy, openDevice } from './copy-of-part.ts'
import { MARKER, RecordedShape, recordShape, type Recording } from './recorded-shape.ts'
import { quantile, type BenchReport } from './report.ts'

const ROWS = 10_000
const PER_TRANSACTION = 100
const ROUNDS = 3
const GOAL = 15
const LOOK_EVERY_MS = 10

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  progress(
    `a real shape server answers for ${ROWS} rows and a change of each, ${PER_TRANSACTION} in a transaction`,
  )
  const named = await recordShape('named', ROWS, PER_TRANSACTION)
  const freeForm = await recordShape('free-form', ROWS, PER_TRANSACTION)
  const ours: Cost[] = []
  const theirs: Cost[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await oursMs(named))
    theirs.push(await theirsMs(freeForm))
    progress(`round ${round + 1}: ours ${said(ours.at(-1))}, pglite-sync ${said(theirs.at(-1))}`)
  }
  const rate = (costs: readonly Cost[], of: keyof Cost): number =>
    (ROWS /
      quantile(
        costs.map((cost) => cost[of]),
        0.5,
      )) *
    1_000
  const rows = (['wallMs', 'cpuMs'] as const).flatMap((of) => {
    const [mine, control] = [rate(ours, of), rate(theirs, of)]
    const unit = of === 'wallMs' ? 'rows/s' : 'rows/CPU s'
    return [
      { name: `changes applied`, value: mine, unit, baseline: control },
      {
        name: `changes applied to pglite-sync, ${unit}`,
        value: mine / control,
        unit: 'ratio',
        baseline: 1,
        goal: { op: '>=' as const, value: GOAL },
      },
    ]
  })
  return { bench: 'sync-apply', rows }
}

interface Cost {
  readonly wallMs: number
  /** Of this process with all its threads. */
  readonly cpuMs: number
}

function said(cost: Cost | undefined): string {
  return `${cost?.wallMs.toFixed(0)} ms (${cost?.cpuMs.toFixed(0)} ms of CPU)`
}

async function oursMs(recording: Recording): Promise<Cost> {
  const device = await openDevice()
  try {
    await forgetCopy(device)
    const shape = loaded(recording)
    const sync = await followPart(device, shape)
    await sync.untilFirst(AbortSignal.timeout(120_000))
    const ms = await changed(recording, shape, async () => {
      const [row] = await device.db.query<{ name: string }>(
        `select body->>'name' as name from context.row where key = $1`,
        [MARKER],
      )
      return row?.name
    })
    await sync.stop()
    return ms
  } finally {
    await device.close()
  }
}

async function theirsMs(recording: Recording): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-sync-'))
  const pg = await PGlite.create({ dataDir: folder, extensions: { electric: electricSync() } })
  try {
    await pg.exec(
      `create table copy (tenant text, tbl text, key text, site text, device text, version int8, write_id text, body jsonb,
         primary key (tenant, tbl, key))`,
    )
    const shape = loaded(recording)
    const first = new Promise<void>((resolve, reject) => {
      pg.electric
        .syncShapeToTable({
          shape: {
            url: 'http://centre.invalid/v1/shape',
            params: { table: 'ops.row' },
            fetchClient: shape.fetch,
          },
          table: 'copy',
          primaryKey: ['tenant', 'tbl', 'key'],
          shapeKey: 'copy',
          initialInsertMethod: 'json',
          onInitialSync: resolve,
        })
        .catch(reject)
    })
    await first
    return await changed(recording, shape, async () => {
      const { rows } = await pg.query<{ name: string }>(
        `select body->>'name' as name from copy where key = $1`,
        [MARKER],
      )
      return rows[0]?.name
    })
  } finally {
    await pg.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function loaded({ first }: Recording): RecordedShape {
  const shape = new RecordedShape()
  for (const [offset, answer] of first) shape.add(offset, answer)
  return shape
}

/** From when the changes can be had to when the last of them, the marker's, is seen. */
async function changed(
  recording: Recording,
  shape: RecordedShape,
  markerOf: () => Promise<string | undefined>,
): Promise<Cost> {
  const from = performance.now()
  const before = process.cpuUsage()
  for (const [offset, answer] of recording.changes) shape.add(offset, answer)
  while ((await markerOf()) !== 'after') await delay(LOOK_EVERY_MS)
  const { user, system } = process.cpuUsage(before)
  return { wallMs: performance.now() - from, cpuMs: (user + system) / 1_000 }
}
