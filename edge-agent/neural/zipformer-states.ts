/** The caches of streaming zipformers, for one stream, in the order of their inputs (icefall's exports). */
import type { Metadata, StateSpec } from './contract.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import type { OnnxHeader } from './onnx-header.ts'

export const ZIPFORMER2_KEYS = [
  'T',
  'decode_chunk_len',
  'encoder_dims',
  'query_head_dims',
  'value_head_dims',
  'num_heads',
  'num_encoder_layers',
  'cnn_module_kernels',
  'left_context_len',
]
export const ZIPFORMER_KEYS = [
  'T',
  'decode_chunk_len',
  'encoder_dims',
  'attention_dims',
  'num_encoder_layers',
  'cnn_module_kernels',
  'left_context_len',
]

/** The largest public ones have six stacks of up to four layers. */
const MAX_LAYERS = 256

/** Six caches a layer, then the front end's and the count of frames. */
export function zipformer2States(header: OnnxHeader, metadata: Metadata, bins: number): readonly StateSpec[] {
  const states: StateSpec[] = []
  const add = (dims: readonly number[], batchAxis: number): void => {
    states.push({ type: 'float32', dims, batchAxis })
  }
  for (const stack of stacks(header, metadata, ZIPFORMER2_KEYS)) {
    const width = at(stack, 'encoder_dims')
    const left = at(stack, 'left_context_len')
    const key = at(stack, 'query_head_dims') * at(stack, 'num_heads')
    const value = at(stack, 'value_head_dims') * at(stack, 'num_heads')
    const kernel = Math.floor(at(stack, 'cnn_module_kernels') / 2)
    for (let layer = 0; layer < at(stack, 'num_encoder_layers'); layer++) {
      add([left, 1, key], 1)
      add([1, 1, left, Math.floor((3 * width) / 4)], 1)
      add([left, 1, value], 1)
      add([left, 1, value], 1)
      add([1, width, kernel], 0)
      add([1, width, kernel], 0)
    }
  }
  // Two convolutions of stride two over the bins stand before the encoder: 80 bins become 19.
  add([1, 128, 3, Math.floor((Math.floor((bins - 1) / 2) - 1) / 2)], 0)
  states.push({ type: 'int64', dims: [1], batchAxis: 0 })
  return states
}

/** Seven kinds of cache, each for every stack. */
export function zipformerStates(header: OnnxHeader, metadata: Metadata): readonly StateSpec[] {
  const all = stacks(header, metadata, ZIPFORMER_KEYS)
  const each = (make: (stack: Stack) => readonly number[], batchAxis: number): StateSpec[] =>
    all.map((stack) => ({ type: 'float32', dims: make(stack), batchAxis }))
  const layers = (stack: Stack): number => at(stack, 'num_encoder_layers')
  const half = (stack: Stack): readonly number[] => [
    layers(stack),
    at(stack, 'left_context_len'),
    1,
    Math.floor(at(stack, 'attention_dims') / 2),
  ]
  const convolution = (stack: Stack): readonly number[] => [
    layers(stack),
    1,
    at(stack, 'encoder_dims'),
    at(stack, 'cnn_module_kernels') - 1,
  ]
  return [
    ...all.map((stack): StateSpec => ({ type: 'int64', dims: [layers(stack), 1], batchAxis: 1 })),
    ...each((stack) => [layers(stack), 1, at(stack, 'encoder_dims')], 1),
    ...each((stack) => [layers(stack), at(stack, 'left_context_len'), 1, at(stack, 'attention_dims')], 2),
    ...each(half, 2),
    ...each(half, 2),
    ...each(convolution, 1),
    ...each(convolution, 1),
  ]
}

type Stack = ReadonlyMap<string, number>

function at(stack: Stack, key: string): number {
  return stack.get(key) ?? 0
}

/** The lists of the metadata, turned: one map a stack of layers. */
function stacks(header: OnnxHeader, metadata: Metadata, keys: readonly string[]): readonly Stack[] {
  const lists = keys
    .filter((key) => key !== 'T' && key !== 'decode_chunk_len')
    .map((key) => [key, metadata.numbers(key)] as const)
  const count = lists[0]?.[1].length ?? 0
  const odd = lists.find(([, values]) => values.length !== count || count === 0)
  if (odd !== undefined)
    throw new ModelFileRefused('metadata-malformed', {
      file: header.file,
      found: `${odd[0]} with ${odd[1].length} numbers`,
      expected: `one number for each of ${Math.max(1, count)} stacks of layers`,
    })
  const layers = metadata.numbers('num_encoder_layers').reduce((sum, value) => sum + value, 0)
  if (layers > MAX_LAYERS)
    throw new ModelFileRefused('metadata-malformed', {
      file: header.file,
      found: `${layers} layers`,
      expected: `at most ${MAX_LAYERS}`,
    })
  return Array.from({ length: count }, (_, index) => {
    return new Map(lists.map(([key, values]) => [key, values[index] ?? 0]))
  })
}
