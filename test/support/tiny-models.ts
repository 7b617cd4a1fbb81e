/**
 * Models of a few thousand random weights that keep each contract of sherpa-onnx to the letter: every cache is read and
 * changed in every step, so that a cache that is lost, mixed up between streams or fed in the wrong order changes what is
 * recognised. They understand nothing.
 */
import { FLOAT, FLOAT16, INT32, INT64, OnnxWriter, type ElementCode } from './onnx-writer.ts'

export const BINS = 80
/** Symbols of the tiny vocabularies, blank included. */
export const SYMBOLS = 24

export interface TinyModel {
  /** ONNX files by role. */
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly tokens: string
}

interface Cache {
  readonly name: string
  readonly type: ElementCode
  /** For one stream. */
  readonly dims: readonly number[]
  readonly batchAxis: number
}

/** Pieces of words, with "▁" where one begins; the blank under `blank` at its usual number. */
export function tinyTokens(blank: '<blk>' | '<blank>', at: number, count = SYMBOLS): string {
  const lines = Array.from({ length: count }, (_, id) => {
    if (id === at) return `${blank} ${id}`
    const piece = String.fromCodePoint(97 + (id % 26)) + (id >= 26 ? String(Math.floor(id / 26)) : '')
    return `${id % 3 === 0 ? '\u2581' : ''}${piece} ${id}`
  })
  return `${lines.join('\n')}\n`
}

/** mulberry32: weights must be the same on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Columns that sum to zero: the loudness of the audio moves no symbol, its shape moves all. */
function projection(random: () => number, rows: number, columns: number, scale: number): Float32Array {
  const out = Float32Array.from({ length: rows * columns }, () => (random() - 0.5) * 2 * scale)
  for (let column = 0; column < columns; column++) {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += out[row * columns + column] ?? 0
    for (let row = 0; row < rows; row++)
      out[row * columns + column] = (out[row * columns + column] ?? 0) - sum / rows
  }
  return out
}

function noise(random: () => number, length: number, scale: number): Float32Array {
  return Float32Array.from({ length }, () => (random() - 0.5) * 2 * scale)
}

/** Adds the caches' inputs and outputs; gives `[batch, 1, width]` made of them all, to be added to what the model says. */
function withCaches(
  writer: OnnxWriter,
  caches: readonly Cache[],
  options: { readonly random: () => number; readonly width: number; readonly step: string },
): string {
  const { random, width, step } = options
  let sum: string | null = null
  const next: (() => void)[] = []
  for (const { name, type, dims, batchAxis } of caches) {
    const shape = dims.map((length, axis) => (axis === batchAxis ? 'N' : length))
    writer.input(name, type, shape)
    const value = type === FLOAT ? name : writer.node('Cast', [name], { attributes: { to: FLOAT } })
    const others = dims.map((_, axis) => axis).filter((axis) => axis !== batchAxis)
    const mean =
      others.length === 0
        ? value
        : writer.node('ReduceMean', [value], { attributes: { axes: others, keepdims: 0 } })
    // A count grows for ever: its sine does not.
    const bounded = type === INT64 ? writer.node('Sin', [mean]) : mean
    const column = writer.node('Reshape', [bounded, writer.integers([-1, 1, 1])])
    const spread = writer.node('MatMul', [
      column,
      writer.floats([1, width], noise(random, width, 8 / caches.length ** 0.5)),
    ])
    sum = sum === null ? spread : writer.node('Add', [sum, spread])
    next.push(() => {
      const output = `next_${name}`
      writer.output(output, type, shape)
      if (type === INT64) {
        writer.node('Add', [name, writer.integers([3 + dims.length], [1])], { as: output })
        return
      }
      const row = writer.node('Reshape', [
        step,
        writer.integers(dims.map((_, axis) => (axis === batchAxis ? -1 : 1))),
      ])
      const kept = writer.node('Mul', [value, writer.floats([1], [0.4 + 0.4 * random()])])
      const added = writer.node('Mul', [row, writer.floats([1], [0.5 + random()])])
      const both = writer.node('Add', [kept, added])
      const tanh = writer.node('Tanh', [both], type === FLOAT ? { as: output } : {})
      if (type === FLOAT16) writer.node('Cast', [tanh], { attributes: { to: FLOAT16 }, as: output })
    })
  }
  // Outputs follow the scores' own, in the caches' order.
  pendingOutputs.set(writer, next)
  return sum ?? writer.floats([1, 1, width], new Float32Array(width))
}

const pendingOutputs = new WeakMap<OnnxWriter, readonly (() => void)[]>()

function writeCaches(writer: OnnxWriter): void {
  for (const write of pendingOutputs.get(writer) ?? []) write()
}

/** `[batch, time, bins]` to every `stride`th of the last `shift` frames. */
function subsampled(
  writer: OnnxWriter,
  x: string,
  frames: { window: number; shift: number; stride: number },
): string {
  return writer.node('Slice', [
    x,
    writer.integers([frames.window - frames.shift]),
    writer.integers([frames.window]),
    writer.integers([1]),
    writer.integers([frames.stride]),
  ])
}

/** The mean over frames of one random view of them, `[batch]`: what goes into the caches. */
function summary(writer: OnnxWriter, rows: string, width: number, random: () => number): string {
  const view = writer.node('MatMul', [rows, writer.floats([width, 1], projection(random, width, 1, 0.3))])
  return writer.node('ReduceMean', [view], { attributes: { axes: [1, 2], keepdims: 0 } })
}

export interface TinyNemoOptions {
  readonly seed?: number
  readonly symbols?: number
  readonly metadata?: Readonly<Record<string, string | number>>
  /** Keys to be left out. */
  readonly without?: readonly string[]
  readonly batch?: string | number
}

export function tinyNemo(options: TinyNemoOptions = {}): TinyModel {
  const { seed = 7, symbols = SYMBOLS, without = [], batch = 'N' } = options
  const random = seeded(seed)
  const writer = new OnnxWriter()
  const window = 25
  const shift = 16
  writer.input('audio_signal', FLOAT, [batch, BINS, 'T'])
  writer.input('length', INT64, [batch])
  const time = writer.node('Transpose', ['audio_signal'], { attributes: { perm: [0, 2, 1] } })
  const rows = subsampled(writer, time, { window, shift, stride: 4 })
  const step = summary(writer, rows, BINS, random)
  const context = withCaches(
    writer,
    [
      { name: 'cache_last_channel', type: FLOAT, dims: [1, 2, 5, 6], batchAxis: 0 },
      { name: 'cache_last_time', type: FLOAT, dims: [1, 2, 4, 3], batchAxis: 0 },
      { name: 'cache_last_channel_len', type: INT64, dims: [1], batchAxis: 0 },
    ],
    { random, width: symbols, step },
  )
  const scores = writer.node('MatMul', [
    rows,
    writer.floats([BINS, symbols], projection(random, BINS, symbols, 0.35)),
  ])
  const all = writer.node('Add', [scores, context])
  writer.node('LogSoftmax', [all], { attributes: { axis: 2 }, as: 'logprobs' })
  writer.output('logprobs', FLOAT, [batch, 'T2', symbols])
  writer.node('Add', ['length', writer.integers([shift / 4 - window], [1])], { as: 'encoded_lengths' })
  writer.output('encoded_lengths', INT64, [batch])
  writeCaches(writer)
  const metadata: Readonly<Record<string, string | number>> = {
    model_type: 'EncDecCTCModelBPE',
    window_size: window,
    chunk_shift: shift,
    subsampling_factor: 4,
    vocab_size: symbols - 1,
    cache_last_channel_dim1: 2,
    cache_last_channel_dim2: 5,
    cache_last_channel_dim3: 6,
    cache_last_time_dim1: 2,
    cache_last_time_dim2: 4,
    cache_last_time_dim3: 3,
    normalize_type: '',
    ...options.metadata,
  }
  writer.metadata(Object.fromEntries(Object.entries(metadata).filter(([key]) => !without.includes(key))))
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', symbols - 1, symbols) }
}

const ZIPFORMER2 = {
  T: 45,
  decode_chunk_len: 32,
  encoder_dims: '8,12',
  query_head_dims: '4,3',
  value_head_dims: '3,2',
  num_heads: '2,3',
  num_encoder_layers: '1,2',
  cnn_module_kernels: '5,3',
  left_context_len: '6,4',
}

/** As icefall's export orders them. */
function zipformer2Caches(): readonly Cache[] {
  const stacks = [
    { width: 8, key: 8, value: 6, kernel: 2, left: 6, layers: 1 },
    { width: 12, key: 9, value: 6, kernel: 1, left: 4, layers: 2 },
  ]
  const caches: Cache[] = []
  let layer = 0
  for (const { width, key, value, kernel, left, layers } of stacks)
    for (let i = 0; i < layers; i++, layer++) {
      const add = (name: string, dims: readonly number[], batchAxis: number): void => {
        caches.push({ name: `${name}_${layer}`, type: FLOAT, dims, batchAxis })
      }
      add('cached_key', [left, 1, key], 1)
      add('cached_nonlin_attn', [1, 1, left, (3 * width) / 4], 1)
      add('cached_val1', [left, 1, value], 1)
      add('cached_val2', [left, 1, value], 1)
      add('cached_conv1', [1, width, kernel], 0)
      add('cached_conv2', [1, width, kernel], 0)
    }
  caches.push({ name: 'embed_states', type: FLOAT, dims: [1, 128, 3, 19], batchAxis: 0 })
  caches.push({ name: 'processed_lens', type: INT64, dims: [1], batchAxis: 0 })
  return caches
}

/** Writes an encoder of either generation: `width` values a frame under the name `output`. */
function zipformer(
  caches: readonly Cache[],
  options: {
    readonly seed: number
    readonly width: number
    readonly output: string
    readonly isCtc: boolean
    readonly metadata: Readonly<Record<string, string | number>>
  },
): Uint8Array {
  const { width, output, isCtc } = options
  const random = seeded(options.seed)
  const writer = new OnnxWriter()
  writer.input('x', FLOAT, ['N', 45, BINS])
  const rows = subsampled(writer, 'x', { window: 45, shift: 32, stride: 4 })
  const step = summary(writer, rows, BINS, random)
  const context = withCaches(writer, caches, { random, width, step })
  const weights = writer.floats([BINS, width], projection(random, BINS, width, isCtc ? 0.5 : 0.25))
  const all = writer.node('Add', [writer.node('MatMul', [rows, weights]), context])
  if (isCtc) writer.node('LogSoftmax', [all], { attributes: { axis: 2 }, as: output })
  else writer.node('Identity', [all], { as: output })
  writer.output(output, FLOAT, ['N', 8, width])
  writeCaches(writer)
  writer.metadata(options.metadata)
  return writer.finish()
}

export function tinyZipformer2Ctc(seed = 11): TinyModel {
  const model = zipformer(zipformer2Caches(), {
    seed,
    width: SYMBOLS,
    output: 'log_probs',
    isCtc: true,
    metadata: { model_type: 'zipformer2', version: 1, comment: 'streaming ctc zipformer2', ...ZIPFORMER2 },
  })
  return { files: { model }, tokens: tinyTokens('<blk>', 0) }
}

const ENCODED = 10
const DECODED = 10

function transducer(encoder: Uint8Array, seed: number): TinyModel {
  const random = seeded(seed)
  const decoder = new OnnxWriter()
  decoder.input('y', INT64, ['N', 2])
  // What stands before the first symbol is -1: as icefall does, it is looked up as 0 and then left out.
  const zero = decoder.integers([0], [1])
  const known = decoder.node('Cast', [decoder.node('Not', [decoder.node('Less', ['y', zero])])], {
    attributes: { to: FLOAT },
  })
  const table = decoder.floats([SYMBOLS, DECODED], noise(random, SYMBOLS * DECODED, 0.8))
  const looked = decoder.node('Gather', [table, decoder.node('Max', ['y', zero])], {
    attributes: { axis: 0 },
  })
  const masked = decoder.node('Mul', [looked, decoder.node('Unsqueeze', [known, decoder.integers([2])])])
  const turned = decoder.node('Mul', [masked, decoder.floats([1, 2, 1], [0.6, 1])])
  decoder.node('ReduceSum', [turned, decoder.integers([1])], {
    attributes: { keepdims: 0 },
    as: 'decoder_out',
  })
  decoder.output('decoder_out', FLOAT, ['N', DECODED])
  decoder.metadata({ vocab_size: SYMBOLS, context_size: 2 })
  const joiner = new OnnxWriter()
  joiner.input('encoder_out', FLOAT, ['N', ENCODED])
  joiner.input('decoder_out', FLOAT, ['N', DECODED])
  const sum = joiner.node('Tanh', [joiner.node('Add', ['encoder_out', 'decoder_out'])])
  const weights = joiner.floats([ENCODED, SYMBOLS], noise(random, ENCODED * SYMBOLS, 2))
  const bias = joiner.floats(
    [SYMBOLS],
    Float32Array.from({ length: SYMBOLS }, (_, id) => (id === 0 ? 2.5 : 0)),
  )
  joiner.node('Add', [joiner.node('MatMul', [sum, weights]), bias], { as: 'logit' })
  joiner.output('logit', FLOAT, ['N', SYMBOLS])
  joiner.metadata({ joiner_dim: ENCODED })
  return {
    files: { encoder, decoder: decoder.finish(), joiner: joiner.finish() },
    tokens: tinyTokens('<blk>', 0),
  }
}

export function tinyZipformer2Transducer(seed = 13): TinyModel {
  const encoder = zipformer(zipformer2Caches(), {
    seed,
    width: ENCODED,
    output: 'encoder_out',
    isCtc: false,
    metadata: { model_type: 'zipformer2', version: 1, ...ZIPFORMER2 },
  })
  return transducer(encoder, seed + 1)
}

export function tinyZipformerTransducer(seed = 17): TinyModel {
  const stacks = [
    { layers: 2, width: 8, attention: 6, kernel: 5, left: 4 },
    { layers: 1, width: 12, attention: 8, kernel: 3, left: 6 },
  ]
  const kinds: readonly [
    string,
    ElementCode,
    number,
    (stack: (typeof stacks)[number]) => readonly number[],
  ][] = [
    ['cached_len', INT64, 1, ({ layers }) => [layers, 1]],
    ['cached_avg', FLOAT, 1, ({ layers, width }) => [layers, 1, width]],
    ['cached_key', FLOAT, 2, ({ layers, left, attention }) => [layers, left, 1, attention]],
    ['cached_val', FLOAT, 2, ({ layers, left, attention }) => [layers, left, 1, attention / 2]],
    ['cached_val2', FLOAT, 2, ({ layers, left, attention }) => [layers, left, 1, attention / 2]],
    ['cached_conv1', FLOAT, 1, ({ layers, width, kernel }) => [layers, 1, width, kernel - 1]],
    ['cached_conv2', FLOAT, 1, ({ layers, width, kernel }) => [layers, 1, width, kernel - 1]],
  ]
  const caches = kinds.flatMap(([name, type, batchAxis, dims]) =>
    stacks.map((stack, index): Cache => ({ name: `${name}_${index}`, type, dims: dims(stack), batchAxis })),
  )
  const encoder = zipformer(caches, {
    seed,
    width: ENCODED,
    output: 'encoder_out',
    isCtc: false,
    metadata: {
      model_type: 'zipformer',
      T: 45,
      decode_chunk_len: 32,
      encoder_dims: '8,12',
      attention_dims: '6,8',
      num_encoder_layers: '2,1',
      cnn_module_kernels: '5,3',
      left_context_len: '4,6',
    },
  })
  return transducer(encoder, seed + 1)
}

export function tinyTOne(seed = 19): TinyModel {
  const random = seeded(seed)
  const writer = new OnnxWriter()
  const samples = 2_400
  const state = 40
  writer.input('signal', INT32, ['N', samples, 1])
  const scaled = writer.node('Mul', [
    writer.node('Cast', ['signal'], { attributes: { to: FLOAT } }),
    writer.floats([1], [1 / 32_767]),
  ])
  // Ten output frames of 30 ms; what a frame sounds like is its energy through a few random filters.
  const rows = writer.node('Reshape', [scaled, writer.integers([0, 10, samples / 10])])
  const filters = writer.floats([samples / 10, 16], noise(random, (samples / 10) * 16, 1))
  const filtered = writer.node('MatMul', [rows, filters])
  const energy = writer.node('Log', [
    writer.node('Add', [writer.node('Mul', [filtered, filtered]), writer.floats([1], [1e-3])]),
  ])
  const step = summary(writer, energy, 16, random)
  const context = withCaches(writer, [{ name: 'state', type: FLOAT16, dims: [1, state], batchAxis: 0 }], {
    random,
    width: SYMBOLS,
    step,
  })
  const weights = writer.floats([16, SYMBOLS], projection(random, 16, SYMBOLS, 0.6))
  const all = writer.node('Add', [writer.node('MatMul', [energy, weights]), context])
  writer.node('LogSoftmax', [all], { attributes: { axis: 2 }, as: 'logprobs' })
  writer.output('logprobs', FLOAT, ['N', 10, SYMBOLS])
  writeCaches(writer)
  writer.metadata({ model_type: 't-one', frame_length_ms: 300, state_dim: state, sample_rate: 8_000 })
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', SYMBOLS - 1) }
}
