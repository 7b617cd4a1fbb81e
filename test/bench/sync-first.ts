/** The first load of a table against PostgreSQL's own COPY of the same rows into the same table, in turn, over one device's database. */
import { copyText } from '../../edge-agent/context/stage.ts'
import { followPart, forgetCopy, openDevice } from './copy-of-part.ts'
import { RecordedShape, recordShape } from './recorded-shape.ts'
import { quantile, type BenchReport } from './report.ts'

const ROWS = 20_000
const ROUNDS = 7
const GOAL = 0.6

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  progress(`a real shape server answers for ${ROWS} rows, once`)
  const recording = await recordShape('named', ROWS, ROWS)
  const device = await openDevice()
  const text = copyText(recording.rows.map((row) => ({ ...row, writeId: null })))
  const times: Record<'sync' | 'copy', number[]> = { sync: [], copy: [] }
  try {
    progress(`${ROUNDS} times the first load, and ${ROUNDS} times a COPY of the same rows, in turn`)
    for (let round = 0; round < ROUNDS; round++) {
      await forgetCopy(device)
      await device.db.script(
        "create table plain (tbl text not null default 'part', key text not null, version bigint not null, write_id text, body jsonb not null, primary key (tbl, key))",
      )
      times.copy.push(
        await timed(async () => {
          await device.db.query('copy plain (key, version, write_id, body) from stdin', [text])
        }),
      )
      await device.db.script('drop table plain')
      await device.db.checkpoint()
      const shape = new RecordedShape()
      for (const [offset, answer] of recording.first) shape.add(offset, answer)
      let stop = async (): Promise<void> => undefined
      times.sync.push(
        await timed(async () => {
          const sync = await followPart(device, shape)
          stop = async () => await sync.stop()
          await sync.untilFirst(AbortSignal.timeout(120_000))
        }),
      )
      const [count] = await device.db.query<{ n: number }>('select count(*) as n from context.row')
      if (count?.n !== ROWS + 1) throw new Error(`${count?.n ?? 0} rows were loaded`)
      await stop()
    }
  } finally {
    await device.close()
  }
  const rate = (ms: readonly number[]): number => ((ROWS + 1) / quantile(ms, 0.5)) * 1_000
  const [sync, copy] = [rate(times.sync), rate(times.copy)]
  return {
    bench: 'sync-first',
    rows: [
      { name: 'first load, from answers to readers', value: sync, unit: 'rows/s', baseline: copy },
      {
        name: 'first load to a bare COPY',
        value: sync / copy,
        unit: 'ratio',
        baseline: 1,
        goal: { op: '>=', value: GOAL },
      },
    ],
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
