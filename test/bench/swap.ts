/**
 * A warm swap: the first request after a new bundle was taken up, over the median of those that follow. A request is what a turn asks
 * of the models: to hear a sentence and to understand it.
 */
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../shared/clock.ts'
import { openModels, type Models } from '../../edge-agent/agent/models.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { wavSource } from '../../edge-agent/turn/wav-source.ts'
import { shippedIntentFolder } from '../edge-agent/intent/intent-bundle.ts'
import { spoken } from '../support/sounds.ts'
import { quantile, type BenchOptions, type BenchReport, type BenchRow } from './report.ts'

const SWAPS = 20
const STEADY_REQUESTS = 15

/** Not the recording, nor a sentence, that the warm-up uses. */
async function request(models: Models): Promise<void> {
  const { signal } = new AbortController()
  const sound = wavSource(new Uint8Array(spoken('look')))
  const { text, confidence, alternatives } = await models
    .ears()
    .listen(sound, { onPartial: () => undefined, signal })
  await models.mind().understand({ text, confidence, alternatives, before: null, context: null })
}

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const swaps = limit === undefined ? SWAPS : Number(limit)
  const intent = shippedIntentFolder()
  const speech = fileURLToPath(MODEL_FOLDERS.speech)
  try {
    return {
      bench: 'swap',
      rows: [
        ...(await swapped({ what: 'speech bundle', dir: speech, other: intent }, swaps, progress)),
        ...(await swapped({ what: 'intent bundle', dir: intent, other: speech }, swaps, progress)),
      ],
    }
  } finally {
    rmSync(intent, { recursive: true })
  }
}

interface Swapped {
  readonly what: string
  /** The bundle that is taken up again and again, and the one beside it. */
  readonly dir: string
  readonly other: string
}

async function swapped(
  { what, dir, other }: Swapped,
  swaps: number,
  progress: (line: string) => void,
): Promise<readonly BenchRow[]> {
  const models = openModels({
    clock: systemClock,
    signal: new AbortController().signal,
    speechThreads: 1,
    voiceModel: () => null,
  })
  try {
    await models.use(other)
    await models.use(dir)
    const ratios: number[] = []
    for (let swap = 0; swap < swaps; swap += 1) {
      await models.use(dir)
      const firstMs = await took(models)
      const steady: number[] = []
      for (let at = 0; at < STEADY_REQUESTS; at += 1) steady.push(await took(models))
      ratios.push(firstMs / quantile(steady, 0.5))
      progress(`${what}: swap ${swap + 1} of ${swaps}`)
    }
    return [
      {
        name: `${what}: first request after a swap / steady median, p50`,
        value: quantile(ratios, 0.5),
        unit: 'ratio',
        goal: { op: '<=', value: 1.2 },
      },
      { name: `${what}: the same, worst of ${swaps}`, value: Math.max(...ratios), unit: 'ratio' },
    ]
  } finally {
    await models.close()
  }
}

async function took(models: Models): Promise<number> {
  const startedMs = performance.now()
  await request(models)
  return performance.now() - startedMs
}
