/** The contract of a streaming zipformer transducer: encoder, decoder and joiner, as sherpa-onnx's online-zipformer*-transducer-model read them. */
import {
  checkInputs,
  checkOutputs,
  checkStates,
  Metadata,
  statePorts,
  type StreamingContract,
} from './contract.ts'
import { refuseWhisperFeatures, SAMPLE_RATE_HZ, shift } from './ctc-contracts.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import type { OnnxHeader } from './onnx-header.ts'
import { zipformer2States, ZIPFORMER2_KEYS, zipformerStates, ZIPFORMER_KEYS } from './zipformer-states.ts'

const USUAL_BINS = 80

export interface TransducerHeaders {
  readonly encoder: OnnxHeader
  readonly decoder: OnnxHeader
  readonly joiner: OnnxHeader
}

export function transducerContract({ encoder, decoder, joiner }: TransducerHeaders): StreamingContract {
  const isSecond = encoder.metadata.get('model_type') === 'zipformer2'
  const metadata = new Metadata(
    encoder,
    `the encoder of a ${isSecond ? 'zipformer2' : 'zipformer'} transducer`,
  )
  metadata.need(isSecond ? ZIPFORMER2_KEYS : ZIPFORMER_KEYS)
  refuseWhisperFeatures(encoder)
  const bins = encoder.inputs[0]?.dims[2] ?? USUAL_BINS
  const states = isSecond ? zipformer2States(encoder, metadata, bins) : zipformerStates(encoder, metadata)
  const windowFrames = metadata.number('T')
  const maxBatch = checkInputs(encoder, [
    { type: 'float32', dims: [null, windowFrames, bins], batchAxis: 0 },
    ...statePorts(states),
  ])
  checkOutputs(encoder, 1 + states.length)
  checkStates(encoder, states)
  const facts = new Metadata(decoder, 'the decoder of a transducer')
  facts.need(['vocab_size', 'context_size'])
  const contextSize = facts.number('context_size')
  const decoderBatch = checkInputs(decoder, [{ type: 'int64', dims: [null, contextSize], batchAxis: 0 }])
  checkOutputs(decoder, 1)
  const joinerBatch = checkInputs(joiner, [
    { type: 'float32', dims: [null, encoder.outputs[0]?.dims[2] ?? null], batchAxis: 0 },
    { type: 'float32', dims: [null, decoder.outputs[0]?.dims.at(-1) ?? null], batchAxis: 0 },
  ])
  checkOutputs(joiner, 1)
  const vocabulary = facts.number('vocab_size')
  const scores = joiner.outputs[0]?.dims.at(-1) ?? null
  if (scores !== null && scores !== vocabulary)
    throw new ModelFileRefused('graph-mismatch', {
      file: joiner.file,
      found: `scores of ${scores} symbols`,
      expected: `the ${vocabulary} of its decoder's vocab_size`,
    })
  return {
    family: isSecond ? 'zipformer2-transducer' : 'zipformer-transducer',
    frames: { kind: 'fbank', sampleRateHz: SAMPLE_RATE_HZ, bins },
    windowFrames,
    shiftFrames: shift(encoder, metadata.number('decode_chunk_len'), windowFrames),
    layout: 'time-first',
    withLength: false,
    states,
    maxBatch: Math.min(maxBatch, decoderBatch, joinerBatch),
    vocabulary,
    contextSize,
    warnings: [],
  }
}
