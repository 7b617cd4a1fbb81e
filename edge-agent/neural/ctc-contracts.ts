/** The contracts of single-file CTC models, as sherpa-onnx's online-nemo-ctc-model, online-zipformer2-ctc-model and online-t-one-ctc-model read them. */
import {
  checkInputs,
  checkOutputs,
  checkStates,
  Metadata,
  statePorts,
  type StateSpec,
  type StreamingContract,
} from './contract.ts'
import type { OnnxHeader } from './onnx-header.ts'
import { zipformer2States, ZIPFORMER2_KEYS } from './zipformer-states.ts'
import { ModelFileRefused } from './model-file-refused.ts'

export const SAMPLE_RATE_HZ = 16_000
/** What sherpa-onnx takes where the graph leaves the number of bins open. */
const USUAL_BINS = 80

const NEMO_KEYS = [
  'window_size',
  'chunk_shift',
  'subsampling_factor',
  'vocab_size',
  ...[1, 2, 3].map((axis) => `cache_last_channel_dim${axis}`),
  ...[1, 2, 3].map((axis) => `cache_last_time_dim${axis}`),
]

/** A streaming NeMo CTC model: audio, length, three caches. */
export function nemoContract(header: OnnxHeader): StreamingContract {
  const metadata = new Metadata(header, 'a streaming NeMo CTC model')
  metadata.need(NEMO_KEYS)
  const cache = (name: string): readonly number[] =>
    [1, 2, 3].map((axis) => metadata.number(`${name}_dim${axis}`))
  const states: readonly StateSpec[] = [
    { type: 'float32', dims: [1, ...cache('cache_last_channel')], batchAxis: 0 },
    { type: 'float32', dims: [1, ...cache('cache_last_time')], batchAxis: 0 },
    { type: 'int64', dims: [1], batchAxis: 0 },
  ]
  const windowFrames = metadata.number('window_size')
  const bins = header.inputs[0]?.dims[1] ?? USUAL_BINS
  const maxBatch = checkInputs(header, [
    { type: 'float32', dims: [null, bins, windowFrames], batchAxis: 0 },
    { type: 'int64', dims: [null], batchAxis: 0 },
    ...statePorts(states),
  ])
  checkOutputs(header, 2 + states.length)
  checkStates(header, states)
  return {
    family: 'nemo-ctc',
    frames: { kind: 'fbank', sampleRateHz: SAMPLE_RATE_HZ, bins },
    windowFrames,
    shiftFrames: shift(header, metadata.number('chunk_shift'), windowFrames),
    layout: 'bins-first',
    withLength: true,
    states,
    maxBatch,
    // NeMo does not count the blank.
    vocabulary: metadata.number('vocab_size') + 1,
    contextSize: null,
    warnings: normalisationWarnings(header),
  }
}

/** Cache-aware NeMo models are trained without normalisation; sherpa-onnx does none for them, and so do we. */
function normalisationWarnings(header: OnnxHeader): readonly string[] {
  const type = header.metadata.get('normalize_type') ?? ''
  return ['', 'NA', 'None', 'none'].includes(type)
    ? []
    : [`normalize_type ${JSON.stringify(type)} needs the whole utterance and is not applied to a stream`]
}

/** A streaming zipformer2 CTC model: audio and six caches a layer. */
export function zipformer2CtcContract(header: OnnxHeader): StreamingContract {
  const metadata = new Metadata(header, 'a streaming zipformer2 CTC model')
  metadata.need(ZIPFORMER2_KEYS)
  refuseWhisperFeatures(header)
  const bins = header.inputs[0]?.dims[2] ?? USUAL_BINS
  const states = zipformer2States(header, metadata, bins)
  const windowFrames = metadata.number('T')
  const maxBatch = checkInputs(header, [
    { type: 'float32', dims: [null, windowFrames, bins], batchAxis: 0 },
    ...statePorts(states),
  ])
  checkOutputs(header, 1 + states.length)
  checkStates(header, states)
  return {
    family: 'zipformer2-ctc',
    frames: { kind: 'fbank', sampleRateHz: SAMPLE_RATE_HZ, bins },
    windowFrames,
    shiftFrames: shift(header, metadata.number('decode_chunk_len'), windowFrames),
    layout: 'time-first',
    withLength: false,
    states,
    maxBatch,
    vocabulary: header.outputs[0]?.dims[2] ?? null,
    contextSize: null,
    warnings: [],
  }
}

const T_ONE_KEYS = ['frame_length_ms', 'state_dim', 'sample_rate']

/** A T-one model: samples as whole numbers, one half-precision cache. */
export function tOneContract(header: OnnxHeader): StreamingContract {
  const metadata = new Metadata(header, 'a T-one model')
  metadata.need(T_ONE_KEYS)
  const sampleRateHz = metadata.number('sample_rate', 8_000)
  const samples = (sampleRateHz * metadata.number('frame_length_ms')) / 1_000
  if (!Number.isInteger(samples))
    throw new ModelFileRefused('metadata-malformed', {
      file: header.file,
      found: `a frame of ${samples} samples`,
      expected: 'frame_length_ms that is a whole number of samples',
    })
  const states: readonly StateSpec[] = [
    { type: 'float16', dims: [1, metadata.number('state_dim')], batchAxis: 0 },
  ]
  const maxBatch = checkInputs(header, [
    { type: 'int32', dims: [null, samples, 1], batchAxis: 0 },
    ...statePorts(states),
  ])
  checkOutputs(header, 2)
  checkStates(header, states)
  return {
    family: 't-one-ctc',
    frames: { kind: 'samples', sampleRateHz, samples },
    windowFrames: 1,
    shiftFrames: 1,
    layout: 'samples',
    withLength: false,
    states,
    maxBatch,
    vocabulary: header.outputs[0]?.dims.at(-1) ?? null,
    contextSize: null,
    warnings: [],
  }
}

/** Throws {@link ModelFileRefused} when steps would leave frames out. */
export function shift(header: OnnxHeader, shiftFrames: number, windowFrames: number): number {
  if (shiftFrames <= windowFrames) return shiftFrames
  throw new ModelFileRefused('metadata-malformed', {
    file: header.file,
    found: `steps of ${shiftFrames} frames over windows of ${windowFrames}`,
    expected: 'steps that are no longer than their window',
  })
}

export function refuseWhisperFeatures(header: OnnxHeader): void {
  if (header.metadata.get('feature') !== 'whisper') return
  throw new ModelFileRefused('unknown-contract', {
    file: header.file,
    found: "a model that takes Whisper's features",
    expected: 'a model that takes Kaldi filter banks',
  })
}
