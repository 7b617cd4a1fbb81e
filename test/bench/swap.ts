/**
 * A warm swap: the first request after a new bundle was taken up, over the median of those that follow. A request is what a turn asks
 * of the models: to hear a sentence and to understand it; and, in rows of its own, to understand a text alone.
 */
import { rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
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

/** By each of the ways on which a text is understood: read at once, guessed, put right, several in one breath. None is the warm-up's. */
const TEXTS = [
  'look up the feed water pump',
  'could somebody tell me a bit about boiler two',
  'log six bar no seven bar',
  'log nine bar and go on to the next step',
]
/** A text takes a millisecond: enough of them for a median that stands still. */
const STEADY_TEXTS = 25
/**
 * As turns come, one by one: a text that follows at once upon another is quicker than one that finds the processor’s caches
 * cold, swap or no swap. Both the first one and the steady ones come after so much of nothing.
 */
const PAUSE_MS = 20

type Request = (models: Models, swap: number) => Promise<void>

const understandAlone: Request = async (models, swap) => {
  const text = TEXTS[swap % TEXTS.length] ?? ''
  await models.mind().understand({ text, confidence: 1, alternatives: [], before: null, context: null })
}

/** Not the recording, nor a sentence, that the warm-up uses. */
const hearAndUnderstand: Request = async (models) => {
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
        ...(await swapped(
          {
            what: 'intent bundle, understanding alone',
            dir: intent,
            other: speech,
            request: understandAlone,
            steadyRequests: STEADY_TEXTS,
            pauseMs: PAUSE_MS,
          },
          swaps,
          progress,
        )),
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
  readonly request?: Request
  readonly steadyRequests?: number
  /** Before each request. */
  readonly pauseMs?: number
}

async function swapped(
  { what, dir, other, request = hearAndUnderstand, steadyRequests = STEADY_REQUESTS, pauseMs = 0 }: Swapped,
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
      const one = async (): Promise<number> => {
        if (pauseMs > 0) await setTimeout(pauseMs)
        return await took(async () => await request(models, swap))
      }
      const firstMs = await one()
      const steady: number[] = []
      for (let at = 0; at < steadyRequests; at += 1) steady.push(await one())
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

async function took(request: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await request()
  return performance.now() - startedMs
}
