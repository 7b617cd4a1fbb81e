/**
 * The embedding model's thread. The contract, which public sentence models keep too: whole numbers `input_ids` and `attention_mask`
 * (and `token_type_ids`, all zero, where it is asked for), each batch by sequence; out comes `sentence_embedding` (batch by dimension),
 * or a vector a piece (`last_hidden_state`, `token_embeddings`), which are averaged here under the mask.
 */
import { readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { InvariantBroken, reportError, StarlingError } from '../../shared/errors.ts'
import type { EmbeddingWorkerInput, FromEmbedder, ToEmbedder } from './messages.ts'
import { readVocabulary, type WordPieces } from './word-pieces.ts'

class EmbeddingOutputBroken extends StarlingError {
  override readonly code = 'embedding_output_broken'
}

/** Pieces of a text that are looked at: public models take no more than 512, a chunk of ours has fewer than half as many. */
const MAX_SEQUENCE = 256
const PAD = '[PAD]'
const PROBE = 'pressure'

const port = parentPort
if (port === null) throw new InvariantBroken('embedding.worker runs as a worker thread')
const send = (message: FromEmbedder): void => port.postMessage(message)

async function start(input: EmbeddingWorkerInput): Promise<void> {
  const vocabulary = readFileSync(input.vocabulary, 'utf8')
  const pieces = readVocabulary(vocabulary)
  const pad = Math.max(0, vocabulary.split('\n').indexOf(PAD))
  const session = await InferenceSession.create(new Uint8Array(readFileSync(input.model)), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  const embed = async (texts: readonly string[]): Promise<Float32Array> =>
    await run(session, batchOf(texts, pieces, pad))
  const dimension = (await embed([PROBE])).length
  let last: Promise<void> = Promise.resolve()
  port?.on('message', ({ id, texts }: ToEmbedder) => {
    last = last
      .then(async () => send({ kind: 'answer', id, values: await embed(texts) }))
      .catch((thrown: unknown) => send({ kind: 'failed', id, error: reportError(thrown) }))
  })
  send({ kind: 'ready', dimension })
}

interface Batch {
  readonly ids: BigInt64Array
  readonly mask: BigInt64Array
  readonly shape: readonly [number, number]
}

function batchOf(texts: readonly string[], pieces: WordPieces, pad: number): Batch {
  const encoded = texts.map((text) => pieces.encode(text, MAX_SEQUENCE))
  const width = Math.max(1, ...encoded.map(({ length }) => length))
  const ids = new BigInt64Array(texts.length * width).fill(BigInt(pad))
  const mask = new BigInt64Array(texts.length * width)
  for (const [row, numbers] of encoded.entries())
    for (const [column, number] of numbers.entries()) {
      ids[row * width + column] = BigInt(number)
      mask[row * width + column] = 1n
    }
  return { ids, mask, shape: [texts.length, width] }
}

async function run(session: InferenceSession, { ids, mask, shape }: Batch): Promise<Float32Array> {
  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', ids, shape),
    attention_mask: new Tensor('int64', mask, shape),
  }
  if (session.inputNames.includes('token_type_ids'))
    feeds['token_type_ids'] = new Tensor('int64', new BigInt64Array(ids.length), shape)
  const outputs = await session.run(feeds)
  const found =
    outputs['sentence_embedding'] ?? outputs['last_hidden_state'] ?? outputs['token_embeddings'] ?? null
  if (found === null || !(found.data instanceof Float32Array)) throw broken('no float output of a known name')
  const dimension = found.dims.at(-1) ?? 0
  const pooled = found.dims.length === 3 ? averaged(found.data, mask, shape, dimension) : found.data
  if (dimension < 1 || pooled.length !== shape[0] * dimension) throw broken('an output of another shape')
  return scaled(pooled, dimension)
}

function averaged(
  states: Float32Array,
  mask: BigInt64Array,
  [rows, width]: readonly [number, number],
  dimension: number,
): Float32Array {
  const sums = new Float32Array(rows * dimension)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) {
      if (mask[row * width + column] === 0n) continue
      const from = (row * width + column) * dimension
      for (let at = 0; at < dimension; at++)
        sums[row * dimension + at] = (sums[row * dimension + at] ?? 0) + (states[from + at] ?? 0)
    }
  // Every vector is scaled to length 1 afterwards, so that the sum is as good as the mean.
  return sums
}

/** A text without any known piece has no direction: it gets the first axis, far from nothing and near to nothing. */
function scaled(vectors: Float32Array, dimension: number): Float32Array {
  const out = Float32Array.from(vectors)
  for (let from = 0; from < out.length; from += dimension) {
    const vector = out.subarray(from, from + dimension)
    const length = Math.hypot(...vector)
    if (!Number.isFinite(length)) throw broken('numbers that are none')
    if (length < 1e-6) vector.fill(0).fill(1, 0, 1)
    else vector.forEach((value, at) => (vector[at] = value / length))
  }
  return out
}

function broken(what: string): EmbeddingOutputBroken {
  return new EmbeddingOutputBroken(`the embedding model gave ${what}`, {
    remedy: 'Import a model that keeps the contract: see the README of edge-agent/models.',
  })
}

start(workerData as EmbeddingWorkerInput).catch((thrown: unknown) =>
  send({ kind: 'unusable', error: reportError(thrown) }),
)
