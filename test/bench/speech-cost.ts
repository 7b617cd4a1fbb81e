/**
 * What hearing costs, in processor time of the thread that hears, so that a busy machine does not change it: one stream, and
 * sixteen at once against the runtime alone on the same number of frames.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { play } from '../../edge-agent/evaluation/playing.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { FEATURES } from '../../edge-agent/speech/features.ts'
import { openRecogniser, type Recogniser } from '../../edge-agent/speech/recogniser.ts'
import { threadTimeMs } from '../../edge-agent/speech/thread-time.ts'
import { samplesOf, spoken } from '../support/sounds.ts'
import type { BenchReport, BenchRow } from './report.ts'

const RATE = 16_000
const GRAMMAR = 'domain'
const SENTENCES = ['open', 'log', 'look', 'note', 'unclear'] as const
const ROUNDS = 12
const STREAMS = 16
/** Frames that a stream has scored at once. */
const STEP = 16
const FRAMES_A_SECOND = 100
const MODEL = fileURLToPath(MODEL_FOLDERS.speech)
const WHOLE = join(MODEL, 'acoustic.onnx')
/** The same model before it was quantised, where a release carries it. */
const UNQUANTISED = join(MODEL, 'acoustic.fp32.onnx')

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const recogniser = await openRecogniser({ modelDir: MODEL })
  try {
    const domain = openDomainUnderTest(fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains)))
    await domain.load(recogniser, GRAMMAR)
    progress('one stream')
    await cost(recogniser, 1, 1)
    const one = await cost(recogniser, 1, ROUNDS)
    progress(`${STREAMS} streams`)
    const many = await cost(recogniser, STREAMS, ROUNDS)
    progress('the runtime alone')
    const raw = await runtimeAlone(WHOLE, STREAMS * STEP)
    return {
      bench: 'speech-cost',
      rows: [
        {
          name: 'real-time factor of one stream',
          value: one,
          unit: 'of a processor',
          goal: { op: '<=', value: 0.05 },
        },
        {
          name: `whole pipeline / runtime alone, batch ${STREAMS}`,
          value: many / raw,
          unit: 'ratio',
          baseline: raw,
          goal: { op: '<=', value: 1.5 },
        },
        { name: `streams a processor, ${STREAMS} at once`, value: Math.floor(1 / many), unit: 'streams' },
        ...(await quantisedRows(progress)),
      ],
    }
  } finally {
    await recogniser.close()
  }
}

/** Processor seconds a second of audio. */
async function cost(recogniser: Recogniser, streams: number, rounds: number): Promise<number> {
  const before = await recogniser.processorMs()
  let audioMs = 0
  const speak = async (stream: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const name = SENTENCES[(stream + round) % SENTENCES.length] ?? 'log'
      const played = await play(recogniser, GRAMMAR, { sampleRate: RATE, samples: samplesOf(spoken(name)) })
      audioMs += played.audioMs
    }
  }
  await Promise.all(Array.from({ length: streams }, (_, stream) => speak(stream)))
  return ((await recogniser.processorMs()) - before) / audioMs
}

/** Processor seconds that the runtime needs for the frames of a second, `rows` of them a run. */
async function runtimeAlone(path: string, rows: number): Promise<number> {
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  })
  const features = new Float32Array(rows * FEATURES).map((_, i) => 3 * Math.sin(i * 0.7))
  const once = async (): Promise<void> => {
    await session.run({ features: new Tensor('float32', features, [rows, FEATURES]) })
  }
  const runs = Math.ceil((20 * FRAMES_A_SECOND) / rows)
  for (let i = 0; i < 3; i++) await once()
  const before = threadTimeMs()
  for (let i = 0; i < runs; i++) await once()
  const spent = (threadTimeMs() - before) / 1_000 / ((runs * rows) / FRAMES_A_SECOND)
  await session.release()
  return spent
}

async function quantisedRows(progress: (line: string) => void): Promise<BenchRow[]> {
  if (!existsSync(UNQUANTISED)) {
    progress('the shipped model comes in one form only: int8 is not set against fp32')
    return []
  }
  const rows = STREAMS * STEP
  return [
    {
      name: 'fp32 / int8, runtime alone',
      value: (await runtimeAlone(UNQUANTISED, rows)) / (await runtimeAlone(WHOLE, rows)),
      unit: 'ratio',
      goal: { op: '>=', value: 1.5 },
    },
    {
      name: 'int8 / fp32, size',
      value: statSync(WHOLE).size / statSync(UNQUANTISED).size,
      unit: 'ratio',
      goal: { op: '<=', value: 0.27 },
    },
  ]
}
