/** An imported model as a recogniser: its thread, and the streams seen from the caller's side. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { RecogniserBusy, RecogniserGone } from '../speech/errors.ts'
import { asFloat, type Samples } from '../speech/samples.ts'
import type { FromNeural, NeuralFacts, NeuralHypothesis, ToNeural } from './messages.ts'

/** Each stream holds its caches, up to tens of megabytes. */
export const MAX_STREAMS = 64
/** One message carries at most this much, so that streams take turns. */
const SLICE_S = 0.5
/** `push` waits while more than this is not decoded, which bounds what lies in the thread's queue. */
const MAX_QUEUED_S = 2
const LEAST_RATE_HZ = 8_000
const GREATEST_RATE_HZ = 48_000

export interface NeuralStream {
  /** Takes mono samples in order; resolves when the thread has caught up enough. */
  push(samples: Samples): Promise<void>
  /** No more audio: gives the result. */
  finish(): Promise<NeuralHypothesis>
  abort(): void
}

export interface NeuralStreamOptions {
  readonly sampleRate: number
  readonly onPartial?: (text: string) => void
}

export interface NeuralRecogniser {
  readonly facts: NeuralFacts
  /** Throws RecogniserBusy when too many are open, RecogniserGone when the thread has ended. */
  open(options: NeuralStreamOptions): NeuralStream
  close(): Promise<void>
}

/** What the thread refused, with its own code. */
export class NeuralRefusal extends StarlingError {
  override readonly code: string

  constructor(report: ErrorReport) {
    super(report.message, {
      remedy: report.remedy,
      ...(report.details === undefined ? {} : { details: report.details }),
    })
    this.code = report.code
  }
}

/**
 * Starts the thread, checks the model's files and runs it once. Throws {@link NeuralRefusal} with the code
 * `model_file_refused`, or the signal's reason when it is aborted.
 */
export async function openNeuralRecogniser(options: {
  readonly modelDir: string
  readonly signal?: AbortSignal
}): Promise<NeuralRecogniser> {
  const { modelDir, signal } = options
  signal?.throwIfAborted()
  const worker = new Worker(workerEntry(import.meta.url, './neural.worker.ts'), { workerData: { modelDir } })
  try {
    const [message] = (await once(worker, 'message', signal === undefined ? {} : { signal })) as [FromNeural]
    if (message.kind === 'ready') return new ThreadRecogniser(worker, message.facts)
    throw message.kind === 'unusable' ? new NeuralRefusal(message.error) : gone('it answered out of turn')
  } catch (thrown) {
    await worker.terminate()
    throw thrown
  }
}

class ThreadRecogniser implements NeuralRecogniser {
  readonly facts: NeuralFacts
  readonly #worker: Worker
  readonly #streams = new Map<number, ThreadStream>()
  #next = 1
  #ended: RecogniserGone | undefined

  constructor(worker: Worker, facts: NeuralFacts) {
    this.#worker = worker
    this.facts = facts
    worker.on('message', (message: FromNeural) => this.#take(message))
    worker.on('error', (cause) => this.#end(gone(String(cause))))
    worker.on('exit', () => this.#end(gone('it was closed')))
  }

  open(options: NeuralStreamOptions): NeuralStream {
    if (this.#ended !== undefined) throw this.#ended
    const { sampleRate } = options
    if (!(sampleRate >= LEAST_RATE_HZ && sampleRate <= GREATEST_RATE_HZ))
      throw new NeuralRefusal({
        code: 'sample_rate_refused',
        message: `${sampleRate} Hz is outside ${LEAST_RATE_HZ} to ${GREATEST_RATE_HZ} Hz`,
        remedy: 'Record at 16,000 Hz.',
      })
    if (this.#streams.size >= MAX_STREAMS)
      throw new RecogniserBusy(`${MAX_STREAMS} streams are open already`, {
        remedy: 'Finish a stream before opening another.',
      })
    const id = this.#next++
    const stream = new ThreadStream({
      id,
      options,
      send: (message, transfer) => this.#send(message, transfer),
      release: () => this.#streams.delete(id),
    })
    this.#streams.set(id, stream)
    this.#send({ kind: 'open', stream: id, sampleRate, partials: options.onPartial !== undefined })
    return stream
  }

  async close(): Promise<void> {
    this.#end(gone('it was closed'))
    await this.#worker.terminate()
  }

  #send(message: ToNeural, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#ended === undefined) this.#worker.postMessage(message, transfer)
  }

  #take(message: FromNeural): void {
    if (message.kind === 'ready' || message.kind === 'unusable') return
    const stream = this.#streams.get(message.stream)
    if (message.kind === 'stream-failed') stream?.fail(new NeuralRefusal(message.error))
    else stream?.take(message)
  }

  #end(reason: RecogniserGone): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    for (const stream of Array.from(this.#streams.values())) stream.fail(reason)
  }
}

type Send = (message: ToNeural, transfer?: readonly ArrayBuffer[]) => void
type ForStream = Extract<FromNeural, { kind: 'partial' | 'drained' | 'final' }>

class ThreadStream implements NeuralStream {
  readonly #id: number
  readonly #options: NeuralStreamOptions
  readonly #send: Send
  readonly #release: () => void
  #queued = 0
  #calm: PromiseWithResolver<void>[] = []
  #final: PromiseWithResolver<NeuralHypothesis> | undefined
  #failure: StarlingError | undefined

  constructor(parts: { id: number; options: NeuralStreamOptions; send: Send; release: () => void }) {
    this.#id = parts.id
    this.#options = parts.options
    this.#send = parts.send
    this.#release = parts.release
  }

  async push(samples: Samples): Promise<void> {
    const slice = Math.ceil(this.#options.sampleRate * SLICE_S)
    for (let from = 0; from < samples.length; from += slice) {
      if (this.#failure !== undefined) throw this.#failure
      const part = asFloat(samples.subarray(from, from + slice))
      this.#queued += part.length
      this.#send({ kind: 'push', stream: this.#id, samples: part }, [part.buffer])
      if (this.#queued > this.#options.sampleRate * MAX_QUEUED_S)
        await new Promise<void>((resolve, reject) => this.#calm.push({ resolve, reject }))
    }
  }

  finish(): Promise<NeuralHypothesis> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#final = { resolve, reject }
      this.#send({ kind: 'finish', stream: this.#id })
    })
  }

  abort(): void {
    this.#send({ kind: 'abort', stream: this.#id })
    this.fail(gone('the stream was aborted'))
  }

  take(message: ForStream): void {
    if (message.kind === 'partial') this.#options.onPartial?.(message.text)
    else if (message.kind === 'drained') {
      this.#queued -= message.samples
      if (this.#queued <= this.#options.sampleRate * MAX_QUEUED_S)
        for (const waiting of this.#calm.splice(0)) waiting.resolve()
    } else {
      this.#release()
      this.#failure = gone('the stream is finished')
      this.#final?.resolve(message.hypothesis)
    }
  }

  fail(reason: StarlingError): void {
    this.#failure ??= reason
    this.#release()
    for (const waiting of this.#calm.splice(0)) waiting.reject(reason)
    this.#final?.reject(reason)
  }
}

interface PromiseWithResolver<T> {
  resolve(value: T): void
  reject(reason: unknown): void
}

function gone(how: string): RecogniserGone {
  return new RecogniserGone(`the recogniser is not running: ${how}`, { remedy: 'Open a recogniser again.' })
}
