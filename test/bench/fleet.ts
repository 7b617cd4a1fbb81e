/**
 * Whole campaigns over a simulated fleet: production reducer, gates and device machine on a virtual clock. One run after another
 * on one core; the processor's time is counted, because other programs of the machine say nothing of ours.
 */
import { simulate } from '../../rollout/simulation/simulate.ts'
import type { SimulationReport } from '../../rollout/simulation/report.ts'
import type { BenchOptions, BenchReport } from './report.ts'

const DEVICES = 100_000
const SEED = 7
const RUNS = 3
const GOAL_SECONDS = 10

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const devices = limit === undefined ? DEVICES : Number(limit)
  const runs: Timed[] = []
  for (let at = 0; at < RUNS; at += 1) {
    progress(`run ${at + 1} of ${RUNS}: a good bundle to ${devices} devices`)
    runs.push(timed(devices, 1))
  }
  progress('a bad bundle, that fails twice as often')
  const bad = timed(devices, 2)
  const good = runs[0]?.report
  const promoted = good?.rings.filter(({ outcome }) => outcome === 'promoted').length ?? 0
  const firstTwo = good?.declaredShares[1] ?? 0
  return {
    bench: 'fleet',
    rows: [
      {
        name: `${devices} devices, good bundle, processor time of the slowest run`,
        value: Math.max(...runs.map(({ seconds }) => seconds)),
        unit: 's',
        goal: { op: '<=', value: GOAL_SECONDS },
      },
      {
        name: 'resident memory of the process at its highest, all runs',
        value: Math.round(process.resourceUsage().maxRSS / 1_024),
        unit: 'MB',
      },
      { name: 'rings passed', value: promoted, unit: 'rings', goal: { op: '>=', value: 5 } },
      {
        name: `different state hashes in ${RUNS} runs`,
        value: new Set(runs.map(({ report }) => report.stateHash)).size,
        unit: 'hashes',
        goal: { op: '<=', value: 1 },
      },
      {
        name: 'doubled error rate: halted',
        value: bad.report.verdict === 'HALT' ? 1 : 0,
        unit: 'yes',
        goal: { op: '>=', value: 1 },
      },
      {
        name: 'doubled error rate: rings that it was given to',
        value: bad.report.rings.length,
        unit: 'rings',
        goal: { op: '<=', value: 2 },
      },
      {
        name: 'doubled error rate: share of the whole fleet exposed',
        value: bad.report.exposedShare,
        unit: 'share',
        goal: { op: '<=', value: firstTwo },
      },
      {
        name: 'doubled error rate: share exposed / declared for two rings',
        value: bad.report.exposedShare / firstTwo,
        unit: 'ratio',
        baseline: firstTwo,
        goal: { op: '<=', value: 1 },
      },
      {
        name: 'doubled error rate: virtual time to the halt',
        value: (bad.report.secondsToHalt ?? Number.NaN) / 3_600,
        unit: 'h',
      },
      {
        name: 'devices with a mixture of two bundles',
        value: Math.max(bad.report.mixedDevices, good?.mixedDevices ?? Number.NaN),
        unit: 'devices',
        goal: { op: '<=', value: 0 },
      },
    ],
  }
}

interface Timed {
  readonly report: SimulationReport
  readonly seconds: number
}

function timed(devices: number, regression: number): Timed {
  const before = process.cpuUsage()
  const report = simulate({ devices, seed: SEED, regression })
  const { user, system } = process.cpuUsage(before)
  return { report, seconds: (user + system) / 1e6 }
}
