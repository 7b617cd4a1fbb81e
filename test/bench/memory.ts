/** Resident memory of each process of a running Starling, idle after a few turns (Linux: VmRSS of /proc). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { dataFolder } from '../support/data-folder.ts'
import { spoken } from '../support/sounds.ts'
import { startUp } from '../support/starling.ts'
import type { BenchReport, BenchRow } from './report.ts'

const IDLE_MS = 20_000

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await dataFolder('bench-memory')
  const home = join(folder.path, 'home')
  try {
    progress('a first start, so that what is measured is a warm one')
    await (await startUp(home)).stop()
    const up = await startUp(home)
    try {
      for (let turn = 0; turn < 5; turn += 1)
        await fetch(new URL('/v1/turns', up.technician), {
          method: 'POST',
          body: new Uint8Array(spoken('log')),
        })
      progress(`idle for ${IDLE_MS / 1_000} s`)
      await delay(IDLE_MS)
      return { bench: 'memory', rows: rows(home, up.process.pid ?? 0) }
    } finally {
      await up.stop()
    }
  } finally {
    await folder.remove()
  }
}

function rows(home: string, supervisor: number): readonly BenchRow[] {
  const pidOf = (part: string): number =>
    (JSON.parse(readFileSync(join(home, 'run', `${part}.json`), 'utf8')) as { pid: number }).pid
  const natsOf = (folder: string): number =>
    Number(readFileSync(join(home, folder, 'nats', 'nats-server.pid'), 'utf8'))
  return [
    {
      name: 'edge agent with models and database',
      value: residentMb(pidOf('edge')),
      unit: 'MB',
      goal: { op: '<=', value: 300 },
    },
    { name: 'centre with database', value: residentMb(pidOf('hub')), unit: 'MB' },
    { name: 'leaf nats-server', value: residentMb(natsOf('edge')), unit: 'MB' },
    { name: 'hub nats-server', value: residentMb(natsOf('hub')), unit: 'MB' },
    { name: 'starling up', value: residentMb(supervisor), unit: 'MB' },
  ]
}

function residentMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match?.[1] === undefined) throw new Error(`process ${pid} has no resident memory`)
  return Math.round(Number(match[1]) / 1_024)
}
