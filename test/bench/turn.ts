/**
 * A turn on the real agent: from the end of speech to the action's durable record, as a ratio to what ONNX Runtime alone took
 * for the same sentence; with the centre stopped, as in the field.
 */
import { join } from 'node:path'
import type { TurnResult } from '../../edge-agent/turn/result.ts'
import { dataFolder } from '../support/data-folder.ts'
import { spoken } from '../support/sounds.ts'
import { startUp } from '../support/starling.ts'
import { quantile, type BenchReport } from './report.ts'

const WARM_UP = 5
const ROUNDS = 60
const SENTENCES = ['log', 'note', 'yes', 'look'] as const

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await dataFolder('bench-turn')
  progress('starting Starling')
  const up = await startUp(join(folder.path, 'home'))
  try {
    const results: TurnResult[] = []
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      const body = new Uint8Array(spoken(SENTENCES[round % SENTENCES.length] ?? 'log'))
      const answer = await fetch(new URL('/v1/turns', up.technician), { method: 'POST', body })
      const result = (await answer.json()) as TurnResult
      // A note is read back, and kept by the yes that follows: the question is its durable record.
      if (result.outcome.kind !== 'done' && result.outcome.kind !== 'question')
        throw new Error(`a turn was ${result.outcome.kind}: ${result.outcome.say}`)
      if (round >= WARM_UP) results.push(result)
      if (round % 20 === 0) progress(`turn ${round} of ${WARM_UP + ROUNDS}`)
    }
    return report(results)
  } finally {
    await up.stop()
    await folder.remove()
  }
}

function report(results: readonly TurnResult[]): BenchReport {
  const waits = results.map(({ timings }) => timings.endToOutcomeMs)
  const runtime = results.map(({ timings }) => timings.runtimeMs)
  const whole = results.map(({ timings }) => timings.endToOutcomeMs / timings.runtimeMs)
  return {
    bench: 'turn',
    rows: [
      { name: 'end of speech to action, p50', value: quantile(waits, 0.5), unit: 'ms' },
      {
        name: 'end of speech to action, p95',
        value: quantile(waits, 0.95),
        unit: 'ms',
        goal: { op: '<=', value: 200 },
      },
      { name: 'ONNX Runtime for the sentence, p50', value: quantile(runtime, 0.5), unit: 'ms' },
      {
        name: 'end of speech to action / ONNX Runtime, p50',
        value: quantile(whole, 0.5),
        unit: 'ratio',
        baseline: quantile(runtime, 0.5),
      },
    ],
  }
}
