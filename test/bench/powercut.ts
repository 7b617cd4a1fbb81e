/**
 * Power cuts: the operation log of the file system under a commit load, cut at random moments; of what was not synced any part
 * may be lost (test/support/power-cut/disk-image.ts). Each image is opened and must hold every acknowledged commit, and no half
 * of one. PGlite's own NodeFS, which never syncs, is the control; commit rates of both are of the same run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CutDisk } from '../support/power-cut/disk-image.ts'
import { commitRate, faultOf, recordLoad, type Engine } from '../support/power-cut/load.ts'
import { seeded } from '../../shared/seeded.ts'
import { quantile, type BenchOptions, type BenchReport } from './report.ts'

const USUAL_IMAGES = 200
const COMMITS = 240
const RATE_COMMITS = 400
const RATE_ROUNDS = 5
const SEED = 1

export async function run(
  progress: (line: string) => void,
  options: BenchOptions = {},
): Promise<BenchReport> {
  const images = Number(options.limit ?? USUAL_IMAGES)
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-powercut-'))
  try {
    const clean = {
      syncing: await cleanImages({ engine: 'syncing', folder, images }, progress),
      stock: await cleanImages({ engine: 'stock', folder, images }, progress),
    }
    const { stock, syncing } = await rates(folder, progress)
    return {
      bench: 'powercut',
      rows: [
        {
          name: 'images that open clean with all that was acknowledged',
          value: clean.syncing,
          unit: `of ${images}`,
          baseline: clean.stock,
          goal: { op: '>=', value: images },
        },
        { name: 'the same with stock NodeFS (control)', value: clean.stock, unit: `of ${images}` },
        {
          name: 'commits a second',
          value: quantile(syncing, 0.5),
          unit: '1/s',
          baseline: quantile(stock, 0.5),
        },
        {
          name: 'commit rate to that of stock NodeFS',
          value: quantile(
            syncing.map((rate, round) => rate / (stock[round] ?? Number.NaN)),
            0.5,
          ),
          unit: 'ratio',
          baseline: 1,
          goal: { op: '>=', value: 0.7 },
        },
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function cleanImages(
  { engine, folder, images }: { readonly engine: Engine; readonly folder: string; readonly images: number },
  progress: (line: string) => void,
): Promise<number> {
  progress(`${engine}: recording ${COMMITS} commits`)
  const recording = await recordLoad(engine, join(folder, engine), COMMITS)
  const random = seeded(SEED)
  const { length } = recording.operations
  const cuts = Array.from({ length: images }, () => Math.floor(random() * length)).sort((a, b) => a - b)
  const disk = new CutDisk(recording)
  let clean = 0
  for (const [index, cut] of cuts.entries()) {
    disk.advance(cut)
    const dir = join(folder, 'image')
    disk.write(join(dir, 'pgdata'), seeded(SEED + index + 1))
    const fault = await faultOf(dir, disk.acknowledged)
    if (fault === null) clean += 1
    else progress(`${engine}, image ${index}, cut at ${cut} of ${length}: ${fault.slice(0, 200)}`)
    await rm(dir, { recursive: true, force: true })
  }
  progress(`${engine}: ${clean} of ${images} clean`)
  return clean
}

async function rates(
  folder: string,
  progress: (line: string) => void,
): Promise<Readonly<Record<Engine, readonly number[]>>> {
  const measured: Record<Engine, number[]> = { stock: [], syncing: [] }
  for (let round = 0; round < RATE_ROUNDS; round++) {
    for (const engine of ['stock', 'syncing'] as const)
      measured[engine].push(await commitRate(engine, join(folder, `rate-${engine}-${round}`), RATE_COMMITS))
    progress(`rates, round ${round + 1} of ${RATE_ROUNDS}`)
  }
  return measured
}
