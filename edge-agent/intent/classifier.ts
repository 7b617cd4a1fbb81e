/** The trained classifier: a worker thread with the ONNX model, checked against its golden answers before it is used. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as v from 'valibot'
import { intentModelDigest } from '../../rollout/bundle/lineage.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { ModelFacts } from '../turn/ports.ts'
import { featuresOf, USUAL_BUCKETS } from './features.ts'
import type { FromClassifier, ToClassifier } from './messages.ts'

export class IntentModelRefused extends StarlingError {
  override readonly code = 'intent_model_refused'
}

export class ClassifierGone extends StarlingError {
  override readonly code = 'classifier_gone'
}

/** A sentence's features are so few that more buckets than these could only be a damaged card. */
const MOST_BUCKETS = 1_048_576
const CardSchema = v.object({
  name: v.string(),
  version: v.string(),
  intents: v.array(v.string()),
  /** Into how many buckets its features are hashed. */
  buckets: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_BUCKETS)),
    USUAL_BUCKETS,
  ),
})
const GoldenSchema = v.object({
  tolerance: v.number(),
  cases: v.pipe(v.array(v.object({ text: v.string(), probabilities: v.array(v.number()) })), v.minLength(1)),
})
export interface Guess {
  readonly intent: string
  readonly probability: number
}

export interface Classifier {
  readonly model: ModelFacts
  /** The tokens of a sentence without its names; likeliest intent first. */
  classify(
    words: readonly string[],
  ): Promise<{ readonly guesses: readonly Guess[]; readonly runtimeMs: number }>
  close(): Promise<void>
}

/** Throws {@link IntentModelRefused} when a file is missing or damaged, or a golden answer does not come out. */
export async function openClassifier(
  modelDir: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Classifier> {
  options.signal?.throwIfAborted()
  const { card, golden, digest } = readFiles(modelDir)
  const worker = new Worker(workerEntry(import.meta.url, './intent.worker.ts'), { workerData: { modelDir } })
  try {
    const [message] = (await once(
      worker,
      'message',
      options.signal === undefined ? {} : { signal: options.signal },
    )) as [FromClassifier]
    if (message.kind !== 'ready')
      throw refused(message.kind === 'unusable' ? message.error.message : 'it answered out of turn')
    const model = { name: `${card.name}-${card.version}`, digest: parseSha256Hex(digest), provider: 'cpu' }
    const classifier = new ThreadClassifier(worker, model, card)
    await checkGolden(classifier, golden, card.intents)
    return classifier
  } catch (thrown) {
    await worker.terminate()
    throw thrown
  }
}

async function checkGolden(
  classifier: Classifier,
  golden: v.InferOutput<typeof GoldenSchema>,
  intents: readonly string[],
): Promise<void> {
  for (const { text, probabilities } of golden.cases) {
    const { guesses } = await answerTo(classifier, text)
    for (const { intent, probability } of guesses) {
      const wanted = probabilities[intents.indexOf(intent)]
      // Written so that a probability that is not a number is refused.
      if (wanted === undefined || !(Math.abs(wanted - probability) <= golden.tolerance))
        throw refused(
          `its golden answer for “${text}” did not come out: ${intent} ${probability}, not ${wanted}`,
        )
    }
  }
}

/** A model that cannot even compute an answer is not the one that its card describes. */
async function answerTo(classifier: Classifier, text: string): ReturnType<Classifier['classify']> {
  try {
    return await classifier.classify(text.split(' '))
  } catch (cause) {
    throw refused(`it has no answer to “${text}”: ${(cause as Error).message}`, cause)
  }
}

function readFiles(modelDir: string): {
  card: v.InferOutput<typeof CardSchema>
  golden: v.InferOutput<typeof GoldenSchema>
  digest: string
} {
  try {
    const read = (file: string): Buffer => readFileSync(join(modelDir, file))
    return {
      card: v.parse(CardSchema, JSON.parse(String(read('card.json')))),
      golden: v.parse(GoldenSchema, JSON.parse(String(read('golden.json')))),
      digest: intentModelDigest((file) => sha256Hex(read(file))),
    }
  } catch (cause) {
    throw refused(`its files cannot be read: ${(cause as Error).message}`, cause)
  }
}

function refused(why: string, cause?: unknown): IntentModelRefused {
  return new IntentModelRefused(`the intent model is refused: ${why}`, {
    remedy: 'Fetch the bundle again, or go back to the one before.',
    cause,
  })
}

interface Waiting {
  resolve(answer: { probabilities: Float32Array; runtimeMs: number }): void
  reject(reason: Error): void
}

class ThreadClassifier implements Classifier {
  readonly model: ModelFacts
  readonly #worker: Worker
  readonly #intents: readonly string[]
  readonly #buckets: number
  readonly #waiting = new Map<number, Waiting>()
  #next = 1
  #ended: ClassifierGone | null = null

  constructor(worker: Worker, model: ModelFacts, { intents, buckets }: v.InferOutput<typeof CardSchema>) {
    this.model = model
    this.#worker = worker
    this.#intents = intents
    this.#buckets = buckets
    worker.on('message', (message: FromClassifier) => this.#take(message))
    worker.on('error', (cause) => this.#end(String(cause)))
    worker.on('exit', () => this.#end('its thread ended'))
  }

  async classify(words: readonly string[]): Promise<{ guesses: readonly Guess[]; runtimeMs: number }> {
    if (this.#ended !== null) throw this.#ended
    const id = this.#next++
    const features = featuresOf(words, this.#buckets)
    const answered = new Promise<{ probabilities: Float32Array; runtimeMs: number }>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject }),
    )
    // A thread has no origin; the features' memory goes over.
    this.#worker.postMessage({ id, features } satisfies ToClassifier, [
      features.index.buffer as ArrayBuffer,
      features.value.buffer as ArrayBuffer,
    ])
    const { probabilities, runtimeMs } = await answered
    const guesses = this.#intents
      .map((intent, at) => ({ intent, probability: probabilities[at] ?? 0 }))
      .toSorted((a, b) => b.probability - a.probability)
    return { guesses, runtimeMs }
  }

  async close(): Promise<void> {
    this.#end('it was closed')
    await this.#worker.terminate()
  }

  #take(message: FromClassifier): void {
    if (message.kind !== 'answer' && message.kind !== 'failed') return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message)
    else waiting?.reject(gone(message.error.message))
  }

  #end(why: string): void {
    if (this.#ended !== null) return
    this.#ended = gone(why)
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended)
    this.#waiting.clear()
  }
}

function gone(why: string): ClassifierGone {
  return new ClassifierGone(`the intent classifier is not running: ${why}`, {
    remedy: 'Start the agent again.',
  })
}
