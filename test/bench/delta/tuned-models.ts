/**
 * Pairs from the models that ship, each by what really changes such a model: the intent classifier is trained on with sentences, and
 * quantised with its old scales, with new ones, and from the same floats in another way; the embedding model is trained on
 * with sentences that mean the same; the acoustic model's means are adapted to recordings.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adaptModel } from '../../../edge-agent/adaptation/adapt-model.ts'
import { utteranceOf, type Utterance } from '../../../edge-agent/adaptation/utterance.ts'
import { trainIntentNet, type IntentNet } from '../../../edge-agent/domain-build/intent-net.ts'
import { noisy } from '../../../edge-agent/domain-build/noise.ts'
import { seededRandom } from '../../../edge-agent/domain-build/random.ts'
import { readVocabulary } from '../../../edge-agent/embedding/word-pieces.ts'
import { featuresOf } from '../../../edge-agent/intent/features.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { trainingSentences, type Sentence } from '../../../edge-agent/models/training/intent/sentences.ts'
import { Channels } from '../../../edge-agent/speech/channels.ts'
import { LanguageModel } from '../../../edge-agent/speech/language-model.ts'
import { Lexicon } from '../../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../../edge-agent/speech/model-files.ts'
import { readOnnxModel, type ModelTensor } from '../../../rollout/delta/onnx-model.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'
import type { ModelPair } from './model-pair.ts'

const SEED = 7
const INTENT_SENTENCES = 2_000
const INTENT_RATE = 1e-3
const EMBEDDING_PAIRS = 3_000
const EMBEDDING_RATE = 0.02
/** A calibration that lets the widest weight of a thousand be cut off. */
const KEPT_SHARE = 0.999
const RECORDINGS = [
  ['open', 'open work order four two seven'],
  ['log', 'log a reading of four point two bar'],
  ['yes', 'yes please'],
] as const

export async function* tunedPairs(progress: (line: string) => void): AsyncGenerator<ModelPair> {
  const sentences = seededRandom(SEED).shuffle(trainingSentences(SEED))
  progress('training the intent classifier on')
  yield* intentPairs(sentences)
  progress('training the embedding model on')
  yield* embeddingPairs(sentences)
  progress('adapting the acoustic model')
  yield await acousticPair()
}

/** Trained on from what ships: with the old scales, with new ones, and quantised from the same floats by another calibration. */
async function* intentPairs(sentences: readonly Sentence[]): AsyncGenerator<ModelPair> {
  const shipped = new ModelFile(
    Uint8Array.from(readFileSync(join(fileURLToPath(MODEL_FOLDERS.intent), 'intent.onnx'))),
  )
  const classes = shipped.floats('b2').length
  const hidden = shipped.floats('b1').length
  const buckets = shipped.weights('w1').length / hidden
  const spread = (name: string): Float32Array => {
    const scales = shipped.floats(name === 'w1' ? 's1' : 's2')
    return Float32Array.from(shipped.weights(name), (value, at) => value * (scales[at % scales.length] ?? 0))
  }
  const net: IntentNet = {
    buckets,
    hidden,
    classes,
    w1: spread('w1'),
    b1: shipped.floats('b1'),
    w2: spread('w2'),
    b2: shipped.floats('b2'),
  }
  const random = seededRandom(SEED)
  const labels = [...new Set(sentences.map(({ intent }) => intent))].toSorted()
  const examples = sentences.slice(0, INTENT_SENTENCES).map(({ tokens, intent }) => ({
    features: featuresOf(noisy(tokens, random), buckets),
    label: labels.indexOf(intent),
  }))
  await trainIntentNet(examples, {
    buckets,
    classes,
    epochs: 2,
    random,
    tuned: { net, rate: INTENT_RATE },
    onEpoch: async () => undefined,
  })
  const quantised = (scalesOf: (name: 'w1' | 'w2') => Float32Array): Uint8Array => {
    const file = new ModelFile(Uint8Array.from(shipped.bytes))
    for (const [name, scale, bias] of [
      ['w1', 's1', 'b1'],
      ['w2', 's2', 'b2'],
    ] as const) {
      const scales = scalesOf(name)
      file.put(name, rounded(net[name], scales))
      file.put(scale, scales)
      file.put(bias, net[bias])
    }
    return file.bytes
  }
  const frozen = quantised((name) => shipped.floats(name === 'w1' ? 's1' : 's2'))
  const moved = quantised((name) => widest(net[name], name === 'w1' ? hidden : classes, 1))
  const calibrated = quantised((name) => widest(net[name], name === 'w1' ? hidden : classes, KEPT_SHARE))
  const of = { base: shipped.bytes } as const
  yield { ...of, name: 'intent, trained on, frozen scales', scales: 'frozen', target: frozen }
  yield { ...of, name: 'intent, trained on, own scales', scales: 'moved', target: moved }
  yield { ...of, name: 'intent, calibrated anew', scales: 'moved', base: moved, target: calibrated }
}

/** Sentences of one intent are drawn together: gradient steps on the cosine of their sums, as the model is used. */
async function* embeddingPairs(sentences: readonly Sentence[]): AsyncGenerator<ModelPair> {
  const folder = fileURLToPath(MODEL_FOLDERS.embedding)
  const shipped = new ModelFile(Uint8Array.from(readFileSync(join(folder, 'embedding.onnx'))))
  const pieces = readVocabulary(readFileSync(join(folder, 'vocab.txt'), 'utf8'))
  const scales = shipped.floats('scales')
  const width = shipped.weights('table').length / scales.length
  const table = Float32Array.from(
    shipped.weights('table'),
    (value, at) => value * (scales[Math.floor(at / width)] ?? 0),
  )
  const byIntent = new Map<string, Sentence[]>()
  for (const sentence of sentences)
    byIntent.set(sentence.intent, [...(byIntent.get(sentence.intent) ?? []), sentence])
  for (const sentence of sentences.slice(0, EMBEDDING_PAIRS)) {
    const others = byIntent.get(sentence.intent) ?? [sentence]
    const other = others[(others.indexOf(sentence) + 1) % others.length] ?? sentence
    drawTogether(
      table,
      width,
      [sentence, other].map(({ tokens }) => pieces.encode(tokens.join(' '), 64)),
    )
  }
  const rows = scales.length
  const own = Float32Array.from({ length: rows }, (_, row) => {
    let most = 1e-8 * 127
    for (let at = row * width; at < (row + 1) * width; at += 1)
      most = Math.max(most, Math.abs(table[at] ?? 0))
    return most / 127
  })
  const quantised = (by: Float32Array): Uint8Array => {
    const file = new ModelFile(Uint8Array.from(shipped.bytes))
    file.put(
      'table',
      Int8Array.from(table, (value, at) => clamped(value / (by[Math.floor(at / width)] ?? 1))),
    )
    file.put('scales', by)
    return file.bytes
  }
  const of = { base: shipped.bytes } as const
  yield { ...of, name: 'embedding, trained on, frozen scales', scales: 'frozen', target: quantised(scales) }
  yield { ...of, name: 'embedding, trained on, own scales', scales: 'moved', target: quantised(own) }
}

/** One step that raises the cosine of two sums of rows. */
function drawTogether(table: Float32Array, width: number, texts: readonly (readonly number[])[]): void {
  const sums = texts.map((rows) => {
    const sum = new Float32Array(width)
    for (const row of rows)
      for (let at = 0; at < width; at += 1) sum[at] = (sum[at] ?? 0) + (table[row * width + at] ?? 0)
    return sum
  })
  const [a, b] = [sums[0] ?? new Float32Array(width), sums[1] ?? new Float32Array(width)]
  const [lengthA, lengthB] = [Math.hypot(...a), Math.hypot(...b)]
  if (lengthA === 0 || lengthB === 0) return
  const cosine = a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0) / (lengthA * lengthB)
  const step = (
    rows: readonly number[],
    own: readonly [Float32Array, number],
    other: readonly [Float32Array, number],
  ): void => {
    for (const row of rows)
      for (let at = 0; at < width; at += 1) {
        const gradient = ((other[0][at] ?? 0) / other[1] - (cosine * (own[0][at] ?? 0)) / own[1]) / own[1]
        table[row * width + at] = (table[row * width + at] ?? 0) + EMBEDDING_RATE * gradient
      }
  }
  step(texts[0] ?? [], [a, lengthA], [b, lengthB])
  step(texts[1] ?? [], [b, lengthB], [a, lengthA])
}

async function acousticPair(): Promise<ModelPair> {
  const folder = fileURLToPath(MODEL_FOLDERS.speech)
  const files = readModel(folder)
  const sounds = {
    model: files.phones,
    lexicon: new Lexicon(files, files.phones.phones),
    language: new LanguageModel(files.language),
    channels: new Channels(files.mixture),
  }
  const utterances: Utterance[] = []
  for (const [name, text] of RECORDINGS) {
    const sound = { sampleRate: 16_000, samples: samplesOf(spoken(name)) }
    const utterance = await utteranceOf(sounds, text.split(' '), sound)
    if (utterance !== null) utterances.push(utterance)
  }
  const base = Uint8Array.from(readFileSync(join(folder, 'acoustic.onnx')))
  const { file } = await adaptModel({
    file: base,
    phones: files.phones,
    utterances,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
  return { name: 'acoustic, adapted to a voice', scales: 'frozen', base, target: file }
}

/** A model's file and its tensors, read and written over in place. */
class ModelFile {
  readonly bytes: Uint8Array
  readonly #tensors: ReadonlyMap<string, ModelTensor>

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#tensors = new Map(readOnnxModel(bytes)?.tensors.map((tensor) => [tensor.name, tensor]))
  }

  floats(name: string): Float32Array {
    return new Float32Array(this.#bytesOf(name).slice().buffer)
  }

  weights(name: string): Int8Array {
    return new Int8Array(this.#bytesOf(name).slice().buffer)
  }

  put(name: string, values: Float32Array | Int8Array): void {
    this.#bytesOf(name).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  #bytesOf(name: string): Uint8Array {
    const tensor = this.#tensors.get(name)
    if (tensor === undefined) throw new RangeError(`no tensor ${name}`)
    return this.bytes.subarray(tensor.offset, tensor.offset + tensor.sizeBytes)
  }
}

function rounded(matrix: Float32Array, scales: Float32Array): Int8Array {
  return Int8Array.from(matrix, (value, at) => clamped(value / (scales[at % scales.length] ?? 1)))
}

function clamped(value: number): number {
  return Math.max(-127, Math.min(127, Math.round(value)))
}

/** A scale a column: its widest weight, or the one that so large a share of the column's weights do not exceed. */
function widest(matrix: Float32Array, columns: number, share: number): Float32Array {
  return Float32Array.from({ length: columns }, (_, column) => {
    const sizes = matrix
      .filter((_value, at) => at % columns === column)
      .map(Math.abs)
      .sort()
    return Math.max(1e-8, (sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length))] ?? 0) / 127)
  })
}
