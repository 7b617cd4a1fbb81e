/**
 * Speech recognition for one device: a worker thread holds the model, callers load grammars and open streams. Many
 * streams may be open at once; each keeps its own state in the thread, and only samples and words cross over. A thread
 * that ends by a fault is started again with its grammars; the streams that it held fail with RecogniserGone.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import { ENDPOINT_RULES } from './endpointing.ts'
import { ModelRefused, RecogniserBusy, RecogniserGone } from './errors.ts'
import type { ExtraPronunciations } from './lexicon.ts'
import type { FromGrammarWorker, FromRecogniser, GrammarWork, ModelFacts, ToRecogniser } from './messages.ts'
import type { SearchNetwork } from './search-network.ts'
import { type SpeechStream, type StreamOptions, ThreadStream } from './speech-stream.ts'
import type { Strain } from './strain.ts'
import { TUNING, type Tuning } from './tuning.ts'

/** Each stream holds its search state, a few megabytes. */
export const MAX_STREAMS = 64
export const LEAST_RATE_HZ = 8_000
export const GREATEST_RATE_HZ = 48_000
/** A thread that ends oftener than this in RESTART_WINDOW_MS will end again: then it stays ended. */
const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 60_000

export interface GrammarOptions {
  /** Words that open arcs may stand for, besides those that the language model knows. */
  readonly openVocabulary?: readonly string[]
  /** Open arcs stand for any word of the lexicon: slower to load, and a few times the memory. */
  readonly dictation?: boolean
  /** Sentences of the grammar are found inside other speech: what else was said comes back as open words. */
  readonly background?: boolean
  /** Guess the sound of words that the lexicon does not list, instead of refusing them. */
  readonly guess?: boolean
  readonly tuning?: Tuning
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
  /** Throws RecogniserBusy when no stream can be taken on, RecogniserGone when the recogniser has ended. */
  open(grammar: string, options: StreamOptions): SpeechStream
  /** Processor time that the thread has used since it started. */
  processorMs(): Promise<number>
  close(): Promise<void>
}

export interface RecogniserOptions {
  readonly modelDir: string
  readonly signal?: AbortSignal
  /** Another thread's code; tests put one there that fails. */
  readonly entry?: URL
}

/** Starts the thread and checks the model. Throws ModelRefused, or the signal's reason when it is aborted. */
export async function openRecogniser(options: RecogniserOptions): Promise<Recogniser> {
  options.signal?.throwIfAborted()
  const entry = options.entry ?? workerEntry(import.meta.url, './speech.worker.ts')
  const start = (): Worker => new Worker(entry, { workerData: { modelDir: options.modelDir } })
  const worker = start()
  try {
    const [message] = (await once(
      worker,
      'message',
      options.signal === undefined ? {} : { signal: options.signal },
    )) as [FromRecogniser]
    if (message.kind === 'ready')
      return new ThreadRecogniser({ worker, start, facts: message.facts, modelDir: options.modelDir })
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

function gone(how: string, remedy = 'Open a recogniser again.'): RecogniserGone {
  return new RecogniserGone(`the recogniser is not running: ${how}`, { remedy })
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

interface Waiting {
  resolve(value: number): void
  reject(reason: unknown): void
}

class ThreadRecogniser implements Recogniser {
  readonly facts: ModelFacts
  readonly #modelDir: string
  readonly #start: () => Worker
  #worker: Worker
  readonly #answers = new Map<number, Waiting>()
  readonly #streams = new Map<number, ThreadStream>()
  readonly #grammars = new Map<string, { readonly net: SearchNetwork; readonly tuning: Tuning }>()
  #next = 1
  #strain: Strain = 'calm'
  #restartsMs: number[] = []
  #ended: StarlingError | undefined

  constructor(o: { worker: Worker; start: () => Worker; facts: ModelFacts; modelDir: string }) {
    this.#worker = o.worker
    this.#start = o.start
    this.#modelDir = o.modelDir
    this.facts = o.facts
    this.#attend(o.worker)
  }

  async loadGrammar(
    name: string,
    graph: WordGraph,
    pronunciations: ExtraPronunciations = {},
    options: GrammarOptions = {},
  ): Promise<{ units: number }> {
    if (this.#ended !== undefined) throw this.#ended
    const grammar = {
      graph,
      pronunciations,
      openVocabulary: options.openVocabulary ?? [],
      dictation: options.dictation ?? false,
      background: options.background ?? false,
      guess: options.guess ?? false,
      tuning: options.tuning ?? TUNING,
    }
    const { tuning } = grammar
    const net = await compileApart({ modelDir: this.#modelDir, grammar })
    await this.#ask((id) => ({ kind: 'load', id, name, net, tuning }))
    this.#grammars.set(name, { net, tuning })
    return { units: net.unitCount }
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
    if (this.#streams.size >= MAX_STREAMS) throw busy(`${MAX_STREAMS} streams are open already`)
    if (this.#strain === 'refusing') throw busy('what it has taken on is far behind already')
    const id = this.#next++
    const stream = new ThreadStream(
      id,
      options,
      (message, transfer) => this.#send(message, transfer),
      () => this.#streams.delete(id),
    )
    this.#streams.set(id, stream)
    const { endpointing = ENDPOINT_RULES, bias = null } = options
    this.#send({ kind: 'open', stream: id, grammar, sampleRate: options.sampleRate, endpointing, bias })
    return stream
  }

  async processorMs(): Promise<number> {
    return await this.#ask((id) => ({ kind: 'usage', id }))
  }

  async close(): Promise<void> {
    this.#end(gone('it was closed'))
    await this.#worker.terminate()
  }

  #attend(worker: Worker): void {
    worker.on('message', (message: FromRecogniser) => {
      if (worker === this.#worker) this.#take(message)
    })
    worker.on('error', (cause) => this.#lost(worker, String(cause)))
    worker.on('exit', (code) => this.#lost(worker, `its thread ended with ${code}`))
  }

  /** The thread has ended by itself: what it held is lost and told, what can be loaded again is. */
  #lost(worker: Worker, how: string): void {
    if (worker !== this.#worker || this.#ended !== undefined) return
    const now = performance.now()
    this.#restartsMs = [...this.#restartsMs.filter((at) => now - at < RESTART_WINDOW_MS), now]
    if (this.#restartsMs.length > MAX_RESTARTS) return this.#end(gone(how))
    this.#worker = this.#start()
    this.#attend(this.#worker)
    this.#strain = 'calm'
    for (const [name, { net, tuning }] of this.#grammars)
      this.#send({ kind: 'load', id: this.#next++, name, net, tuning })
    this.#failAll(gone(how, 'It is being started again: open another stream.'))
  }

  #send(message: ToRecogniser, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#ended === undefined) this.#worker.postMessage(message, transfer)
  }

  async #ask(message: (id: number) => ToRecogniser): Promise<number> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#next++
    return await new Promise<number>((resolve, reject) => {
      this.#answers.set(id, { resolve, reject })
      this.#send(message(id))
    })
  }

  #take(message: FromRecogniser): void {
    switch (message.kind) {
      case 'loaded':
      case 'used': {
        const waiting = this.#answers.get(message.id)
        this.#answers.delete(message.id)
        waiting?.resolve(message.kind === 'used' ? message.processorMs : 0)
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
      case 'strain':
        this.#strain = message.strain
        return
      case 'unusable':
        // Only a thread that was started again says so here: the model was good when the first one was.
        return this.#end(revived(message.error))
      case 'ready':
    }
  }

  #end(reason: StarlingError): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#failAll(reason)
  }

  #failAll(reason: StarlingError): void {
    for (const waiting of this.#answers.values()) waiting.reject(reason)
    this.#answers.clear()
    for (const stream of Array.from(this.#streams.values())) stream.fail(reason)
  }
}

function busy(why: string): RecogniserBusy {
  return new RecogniserBusy(why, { remedy: 'Finish a stream before opening another.' })
}
