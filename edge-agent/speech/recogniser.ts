/**
 * Speech recognition for one device: a worker thread holds the model, callers load grammars and open streams. Many
 * streams may be open at once; each keeps its own state in the thread, and only samples and words cross over.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import { ModelRefused, RecogniserBusy, RecogniserGone } from './errors.ts'
import type { Hypothesis, Partial } from './hypothesis.ts'
import type { ExtraPronunciations } from './lexicon.ts'
import type { FromGrammarWorker, FromRecogniser, GrammarWork, ModelFacts, ToRecogniser } from './messages.ts'
import { asFloat, type Samples } from './samples.ts'
import type { SearchNetwork } from './search-network.ts'
import { TUNING, type Tuning } from './tuning.ts'

/** Each stream holds its search state, a few megabytes. */
export const MAX_STREAMS = 64
/** Audio handed over but not yet decoded, a stream: beyond it `push` refuses, so that memory stays bounded. */
export const MAX_QUEUED_S = 60
/** `push` resolves once less than this is waiting. */
const CALM_QUEUE_S = 1
/** One message carries at most this much, so that streams take turns. */
const SLICE_S = 0.5
export const LEAST_RATE_HZ = 8_000
export const GREATEST_RATE_HZ = 48_000

export interface GrammarOptions {
  /** Words that open arcs may stand for; nothing is heard there when it is empty. */
  readonly openVocabulary?: readonly string[]
  /** Guess the sound of words that the lexicon does not list, instead of refusing them. */
  readonly guess?: boolean
  readonly tuning?: Tuning
}

export interface StreamOptions {
  readonly sampleRate: number
  readonly onPartial?: (partial: Partial) => void
  /** Told once, when the speaker seems to have finished. */
  readonly onEndpoint?: () => void
}

export interface SpeechStream {
  /** Takes mono samples in order. Resolves when the queue is short again; rejects with RecogniserBusy when it is too long. */
  push(samples: Samples): Promise<void>
  /** No more audio: gives the result. */
  finish(): Promise<Hypothesis>
  /** Forgets the stream. */
  abort(): void
}

export interface Recogniser {
  readonly facts: ModelFacts
  loadGrammar(
    name: string,
    graph: WordGraph,
    pronunciations?: ExtraPronunciations,
    options?: GrammarOptions,
  ): Promise<{ units: number }>
  /** Forgets a grammar; streams that are open with it go on. */
  dropGrammar(name: string): void
  open(grammar: string, options: StreamOptions): SpeechStream
  close(): Promise<void>
}

/** Starts the thread and checks the model. Throws ModelRefused, or the signal's reason when it is aborted. */
export async function openRecogniser(options: {
  modelDir: string
  signal?: AbortSignal
}): Promise<Recogniser> {
  options.signal?.throwIfAborted()
  const worker = new Worker(workerEntry(import.meta.url, './speech.worker.ts'), {
    workerData: { modelDir: options.modelDir },
  })
  try {
    const [message] = (await once(
      worker,
      'message',
      options.signal === undefined ? {} : { signal: options.signal },
    )) as [FromRecogniser]
    if (message.kind === 'ready') return new ThreadRecogniser(worker, message.facts, options.modelDir)
    throw message.kind === 'unusable' ? revived(message.error) : gone('it answered out of turn')
  } catch (thrown) {
    await worker.terminate()
    throw thrown
  }
}

class Refusal extends StarlingError {
  override readonly code: string

  constructor(report: ErrorReport) {
    super(report.message, {
      remedy: report.remedy,
      ...(report.details === undefined ? {} : { details: report.details }),
    })
    this.code = report.code
  }
}

function revived(report: ErrorReport): StarlingError {
  const options = {
    remedy: report.remedy,
    ...(report.details === undefined ? {} : { details: report.details }),
  }
  return report.code === 'model_refused' ? new ModelRefused(report.message, options) : new Refusal(report)
}

function gone(how: string): RecogniserGone {
  return new RecogniserGone(`the recogniser is not running: ${how}`, { remedy: 'Open a recogniser again.' })
}

/** Compiles a grammar in a thread that ends with it. Throws what the compiler refuses. */
async function compileApart(work: GrammarWork): Promise<SearchNetwork> {
  const worker = new Worker(workerEntry(import.meta.url, './grammar.worker.ts'), { workerData: work })
  try {
    const [message] = (await once(worker, 'message')) as [FromGrammarWorker]
    if (message.kind === 'compiled') return message.net
    throw revived(message.error)
  } finally {
    await worker.terminate()
  }
}

interface Waiting<T> {
  resolve(value: T): void
  reject(reason: unknown): void
}

class ThreadRecogniser implements Recogniser {
  readonly facts: ModelFacts
  readonly #worker: Worker
  readonly #modelDir: string
  readonly #loads = new Map<number, Waiting<void>>()
  readonly #streams = new Map<number, ThreadStream>()
  readonly #grammars = new Set<string>()
  #next = 1
  #ended: RecogniserGone | undefined

  constructor(worker: Worker, facts: ModelFacts, modelDir: string) {
    this.#worker = worker
    this.#modelDir = modelDir
    this.facts = facts
    worker.on('message', (message: FromRecogniser) => this.#take(message))
    worker.on('error', (cause) => this.#end(gone(String(cause))))
    worker.on('exit', () => this.#end(gone('it was closed')))
  }

  async loadGrammar(
    name: string,
    graph: WordGraph,
    pronunciations: ExtraPronunciations = {},
    options: GrammarOptions = {},
  ): Promise<{ units: number }> {
    if (this.#ended !== undefined) throw this.#ended
    const { openVocabulary = [], guess = false, tuning = TUNING } = options
    const grammar = { graph, pronunciations, openVocabulary, guess, tuning }
    const net = await compileApart({ modelDir: this.#modelDir, grammar })
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#next++
    const loaded = new Promise<void>((resolve, reject) => this.#loads.set(id, { resolve, reject }))
    const buffers = Object.values(net).flatMap((value) =>
      ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : [],
    )
    const units = net.unitCount
    this.#send({ kind: 'load', id, name, net, tuning }, buffers)
    await loaded
    this.#grammars.add(name)
    return { units }
  }

  dropGrammar(name: string): void {
    if (this.#grammars.delete(name)) this.#send({ kind: 'drop', name })
  }

  open(grammar: string, options: StreamOptions): SpeechStream {
    if (this.#ended !== undefined) throw this.#ended
    if (!this.#grammars.has(grammar))
      throw new Refusal({
        code: 'grammar_unknown',
        message: `no grammar "${grammar}" is loaded`,
        remedy: 'Load it first.',
      })
    if (!(options.sampleRate >= LEAST_RATE_HZ && options.sampleRate <= GREATEST_RATE_HZ))
      throw new Refusal({
        code: 'sample_rate_refused',
        message: `${options.sampleRate} Hz is outside ${LEAST_RATE_HZ} to ${GREATEST_RATE_HZ} Hz`,
        remedy: 'Record at 16,000 Hz.',
      })
    if (this.#streams.size >= MAX_STREAMS)
      throw new RecogniserBusy(`${MAX_STREAMS} streams are open already`, {
        remedy: 'Finish a stream before opening another.',
      })
    const id = this.#next++
    const stream = new ThreadStream(
      id,
      options,
      (message, transfer) => this.#send(message, transfer),
      () => this.#streams.delete(id),
    )
    this.#streams.set(id, stream)
    this.#send({ kind: 'open', stream: id, grammar, sampleRate: options.sampleRate })
    return stream
  }

  async close(): Promise<void> {
    this.#end(gone('it was closed'))
    await this.#worker.terminate()
  }

  #send(message: ToRecogniser, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#ended === undefined) this.#worker.postMessage(message, transfer)
  }

  #take(message: FromRecogniser): void {
    switch (message.kind) {
      case 'loaded': {
        const waiting = this.#loads.get(message.id)
        this.#loads.delete(message.id)
        waiting?.resolve()
        return
      }
      case 'partial':
      case 'endpoint':
      case 'taken':
      case 'final':
        this.#streams.get(message.stream)?.take(message)
        return
      case 'stream-failed':
        this.#streams.get(message.stream)?.fail(revived(message.error))
        return
      case 'ready':
      case 'unusable':
    }
  }

  #end(reason: RecogniserGone): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    for (const waiting of this.#loads.values()) waiting.reject(reason)
    this.#loads.clear()
    for (const stream of Array.from(this.#streams.values())) stream.fail(reason)
  }
}

type Send = (message: ToRecogniser, transfer?: readonly ArrayBuffer[]) => void
type ForStream = Extract<FromRecogniser, { kind: 'partial' | 'endpoint' | 'taken' | 'final' }>

class ThreadStream implements SpeechStream {
  readonly #id: number
  readonly #options: StreamOptions
  readonly #send: Send
  readonly #release: () => void
  #queued = 0
  #calm: (Waiting<void> & { below: number })[] = []
  #final: Waiting<Hypothesis> | undefined
  #failure: StarlingError | undefined

  constructor(id: number, options: StreamOptions, send: Send, release: () => void) {
    this.#id = id
    this.#options = options
    this.#send = send
    this.#release = release
  }

  async push(samples: Samples): Promise<void> {
    const slice = Math.ceil(this.#options.sampleRate * SLICE_S)
    const calm = this.#options.sampleRate * CALM_QUEUE_S
    for (let from = 0; from < samples.length; from += slice) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#queued > this.#options.sampleRate * MAX_QUEUED_S) throw tooFast()
      const part = asFloat(samples.subarray(from, from + slice))
      this.#queued += part.length
      this.#send({ kind: 'push', stream: this.#id, samples: part }, [part.buffer])
      if (this.#queued > calm)
        await new Promise<void>((resolve, reject) => this.#calm.push({ resolve, reject, below: calm }))
    }
  }

  finish(): Promise<Hypothesis> {
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
    if (message.kind === 'partial') this.#options.onPartial?.(message.partial)
    else if (message.kind === 'endpoint') this.#options.onEndpoint?.()
    else if (message.kind === 'taken') this.#taken(message.samples)
    else {
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

  #taken(samples: number): void {
    this.#queued -= samples
    const ready = this.#calm.filter((waiting) => this.#queued <= waiting.below)
    this.#calm = this.#calm.filter((waiting) => this.#queued > waiting.below)
    for (const waiting of ready) waiting.resolve()
  }
}

function tooFast(): RecogniserBusy {
  return new RecogniserBusy(`more than ${MAX_QUEUED_S} s of audio wait to be decoded`, {
    remedy: 'Await each push, or send audio no faster than it is spoken.',
  })
}
