/**
 * The recogniser's thread, and the only file that imports the inference runtime: `run` blocks whoever calls it, so it is
 * never called where anything else must go on. Messages are taken strictly in order.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { reportError } from '../../shared/errors.ts'
import { InvariantBroken } from '../../shared/errors.ts'
import { checkGolden } from './golden-check.ts'
import { Listening, type Scorer } from './listening.ts'
import type { FromRecogniser, RecogniserSetup, ToRecogniser } from './messages.ts'
import { readModel } from './model-files.ts'
import { Resampler } from './resampler.ts'
import { SAMPLE_RATE_HZ } from './front-end.ts'
import { type SearchNetwork } from './search-network.ts'
import type { Tuning } from './tuning.ts'
import { FEATURES } from './features.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('speech.worker runs as a worker thread')
const send = (message: FromRecogniser): void => port.postMessage(message)

const setup = workerData as RecogniserSetup

interface OpenStream {
  readonly listening: Listening
  readonly resampler: Resampler
}

interface LoadedGrammar {
  readonly net: SearchNetwork
  readonly tuning: Tuning
}

/** The acoustic model as a function of a block of feature frames. */
async function openScorer(): Promise<Scorer> {
  const session = await InferenceSession.create(join(setup.modelDir, 'acoustic.onnx'), {
    executionProviders: ['cpu'],
    // The runtime's pool spins: more threads would cost ten times the work (measured).
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
  })
  return async (features, frames) => {
    const began = performance.now()
    const out = await session.run({ features: new Tensor('float32', features, [frames, FEATURES]) })
    const senones = out['senones']?.data
    if (!(senones instanceof Float32Array))
      throw new InvariantBroken('the acoustic model gives float senones')
    return { senones, runtimeUs: (performance.now() - began) * 1_000 }
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
  const grammars = new Map<string, LoadedGrammar>()
  const streams = new Map<number, OpenStream>()

  const take = async (message: ToRecogniser): Promise<void> => {
    switch (message.kind) {
      case 'load':
        grammars.set(message.name, { net: message.net, tuning: message.tuning })
        send({ kind: 'loaded', id: message.id })
        return
      case 'drop':
        // Streams that are open hold it until they end.
        grammars.delete(message.name)
        return
      case 'open': {
        const grammar = grammars.get(message.grammar)
        if (grammar === undefined) throw new InvariantBroken(`grammar ${message.grammar} was loaded`)
        const stream = message.stream
        streams.set(stream, {
          resampler: new Resampler(message.sampleRate, SAMPLE_RATE_HZ),
          listening: new Listening({
            ...grammar,
            model: files.phones,
            score,
            events: {
              onPartial: (partial) => send({ kind: 'partial', stream, partial }),
              onEndpoint: () => send({ kind: 'endpoint', stream }),
            },
          }),
        })
        return
      }
      case 'push': {
        const open = streams.get(message.stream)
        if (open !== undefined) await open.listening.push(open.resampler.push(message.samples))
        send({ kind: 'taken', stream: message.stream, samples: message.samples.length })
        return
      }
      case 'finish': {
        const open = streams.get(message.stream)
        if (open === undefined) return
        streams.delete(message.stream)
        await open.listening.push(open.resampler.finish())
        send({ kind: 'final', stream: message.stream, hypothesis: await open.listening.finish() })
        return
      }
      case 'abort':
        streams.delete(message.stream)
    }
  }

  let last: Promise<void> = Promise.resolve()
  port?.on('message', (message: ToRecogniser) => {
    last = last.then(() => take(message)).catch((thrown: unknown) => fail(message, thrown))
  })
  send({ kind: 'ready', facts: { name: files.name, digest: files.digest, provider: 'cpu' } })
}

function fail(message: ToRecogniser, thrown: unknown): void {
  if ('stream' in message) send({ kind: 'stream-failed', stream: message.stream, error: reportError(thrown) })
}

start().catch((thrown: unknown) => send({ kind: 'unusable', error: reportError(thrown) }))
