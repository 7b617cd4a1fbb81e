/**
 * A trained net as an ONNX file: weights as int8 with one scale a column, the temperature folded in. Of the first layer only the
 * rows of a sentence's features are gathered, and spread to float by Cast and Mul: with DequantizeLinear the runtime multiplies
 * in integers, and its answers differ by the processor.
 */
import type { IntentNet } from './intent-net.ts'
import { FLOAT, onnxFile } from './onnx-file.ts'

interface Quantised {
  readonly values: Int8Array
  readonly scales: Float32Array
}

/** `net` is the net that the file computes: its weights after rounding. */
export function intentFile(
  net: IntentNet,
  temperature: number,
): { readonly bytes: Uint8Array; readonly net: IntentNet } {
  const { buckets, hidden, classes } = net
  const first = quantised(net.w1, hidden)
  const second = quantised(
    net.w2.map((value) => value / temperature),
    classes,
  )
  const b2 = net.b2.map((value) => value / temperature)
  const bytes = onnxFile({
    name: 'starling-intent',
    nodes: [
      { type: 'Gather', inputs: ['w1', 'index'], output: 'r1', attributes: { axis: 0 } },
      { type: 'Cast', inputs: ['r1'], output: 'c1', attributes: { to: FLOAT } },
      { type: 'Mul', inputs: ['c1', 's1'], output: 'f1' },
      { type: 'MatMul', inputs: ['value', 'f1'], output: 'm1' },
      { type: 'Add', inputs: ['m1', 'b1'], output: 'a1' },
      { type: 'Relu', inputs: ['a1'], output: 'h' },
      { type: 'Cast', inputs: ['w2'], output: 'c2', attributes: { to: FLOAT } },
      { type: 'Mul', inputs: ['c2', 's2'], output: 'f2' },
      { type: 'MatMul', inputs: ['h', 'f2'], output: 'm2' },
      { type: 'Add', inputs: ['m2', 'b2'], output: 'logits' },
      { type: 'Softmax', inputs: ['logits'], output: 'probabilities', attributes: { axis: 1 } },
    ],
    tensors: [
      { name: 'w1', shape: [buckets, hidden], values: first.values },
      { name: 's1', shape: [hidden], values: first.scales },
      { name: 'b1', shape: [hidden], values: net.b1 },
      { name: 'w2', shape: [hidden, classes], values: second.values },
      { name: 's2', shape: [classes], values: second.scales },
      { name: 'b2', shape: [classes], values: b2 },
    ],
    inputs: [
      { name: 'index', shape: ['features'], isIndex: true },
      { name: 'value', shape: [1, 'features'] },
    ],
    outputs: [{ name: 'probabilities', shape: [1, classes] }],
  })
  return { bytes, net: { ...net, w1: spread(first, hidden), w2: spread(second, classes), b2 } }
}

function quantised(matrix: Float32Array, columns: number): Quantised {
  const scales = new Float32Array(columns).fill(1e-8)
  matrix.forEach((value, at) => {
    const column = at % columns
    scales[column] = Math.max(scales[column] ?? 0, Math.abs(value) / 127)
  })
  const values = Int8Array.from(matrix, (value, at) =>
    Math.max(-127, Math.min(127, Math.round(value / (scales[at % columns] ?? 1)))),
  )
  return { values, scales }
}

function spread({ values, scales }: Quantised, columns: number): Float32Array {
  return Float32Array.from(values, (value, at) => value * (scales[at % columns] ?? 0))
}
