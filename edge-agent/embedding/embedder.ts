/** An embedding model that runs: texts in, stamped vectors of length 1 out; checked against its golden vectors before it is used. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StarlingError } from '../../shared/errors.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { EmbeddingWorkerInput, FromEmbedder, ToEmbedder } from './messages.ts'
import { VECTOR_SCHEMA, type StampedVector, type VectorStamp } from './stamp.ts'

export class EmbeddingModelRefused extends StarlingError {
  override readonly code = 'embedding_model_refused'
}

export class EmbedderGone extends StarlingError {
  override readonly code = 'embedder_gone'
}

/** A model on the disk, its files already held against their digests. */
export interface EmbeddingFiles {
  readonly name: string
  readonly digest: string
  readonly traits: ModelTraits
  readonly model: string
  readonly vocabulary: string
  readonly golden: readonly { readonly text: string; readonly values: readonly number[] }[]
}

export interface Embedder {
  readonly name: string
  readonly traits: ModelTraits
  readonly stamp: VectorStamp
  /** One vector a text, in their order. */
  embed(texts: readonly string[]): Promise<readonly StampedVector[]>
  close(): Promise<void>
}

/** Quantised weights are summed in floats: processors differ in the last digits only. */
const GOLDEN_TOLERANCE = 1e-3

/** Throws {@link EmbeddingModelRefused} when it does not run, or no longer gives its golden vectors. */
export async function openEmbedder(files: EmbeddingFiles, signal?: AbortSignal): Promise<Embedder> {
  signal?.throwIfAborted()
  const input: EmbeddingWorkerInput = { model: files.model, vocabulary: files.vocabulary }
  const worker = new Worker(workerEntry(import.meta.url, './embedding.worker.ts'), { workerData: input })
  try {
    const [message] = (await once(worker, 'message', signal === undefined ? {} : { signal })) as [
      FromEmbedder,
    ]
    if (message.kind !== 'ready')
      throw refused(
        files.name,
        message.kind === 'unusable' ? message.error.message : 'it answered out of turn',
      )
    const stamp: VectorStamp = {
      model: parseSha256Hex(files.digest),
      dimension: message.dimension,
      norm: 'unit',
      schema: VECTOR_SCHEMA,
    }
    const embedder = new ThreadEmbedder(worker, files, stamp)
    await checkGolden(embedder, files)
    return embedder
  } catch (thrown) {
    await worker.terminate()
    throw thrown
  }
}

async function checkGolden(embedder: Embedder, { name, golden }: EmbeddingFiles): Promise<void> {
  const vectors = await embedder.embed(golden.map(({ text }) => text))
  for (const [at, { text, values }] of golden.entries()) {
    const given = vectors[at]?.values ?? new Float32Array()
    const worst = Math.max(
      ...values.map((value, i) => Math.abs(value - (given[i] ?? Number.POSITIVE_INFINITY))),
    )
    // Written so that a number that is none is refused.
    if (!(worst <= GOLDEN_TOLERANCE))
      throw refused(name, `for ${JSON.stringify(text)} it gives another vector than when it was made`)
  }
}

interface Waiting {
  readonly resolve: (values: Float32Array) => void
  readonly reject: (error: Error) => void
}

class ThreadEmbedder implements Embedder {
  readonly name: string
  readonly traits: ModelTraits
  readonly stamp: VectorStamp
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #isClosed = false

  constructor(worker: Worker, { name, traits }: EmbeddingFiles, stamp: VectorStamp) {
    this.name = name
    this.traits = traits
    this.stamp = stamp
    this.#worker = worker
    worker.on('message', (message: FromEmbedder) => this.#receive(message))
    worker.on('error', (error) => this.#drop(gone(error)))
    worker.on('exit', () => this.#drop(gone(null)))
  }

  async embed(texts: readonly string[]): Promise<readonly StampedVector[]> {
    if (texts.length === 0) return []
    if (this.#isClosed) throw gone(null)
    const id = this.#next++
    const values = await new Promise<Float32Array>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#send({ id, texts })
    })
    const { dimension } = this.stamp
    return texts.map((_, at) => ({
      stamp: this.stamp,
      values: values.slice(at * dimension, (at + 1) * dimension),
    }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker.terminate()
  }

  #send(message: ToEmbedder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    this.#worker.postMessage(message)
  }

  #receive(message: FromEmbedder): void {
    if (message.kind !== 'answer' && message.kind !== 'failed') return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message.values)
    else waiting?.reject(refused(this.name, message.error.message))
  }

  #drop(error: Error): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

function gone(cause: unknown): EmbedderGone {
  return new EmbedderGone('the embedding model is closed', {
    remedy: 'Ask again: the device opens it when it is needed.',
    cause,
  })
}

function refused(name: string, why: string): EmbeddingModelRefused {
  return new EmbeddingModelRefused(`the embedding model ${name} cannot be used: ${why}`, {
    remedy: 'Import it again, or go back to the shipped one: starling models use default --for search',
  })
}
