/** Copies killed in mid-apply, and what is stale in them for good: ours, and pglite-sync's as the known-bad control in the same run. */
import { runCopyKills } from '../fabric/copy-kills.ts'
import type { BenchOptions, BenchReport } from './report.ts'

const SEEDS = 200
const ROWS = 2_000

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const count = limit === undefined ? SEEDS : Number(limit)
  progress(`${count} rounds: each of ${ROWS} rows is touched once, and both copies are killed meanwhile`)
  const { starling, 'pglite-sync': control } = await runCopyKills({
    seeds: Array.from({ length: count }, (_, index) => index + 1),
    rows: ROWS,
    onRound: (seed, tallies) => {
      if (seed % 10 === 0) progress(`${seed}: ${JSON.stringify(tallies)}`)
    },
  })
  return {
    bench: 'sync-kill',
    rows: [
      { name: 'kills', value: starling.kills, unit: 'kills', baseline: control.kills },
      {
        name: 'stale rows after all rounds',
        value: starling.staleRows + starling.wrongCounts,
        unit: 'rows',
        baseline: control.staleRows,
        goal: { op: '<=', value: 0 },
      },
      {
        name: 'rounds that left stale rows',
        value: starling.staleRounds,
        unit: 'rounds',
        baseline: control.staleRounds,
      },
      {
        name: 'the control diverges',
        value: control.staleRounds,
        unit: 'rounds',
        goal: { op: '>=', value: 1 },
      },
    ],
  }
}
