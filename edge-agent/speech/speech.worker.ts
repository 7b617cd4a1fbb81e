/**
 * The recogniser's thread, and the only one that holds the inference runtime for speech: `run` blocks whoever calls it,
 * so it is never called where anything else must go on. Each stream takes its messages in order; streams take turns, and
 * what they want scored at the same moment is one run.
 */
import * as runtime from 'onnxruntime-node'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { openVoiceModel } from '../neural/voice-model.ts'
import { BatchScorer, MAX_ROWS } from './batch-scorer.ts'
import { openDenoiser } from './denoiser-model.ts'
import { FEATURES } from './features.ts'
import { checkGolden } from './golden-check.ts'
import { Languages } from './languages.ts'
import type { Scorer } from './scorer.ts'
import type { FromRecogniser, RecogniserSetup, ToRecogniser } from './messages.ts'
import { readModel } from './model-files.ts'
import { StreamTable } from './stream-table.ts'
import { threadTimeMs } from './thread-time.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('speech.worker runs as a worker thread')
const send = (message: FromRecogniser): void => port.postMessage(message)

const setup = workerData as RecogniserSetup

/** The acoustic model as a function of a block of feature frames. */
async function openScorer(): Promise<Scorer> {
  const session = await runtime.InferenceSession.create(join(setup.modelDir, 'acoustic.onnx'), {
    executionProviders: ['cpu'],
    // The runtime's pool spins: more threads would cost ten times the work (measured).
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
  })
  // Where the scores go, once the first run has told how many a frame there are: a megabyte a run is not made anew.
  let width = 0
  let room = new Float32Array(0)
  return async (features, frames) => {
    const began = performance.now()
    const feeds = { features: new runtime.Tensor('float32', features, [frames, FEATURES]) }
    if (width > 0 && frames <= MAX_ROWS) {
      const senones = room.subarray(0, frames * width)
      await session.run(feeds, { senones: new runtime.Tensor('float32', senones, [frames, width]) })
      return { senones, runtimeUs: (performance.now() - began) * 1_000 }
    }
    const { senones } = await session.run(feeds)
    if (!(senones?.data instanceof Float32Array))
      throw new InvariantBroken('the acoustic model gives float senones')
    width = senones.data.length / frames
    room = new Float32Array(MAX_ROWS * width)
    return { senones: senones.data, runtimeUs: (performance.now() - began) * 1_000 }
  }
}

async function start(): Promise<void> {
  const files = readModel(setup.modelDir)
  const score = await openScorer()
  await checkGolden(
    readFileSync(join(setup.modelDir, 'golden.json'), 'utf8'),
    score,
    files.phones.senoneCount,
  )
  const scorer = new BatchScorer(score, (flush) => void setImmediate(flush))
  const languages = new Languages(files.language)
  const streams = new StreamTable({
    model: files.phones,
    mixture: files.mixture,
    denoiser: await openDenoiser(runtime, fileURLToPath(MODEL_FOLDERS.denoiser)),
    scorer,
    openVoice: async (dir) => (await openVoiceModel(runtime, dir)).model,
    send,
  })
  const take = (message: ToRecogniser): void => {
    switch (message.kind) {
      case 'load':
        streams.load(message.name, {
          net: message.net,
          tuning: message.tuning,
          language: languages.of(message),
        })
        send({ kind: 'loaded', id: message.id })
        return
      case 'drop':
        streams.drop(message.name)
        return
      case 'usage':
        send({ kind: 'used', id: message.id, processorMs: threadTimeMs() })
        return
      case 'open':
      case 'push':
      case 'finish':
      case 'abort':
        streams.take(message)
    }
  }
  port?.on('message', take)
  send({ kind: 'ready', facts: { name: files.name, digest: files.digest, provider: 'cpu' } })
}

start().catch((thrown: unknown) => send({ kind: 'unusable', error: reportError(thrown) }))
