// The recogniser's own thread, with a fault in it: a block that begins with this sample ends the thread.
import { parentPort } from 'node:worker_threads'

const FATAL = 0.123_456_7

const listen = parentPort.on.bind(parentPort)
parentPort.on = (name, take) =>
  listen(name, (message) => {
    if (message.kind === 'push' && Math.abs(message.samples[0] - FATAL) < 1e-6) throw new Error('a fault')
    take(message)
  })

await import('../../../dist/edge-agent/speech/speech.worker.js')
