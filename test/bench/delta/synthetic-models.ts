/** Pairs of an int8 model of 28 MB, each changed in one way, by a seed: what each coder makes of that change alone. */
import { onnxFile, type OnnxTensor } from '../../../edge-agent/domain-build/onnx-file.ts'
import { seededRandom } from '../../../edge-agent/domain-build/random.ts'
import type { ModelPair } from './model-pair.ts'

/** Eleven layers of 2.4 MB, one scale each, and six small ones. */
const SHAPES: readonly (readonly [number, number])[] = [
  ...Array.from({ length: 11 }, () => [1_536, 1_536] as const),
  ...Array.from({ length: 6 }, () => [1_024, 384] as const),
]
const SPREAD = 0.08
const WIDEST = 4.2
const SEED = 20_261_121
/** Share of weights that move by one step, and how far a scale moves. */
const MOVED_SHARE = 0.093
const SCALE_STEP = 1.03

interface Weights {
  readonly values: Float32Array
  readonly scale: number
}

export function* syntheticPairs(): Generator<ModelPair> {
  const layers = SHAPES.map(([rows, columns], at) => weightsOf(rows * columns, at))
  const quantised = layers.map((layer) => rounded(layer.values, layer.scale))
  const scales = layers.map(({ scale }) => scale)
  const base = modelOf(quantised, scales)

  const other = quantised.map((values, at) =>
    at < SHAPES.length - 6 ? values : rounded(weightsOf(values.length, at + 100).values, scales[at] ?? 1),
  )
  yield {
    name: 'a few layers of 28 MB',
    scales: 'frozen',
    base,
    target: modelOf(other, scales),
  }

  const random = seededRandom(SEED)
  const stepped = quantised.map((values) =>
    values.map((value) =>
      random.next() >= MOVED_SHARE
        ? value
        : value + (value === 127 || (value > -127 && random.next() < 0.5) ? -1 : 1),
    ),
  )
  yield {
    name: '9.3 % of weights by 1',
    scales: 'frozen',
    base,
    target: modelOf(stepped, scales),
  }

  const moved = scales.map((scale, at) => (at === 0 ? scale * SCALE_STEP : scale))
  const again = quantised.map((values, at) =>
    at === 0 ? rounded(layers[0]?.values ?? new Float32Array(0), moved[0] ?? 1) : values,
  )
  yield {
    name: 'scale of 2.4 MB moved by 3 %',
    scales: 'moved',
    base,
    target: modelOf(again, moved),
  }
}

function weightsOf(length: number, seed: number): Weights {
  const random = seededRandom(SEED + seed)
  // Box and Muller, two at a time.
  const values = new Float32Array(length)
  for (let at = 0; at < length; at += 2) {
    const radius = SPREAD * Math.sqrt(-2 * Math.log(1 - random.next()))
    const angle = 2 * Math.PI * random.next()
    values[at] = radius * Math.cos(angle)
    values[at + 1] = radius * Math.sin(angle)
  }
  return { values, scale: (SPREAD * WIDEST) / 127 }
}

function rounded(values: Float32Array, scale: number): Int8Array {
  return Int8Array.from(values, (value) => Math.max(-127, Math.min(127, Math.round(value / scale))))
}

function modelOf(layers: readonly Int8Array[], scales: readonly number[]): Uint8Array {
  return onnxFile({
    name: 'synthetic',
    nodes: layers.flatMap((_, at) => [
      { type: 'DequantizeLinear', inputs: [`w${at}`, `s${at}`], output: `f${at}` },
      { type: 'MatMul', inputs: [at === 0 ? 'in' : `h${at - 1}`, `f${at}`], output: `h${at}` },
    ]),
    tensors: layers.flatMap((values, at): OnnxTensor[] => [
      { name: `w${at}`, shape: SHAPES[at] ?? [], values },
      { name: `s${at}`, shape: [1], values: Float32Array.of(scales[at] ?? 1) },
    ]),
    inputs: [{ name: 'in', shape: [1, SHAPES[0]?.[0] ?? 1] }],
    outputs: [{ name: `h${layers.length - 1}`, shape: [1, SHAPES.at(-1)?.[1] ?? 1] }],
  })
}
