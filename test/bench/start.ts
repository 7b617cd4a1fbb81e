/** From `starling up` to the first turn's outcome: cold (an empty folder: enrolment, bundles, context) and warm. */
import { join } from 'node:path'
import type { TurnResult } from '../../edge-agent/turn/result.ts'
import { dataFolder } from '../support/data-folder.ts'
import { spoken } from '../support/sounds.ts'
import { startUp } from '../support/starling.ts'
import { quantile, type BenchReport } from './report.ts'

const ROUNDS = 5

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await dataFolder('bench-start')
  try {
    const cold: number[] = []
    const warm: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const home = join(folder.path, `home-${round}`)
      cold.push(await untilFirstTurn(home))
      warm.push(await untilFirstTurn(home))
      progress(
        `round ${round + 1} of ${ROUNDS}: cold ${cold.at(-1)?.toFixed(1)} s, warm ${warm.at(-1)?.toFixed(1)} s`,
      )
    }
    return {
      bench: 'start',
      rows: [
        { name: 'start to first turn, cold, median', value: quantile(cold, 0.5), unit: 's' },
        {
          name: 'start to first turn, warm, median',
          value: quantile(warm, 0.5),
          unit: 's',
          goal: { op: '<=', value: 5 },
        },
        { name: 'start to first turn, warm, worst', value: Math.max(...warm), unit: 's' },
        {
          name: 'warm / cold',
          value: quantile(warm, 0.5) / quantile(cold, 0.5),
          unit: 'ratio',
          baseline: quantile(cold, 0.5),
        },
      ],
    }
  } finally {
    await folder.remove()
  }
}

async function untilFirstTurn(home: string): Promise<number> {
  const began = performance.now()
  const up = await startUp(home)
  try {
    const body = new Uint8Array(spoken('log'))
    const answer = await fetch(new URL('/v1/turns', up.technician), { method: 'POST', body })
    const { outcome } = (await answer.json()) as TurnResult
    if (outcome.kind !== 'done') throw new Error(`the first turn was ${outcome.kind}: ${outcome.say}`)
    return (performance.now() - began) / 1_000
  } finally {
    await up.stop()
  }
}
