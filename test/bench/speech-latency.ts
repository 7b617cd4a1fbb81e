/**
 * Streams fed by the clock, as microphones feed them: from the last sample to the final, and from the end of the first word to
 * the first partial. Speech of the demonstration, cut where it ends: whoever speaks lets the button go there.
 */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { RecogniserBusy } from '../../edge-agent/speech/errors.ts'
import { openRecogniser, type Recogniser } from '../../edge-agent/speech/recogniser.ts'
import { samplesOf, spoken } from '../support/sounds.ts'
import { quantile, type BenchReport, type BenchRow } from './report.ts'

const RATE = 16_000
const BLOCK_MS = 40
const GRAMMAR = 'domain'
const SENTENCES = ['open', 'log', 'look', 'note'] as const
/** Utterances a stream; the first of each stream warms up and is not counted. */
const ROUNDS = { 1: 24, 20: 5 } as const
/** Of the recogniser: more streams than one processor follows are shared out. */
const THREADS = Math.min(2, availableParallelism())
/** Samples under this are no speech: the recordings are synthetic, and silent where nobody speaks. */
const SILENT = 0.01
/** The pause after the button is let go in which an endpoint without a button is waited for. */
const PAUSE_MS = 1_500

interface Waits {
  readonly finals: number[]
  readonly partials: number[]
  readonly endpoints: number[]
  /** Streams that were not taken on, because the machine was behind. */
  refused: number
}

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const recogniser = await openRecogniser({
    modelDir: fileURLToPath(MODEL_FOLDERS.speech),
    threads: THREADS,
  })
  try {
    const domain = openDomainUnderTest(fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains)))
    await domain.load(recogniser, GRAMMAR)
    const rows: BenchRow[] = []
    for (const streams of [1, 20] as const) {
      const waits: Waits = { finals: [], partials: [], endpoints: [], refused: 0 }
      const before = await recogniser.processorMs()
      const begunMs = performance.now()
      await Promise.all(
        Array.from({ length: streams }, (_, stream) => speakAll(recogniser, stream, ROUNDS[streams], waits)),
      )
      const busy = ((await recogniser.processorMs()) - before) / (performance.now() - begunMs)
      progress(
        `${streams} streams: ${waits.finals.length} utterances, ${(100 * busy).toFixed(0)} % of a processor`,
      )
      rows.push(...rowsOf(streams, waits))
    }
    return { bench: 'speech-latency', rows }
  } finally {
    await recogniser.close()
  }
}

function rowsOf(streams: number, { finals, partials, endpoints, refused }: Waits): BenchRow[] {
  const at = streams === 1 ? 'one stream' : `${streams} streams at once`
  return [
    { name: `end of speech to final, p50, ${at}`, value: quantile(finals, 0.5), unit: 'ms' },
    {
      name: `end of speech to final, p95, ${at}`,
      value: quantile(finals, 0.95),
      unit: 'ms',
      goal: { op: '<=', value: 300 },
    },
    {
      name: `first word to first partial, p95, ${at}`,
      value: quantile(partials, 0.95),
      unit: 'ms',
      goal: { op: '<=', value: 400 },
    },
    {
      name: `end of speech to endpoint without a button, p95, ${at}`,
      value: quantile(endpoints, 0.95),
      unit: 'ms',
    },
    { name: `utterances refused, ${at}`, value: refused, unit: '', goal: { op: '<=', value: 0 } },
  ]
}

async function speakAll(recogniser: Recogniser, stream: number, rounds: number, waits: Waits): Promise<void> {
  // Nobody begins at the same moment.
  await delay((stream * 97) % 1_000)
  for (let round = 0; round < rounds; round++) {
    const name = SENTENCES[(stream + round) % SENTENCES.length] ?? 'log'
    const warm = round > 0
    const samples = cutToSpeech(samplesOf(spoken(name)))
    try {
      if (round % 2 === 0) await speak(recogniser, samples, warm ? waits : null)
      else await waitForEndpoint(recogniser, samples, waits)
    } catch (thrown) {
      if (!(thrown instanceof RecogniserBusy)) throw thrown
      waits.refused++
    }
  }
}

/** Speaks and lets the button go at the end of speech. */
async function speak(recogniser: Recogniser, samples: Float32Array, waits: Waits | null): Promise<void> {
  let firstMs: number | undefined
  const stream = recogniser.open(GRAMMAR, {
    sampleRate: RATE,
    onPartial: ({ words }) => {
      if (words.length > 0) firstMs ??= performance.now()
    },
  })
  const begunMs = performance.now()
  await feed(samples, async (block) => await stream.push(block))
  const endedMs = performance.now()
  const { words } = await stream.finish()
  const finalMs = performance.now()
  if (waits === null) return
  waits.finals.push(finalMs - endedMs)
  const [first] = words
  if (first !== undefined) waits.partials.push((firstMs ?? finalMs) - begunMs - first.endMs)
}

/** Speaks, stays silent, and sees when the recogniser says that the speaker has finished. */
async function waitForEndpoint(recogniser: Recogniser, samples: Float32Array, waits: Waits): Promise<void> {
  let endpointMs: number | undefined
  const stream = recogniser.open(GRAMMAR, {
    sampleRate: RATE,
    onEndpoint: () => (endpointMs ??= performance.now()),
  })
  await feed(samples, async (block) => await stream.push(block))
  const endedMs = performance.now()
  const noise = new Float32Array((PAUSE_MS / 1_000) * RATE).map((_, i) => 0.0005 * Math.sin(i * i))
  await feed(noise, async (block) => {
    if (endpointMs === undefined) await stream.push(block)
  })
  await stream.finish()
  waits.endpoints.push((endpointMs ?? Infinity) - endedMs)
}

/** Hands over each block when its last sample has been spoken. */
async function feed(samples: Float32Array, push: (block: Float32Array) => Promise<void>): Promise<void> {
  const size = (RATE * BLOCK_MS) / 1_000
  const begunMs = performance.now()
  for (let at = 0; at < samples.length; at += size) {
    const block = samples.subarray(at, at + size)
    const dueMs = begunMs + (1_000 * (at + block.length)) / RATE
    await delay(Math.max(0, dueMs - performance.now()))
    await push(block)
  }
}

function cutToSpeech(samples: Float32Array): Float32Array {
  return samples.subarray(0, samples.findLastIndex((x) => Math.abs(x) > SILENT) + 1)
}
