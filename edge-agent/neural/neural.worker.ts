/** The thread that runs an imported model. `run` blocks whoever calls it, so it is never called where anything else must go on. */
import * as runtime from 'onnxruntime-node'
import { parentPort, workerData } from 'node:worker_threads'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import { Encoder } from './encoder.ts'
import { CtcSearch, TransducerSearch, type GreedySearch } from './greedy-search.ts'
import type { FromNeural, NeuralSetup, ToNeural } from './messages.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { openModelFolder, readCard, type ModelFolder } from './model-folder.ts'
import type { Net } from './net.ts'
import { openNet } from './open-net.ts'
import { checkProbe, probe } from './probe.ts'
import type { FileRole } from './recognise-model.ts'
import { openVoiceModel } from './voice-model.ts'
import { StreamEngine } from './stream-engine.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('neural.worker runs as a worker thread')
const send = (message: FromNeural): void => port.postMessage(message)

async function netFor(folder: ModelFolder, role: FileRole): Promise<Net> {
  const path = folder.files[role]
  if (path === undefined) throw new InvariantBroken(`the contract names a file for ${role}`)
  return await openNet(runtime, path)
}

async function openSearchOf(folder: ModelFolder): Promise<GreedySearch> {
  const { contract, tokens } = folder
  if (contract.contextSize === null) return new CtcSearch(tokens.blank)
  return new TransducerSearch({
    decoder: await netFor(folder, 'decoder'),
    joiner: await netFor(folder, 'joiner'),
    contextSize: contract.contextSize,
    unknown: tokens.unknown,
  })
}

/** A voice activity model is loaded and run; it hears no words, and takes no streams. */
async function startVoice(dir: string): Promise<void> {
  const { card, probe: values } = await openVoiceModel(runtime, dir)
  send({ kind: 'ready', facts: { name: card.name, digest: card.digest, provider: 'cpu', probe: values } })
}

async function start(): Promise<void> {
  const { modelDir } = workerData as NeuralSetup
  if (readCard(modelDir).class === 'vad') {
    await startVoice(modelDir)
    return
  }
  const folder = openModelFolder(modelDir)
  const { card, contract, tokens } = folder
  const encoder = new Encoder(
    await netFor(folder, contract.contextSize === null ? 'model' : 'encoder'),
    contract,
  )
  const search = await openSearchOf(folder)
  const values = await probe(contract, encoder)
  if (card.golden.length > 0) checkProbe(card.golden, values)
  const engine = new StreamEngine({
    contract,
    tokens,
    encoder,
    search,
    events: {
      onPartial: (stream, text) => send({ kind: 'partial', stream, text }),
      onDrained: (stream, samples) => send({ kind: 'drained', stream, samples }),
      onFinal: (stream, hypothesis) => send({ kind: 'final', stream, hypothesis }),
    },
  })
  listen(engine)
  send({ kind: 'ready', facts: { name: card.name, digest: card.digest, provider: 'cpu', probe: values } })
}

function listen(engine: StreamEngine): void {
  let isTicking = false
  // Messages that are there already are taken before the next run: what they bring steps in it together.
  const soon = (): void => {
    if (isTicking) return
    isTicking = true
    setImmediate(() => {
      void work()
    })
  }
  const work = async (): Promise<void> => {
    let more = false
    try {
      more = await engine.tick()
    } catch (thrown) {
      for (const stream of engine.dropAll())
        send({ kind: 'stream-failed', stream, error: reportError(thrown) })
    }
    isTicking = false
    if (more) soon()
  }
  port?.on('message', (message: ToNeural) => {
    take(engine, message)
    soon()
  })
}

function take(engine: StreamEngine, message: ToNeural): void {
  switch (message.kind) {
    case 'open':
      return engine.open(message.stream, message)
    case 'push':
      return engine.push(message.stream, message.samples)
    case 'finish':
      return engine.finish(message.stream)
    case 'abort':
      return engine.abort(message.stream)
  }
}

start().catch((thrown: unknown) => {
  const typed =
    thrown instanceof Error && !('remedy' in thrown) && !(thrown instanceof InvariantBroken)
      ? new ModelFileRefused('does-not-run', {
          file: 'the model',
          found: `a fault of the runtime: ${thrown.message.slice(0, 300)}`,
          expected: 'a model that runs',
          cause: thrown,
        })
      : thrown
  send({ kind: 'unusable', error: reportError(typed) })
})
