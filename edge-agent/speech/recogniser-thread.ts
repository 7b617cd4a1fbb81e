/**
 * One thread that hears, seen from outside it. A thread that ends by a fault is started again with its grammars; the streams that
 * it held fail with RecogniserGone.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { StarlingError } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { ENDPOINT_RULES } from './endpointing.ts'
import type { FromRecogniser, ModelFacts, ToRecogniser } from './messages.ts'
import { busy, gone, Refusal, revived } from './refusals.ts'
import type { SearchNetwork } from './search-network.ts'
import { type SpeechStream, type StreamOptions, ThreadStream } from './speech-stream.ts'
import type { Strain } from './strain.ts'
import type { Tuning } from './tuning.ts'

/** Of one thread: each stream holds its search state, a few megabytes. */
export const MAX_STREAMS = 64
/** A thread that ends oftener than this in RESTART_WINDOW_MS will end again: then it stays ended. */
const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 60_000

export interface LoadedGrammar {
  readonly net: SearchNetwork
  readonly tuning: Tuning
  readonly dictation: boolean
}

export interface ThreadOptions {
  readonly modelDir: string
  readonly signal?: AbortSignal
  /** Another thread's code; tests put one there that fails. */
  readonly entry?: URL
}

/** Starts a thread and checks the model. Throws ModelRefused, or the signal's reason when it is aborted. */
export async function openThread(options: ThreadOptions): Promise<RecogniserThread> {
  const entry = options.entry ?? workerEntry(import.meta.url, './speech.worker.ts')
  const start = (): Worker => new Worker(entry, { workerData: { modelDir: options.modelDir } })
  const worker = start()
  try {
    const [message] = (await once(
      worker,
      'message',
      options.signal === undefined ? {} : { signal: options.signal },
    )) as [FromRecogniser]
    if (message.kind === 'ready') return new RecogniserThread({ worker, start, facts: message.facts })
    throw message.kind === 'unusable' ? revived(message.error) : gone('it answered out of turn')
  } catch (thrown) {
    await worker.terminate()
    throw thrown
  }
}

interface Waiting {
  resolve(value: number): void
  reject(reason: unknown): void
}

export class RecogniserThread {
  readonly facts: ModelFacts
  readonly #start: () => Worker
  #worker: Worker
  readonly #answers = new Map<number, Waiting>()
  readonly #streams = new Map<number, ThreadStream>()
  readonly #grammars = new Map<string, LoadedGrammar>()
  #next = 1
  #strain: Strain = 'calm'
  #restartsMs: number[] = []
  #ended: StarlingError | undefined

  constructor(o: { worker: Worker; start: () => Worker; facts: ModelFacts }) {
    this.#worker = o.worker
    this.#start = o.start
    this.facts = o.facts
    this.#attend(o.worker)
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** Throws why the thread has ended for good, when it has. */
  mustRun(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  async load(name: string, grammar: LoadedGrammar): Promise<void> {
    this.mustRun()
    await this.#ask((id) => ({ kind: 'load', id, name, ...grammar }))
    this.#grammars.set(name, grammar)
  }

  drop(name: string): void {
    if (this.#grammars.delete(name)) this.#send({ kind: 'drop', name })
  }

  /** Throws RecogniserBusy when no stream can be taken on, RecogniserGone when the thread has ended. */
  open(grammar: string, options: StreamOptions): SpeechStream {
    this.mustRun()
    if (!this.#grammars.has(grammar))
      throw new Refusal({
        code: 'grammar_unknown',
        message: `no grammar "${grammar}" is loaded`,
        remedy: 'Load it first.',
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
    const { sampleRate, endpointing = ENDPOINT_RULES, bias = null, voiceModel = null } = options
    const voice = options.voice?.at(sampleRate) ?? null
    const learnsVoice = options.voice !== undefined
    this.#send({
      kind: 'open',
      stream: id,
      grammar,
      sampleRate,
      endpointing,
      bias,
      voiceModel,
      voice,
      learnsVoice,
    })
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
    for (const [name, grammar] of this.#grammars)
      this.#send({ kind: 'load', id: this.#next++, name, ...grammar })
    this.#failAll(gone(how, 'It is being started again: open another stream.'))
  }

  #send(message: ToRecogniser, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#ended === undefined) this.#worker.postMessage(message, transfer)
  }

  async #ask(message: (id: number) => ToRecogniser): Promise<number> {
    this.mustRun()
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
