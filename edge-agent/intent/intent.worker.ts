/** The intent classifier's thread: the runtime's `run` blocks whoever calls it. Messages are answered in order. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import type { FromClassifier, ToClassifier } from './messages.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('intent.worker runs as a worker thread')
const send = (message: FromClassifier): void => port.postMessage(message)

async function start(modelDir: string): Promise<void> {
  const session = await InferenceSession.create(new Uint8Array(readFileSync(join(modelDir, 'intent.onnx'))), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  const answer = async ({ id, features }: ToClassifier): Promise<void> => {
    const began = performance.now()
    const { index, value } = features
    const out = await session.run({
      index: new Tensor('int32', index, [index.length]),
      value: new Tensor('float32', value, [1, value.length]),
    })
    const data = out['probabilities']?.data
    if (!(data instanceof Float32Array))
      throw new InvariantBroken('the intent model gives float probabilities')
    send({ kind: 'answer', id, probabilities: data, runtimeMs: performance.now() - began })
  }
  let last: Promise<void> = Promise.resolve()
  port?.on('message', (message: ToClassifier) => {
    last = last
      .then(async () => await answer(message))
      .catch((thrown: unknown) => send({ kind: 'failed', id: message.id, error: reportError(thrown) }))
  })
  send({ kind: 'ready' })
}

start((workerData as { modelDir: string }).modelDir).catch((thrown: unknown) =>
  send({ kind: 'unusable', error: reportError(thrown) }),
)
