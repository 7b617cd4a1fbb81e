/** A streaming NeMo CTC model of two million random weights: as large as a small real one, so that what it costs means something. */
import { FLOAT, INT64, OnnxWriter } from './onnx-writer.ts'
import { BINS, seeded, tinyTokens, type TinyModel } from './tiny-models.ts'

const WINDOW = 25
const SHIFT = 16
/** Frames that one row of the net sees, and that it goes on by. */
const STRIDE = 4
const WIDTH = 256
const INNER = 512
const BLOCKS = 6
const SYMBOLS = 512

export function sizedNemo(seed = 41): TinyModel {
  const random = seeded(seed)
  const writer = new OnnxWriter()
  const weights = (rows: number, columns: number): string =>
    writer.floats(
      [rows, columns],
      Float32Array.from({ length: rows * columns }, () => ((random() - 0.5) * 3) / rows ** 0.5),
    )
  writer.input('audio_signal', FLOAT, ['N', BINS, 'T'])
  writer.input('length', INT64, ['N'])
  writer.input('cache_last_channel', FLOAT, ['N', BLOCKS, 1, WIDTH])
  writer.input('cache_last_time', FLOAT, ['N', 1, 1, 1])
  writer.input('cache_last_channel_len', INT64, ['N'])
  const time = writer.node('Transpose', ['audio_signal'], { attributes: { perm: [0, 2, 1] } })
  const last = writer.node('Slice', [
    time,
    writer.integers([WINDOW - SHIFT]),
    writer.integers([WINDOW]),
    writer.integers([1]),
  ])
  const rows = writer.node('Reshape', [last, writer.integers([0, SHIFT / STRIDE, STRIDE * BINS])])
  let hidden = writer.node('Tanh', [writer.node('MatMul', [rows, weights(STRIDE * BINS, WIDTH)])])
  const kept: string[] = []
  for (let block = 0; block < BLOCKS; block++) {
    const cache = writer.node('Slice', [
      'cache_last_channel',
      writer.integers([block]),
      writer.integers([block + 1]),
      writer.integers([1]),
    ])
    const before = writer.node('Reshape', [cache, writer.integers([0, 1, WIDTH])])
    const mixed = writer.node('Add', [hidden, before])
    const inner = writer.node('Relu', [writer.node('MatMul', [mixed, weights(WIDTH, INNER)])])
    const out = writer.node('MatMul', [inner, weights(INNER, WIDTH)])
    hidden = writer.node('Tanh', [writer.node('Add', [mixed, out])])
    const mean = writer.node('ReduceMean', [hidden], { attributes: { axes: [1], keepdims: 1 } })
    kept.push(writer.node('Reshape', [mean, writer.integers([0, 1, 1, WIDTH])]))
  }
  const scores = writer.node('MatMul', [hidden, weights(WIDTH, SYMBOLS)])
  writer.node('LogSoftmax', [scores], { attributes: { axis: 2 }, as: 'logprobs' })
  writer.node('Identity', ['length'], { as: 'encoded_lengths' })
  writer.node('Concat', kept, { attributes: { axis: 1 }, as: 'next_channel' })
  writer.node('Identity', ['cache_last_time'], { as: 'next_time' })
  writer.node('Identity', ['cache_last_channel_len'], { as: 'next_len' })
  writer.output('logprobs', FLOAT, ['N', SHIFT / STRIDE, SYMBOLS])
  writer.output('encoded_lengths', INT64, ['N'])
  writer.output('next_channel', FLOAT, ['N', BLOCKS, 1, WIDTH])
  writer.output('next_time', FLOAT, ['N', 1, 1, 1])
  writer.output('next_len', INT64, ['N'])
  writer.metadata({
    model_type: 'EncDecCTCModelBPE',
    window_size: WINDOW,
    chunk_shift: SHIFT,
    subsampling_factor: STRIDE,
    vocab_size: SYMBOLS - 1,
    cache_last_channel_dim1: BLOCKS,
    cache_last_channel_dim2: 1,
    cache_last_channel_dim3: WIDTH,
    cache_last_time_dim1: 1,
    cache_last_time_dim2: 1,
    cache_last_time_dim3: 1,
  })
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', SYMBOLS - 1, SYMBOLS) }
}
