/**
 * Speech recognition for one device: worker threads hold the model, callers load grammars and open streams. Many streams may be
 * open at once; each keeps its own state in one thread, and only samples and words cross over.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { invariant } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import type { ExtraPronunciations } from './lexicon.ts'
import type { FromGrammarWorker, GrammarWork, ModelFacts } from './messages.ts'
import {
  type LoadedGrammar,
  openThread,
  type RecogniserThread,
  type ThreadOptions,
} from './recogniser-thread.ts'
import { Refusal, revived } from './refusals.ts'
import type { SearchNetwork } from './search-network.ts'
import type { SpeechStream, StreamOptions } from './speech-stream.ts'
import { DICTATION_TUNING, TUNING, type Tuning } from './tuning.ts'

export const LEAST_RATE_HZ = 8_000
export const GREATEST_RATE_HZ = 48_000
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
  /** Processor time that its threads have used since they started. */
  processorMs(): Promise<number>
  close(): Promise<void>
}

export interface RecogniserOptions extends ThreadOptions {
  /** Threads that hear, 1 unless given; each holds the model and hears its own streams. A device has one, a contact centre one a processor. */
  readonly threads?: number
}

/** Starts the threads and checks the model. Throws ModelRefused, or the signal's reason when it is aborted. */
export async function openRecogniser(options: RecogniserOptions): Promise<Recogniser> {
  options.signal?.throwIfAborted()
  const opening = await Promise.allSettled(
    Array.from({ length: options.threads ?? 1 }, () => openThread(options)),
  )
  const threads = opening.flatMap((opened) => (opened.status === 'fulfilled' ? [opened.value] : []))
  const failed = opening.find((opened) => opened.status === 'rejected')
  if (failed === undefined) return new ThreadedRecogniser(threads, options.modelDir)
  await Promise.all(threads.map((thread) => thread.close()))
  throw failed.reason
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

class ThreadedRecogniser implements Recogniser {
  readonly facts: ModelFacts
  readonly #first: RecogniserThread
  readonly #threads: readonly RecogniserThread[]
  readonly #modelDir: string

  constructor(threads: readonly RecogniserThread[], modelDir: string) {
    const [first] = threads
    invariant(first !== undefined, 'a recogniser has a thread')
    this.facts = first.facts
    this.#first = first
    this.#threads = threads
    this.#modelDir = modelDir
  }

  async loadGrammar(
    name: string,
    graph: WordGraph,
    pronunciations: ExtraPronunciations = {},
    options: GrammarOptions = {},
  ): Promise<{ units: number }> {
    const threads = this.#running()
    const { dictation = false } = options
    const grammar = {
      graph,
      pronunciations,
      openVocabulary: options.openVocabulary ?? [],
      dictation,
      background: options.background ?? false,
      guess: options.guess ?? false,
      tuning: options.tuning ?? (dictation ? DICTATION_TUNING : TUNING),
    }
    const net = await compileApart({ modelDir: this.#modelDir, grammar })
    const loaded: LoadedGrammar = { net, tuning: grammar.tuning, dictation: grammar.dictation }
    await Promise.all(threads.map((thread) => thread.load(name, loaded)))
    return { units: net.unitCount }
  }

  dropGrammar(name: string): void {
    for (const thread of this.#threads) thread.drop(name)
  }

  open(grammar: string, options: StreamOptions): SpeechStream {
    if (!(options.sampleRate >= LEAST_RATE_HZ && options.sampleRate <= GREATEST_RATE_HZ))
      throw new Refusal({
        code: 'sample_rate_refused',
        message: `${options.sampleRate} Hz is outside ${LEAST_RATE_HZ} to ${GREATEST_RATE_HZ} Hz`,
        remedy: 'Record at 16,000 Hz.',
      })
    const [first, ...others] = this.#running()
    return others
      .reduce((best, thread) => (thread.streamCount < best.streamCount ? thread : best), first)
      .open(grammar, options)
  }

  /** Threads that have not ended for good. Throws why the first has, when all have. */
  #running(): readonly [RecogniserThread, ...RecogniserThread[]] {
    const [first = this.#first, ...others] = this.#threads.filter((thread) => !thread.hasEnded)
    first.mustRun()
    return [first, ...others]
  }

  async processorMs(): Promise<number> {
    const used = await Promise.all(this.#threads.map((thread) => thread.processorMs()))
    return used.reduce((sum, ms) => sum + ms, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }
}
