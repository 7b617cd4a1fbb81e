/** Small ONNX models for the tests of deltas, written by the project's own writer. */
import { onnxFile, type OnnxTensor } from '../../../edge-agent/domain-build/onnx-file.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { decodeDelta, type DeltaInput } from '../../../rollout/delta/decode.ts'
import { inMemory } from '../../../rollout/delta/random-access.ts'
import { seededRandom, type Random } from '../../../edge-agent/domain-build/random.ts'

export const targetOf = (bytes: Uint8Array): DeltaInput['target'] => ({
  sha256: sha256Hex(bytes),
  sizeBytes: bytes.length,
})

/** All pieces of a delta's output; the largest length that was put out before an error is not told. */
export async function decoded(
  base: Uint8Array,
  delta: Uint8Array,
  target: DeltaInput['target'],
  limits: DeltaInput['limits'] = {},
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of decodeDelta({ base: inMemory(base), delta: inMemory(delta), target, limits }))
    pieces.push(Uint8Array.from(piece))
  return Buffer.concat(pieces)
}

export interface Layer {
  readonly name: string
  readonly rows: number
  readonly columns: number
  readonly weights: Float32Array
}

export function layersOf(seed: number, shapes: readonly (readonly [number, number])[]): readonly Layer[] {
  const random = seededRandom(seed)
  return shapes.map(([rows, columns], at) => ({
    name: `layer${at}`,
    rows,
    columns,
    weights: Float32Array.from({ length: rows * columns }, () => normal(random) / 10),
  }))
}

export function normal(random: Random): number {
  return random.next() + random.next() + random.next() + random.next() + random.next() + random.next() - 3
}

/** Per-column quantisation of each layer, as `MatMul` after `Cast` and `Mul`; `scaleOf` may keep old scales. */
export function quantisedModel(
  layers: readonly Layer[],
  more: { readonly name?: string; readonly scaleOf?: (layer: Layer, column: number) => number } = {},
): Uint8Array {
  const tensors = layers.flatMap((layer): OnnxTensor[] => {
    const scales = Float32Array.from({ length: layer.columns }, (_, column) =>
      (more.scaleOf ?? widest)(layer, column),
    )
    const values = Int8Array.from(layer.weights, (weight, at) =>
      Math.max(-127, Math.min(127, Math.round(weight / (scales[at % layer.columns] ?? 1)))),
    )
    return [
      { name: layer.name, shape: [layer.rows, layer.columns], values },
      { name: `${layer.name}_scale`, shape: [layer.columns], values: scales },
    ]
  })
  return onnxFile({
    name: more.name ?? 'layers',
    nodes: layers.flatMap(({ name }, at) => [
      { type: 'Cast', inputs: [name], output: `${name}_cast`, attributes: { to: 1 } },
      { type: 'Mul', inputs: [`${name}_cast`, `${name}_scale`], output: `${name}_float` },
      { type: 'MatMul', inputs: [at === 0 ? 'in' : `out${at - 1}`, `${name}_float`], output: `out${at}` },
    ]),
    tensors,
    inputs: [{ name: 'in', shape: [1, layers[0]?.rows ?? 1] }],
    outputs: [{ name: `out${layers.length - 1}`, shape: [1, layers.at(-1)?.columns ?? 1] }],
  })
}

export function widest({ weights, columns }: Layer, column: number): number {
  let most = 1e-8
  for (let at = column; at < weights.length; at += columns) most = Math.max(most, Math.abs(weights[at] ?? 0))
  return most / 127
}

/** Every weight moved by a normal step of that size with that probability. */
export function nudged(
  layers: readonly Layer[],
  seed: number,
  step: { readonly share: number; readonly size: number },
): readonly Layer[] {
  const random = seededRandom(seed)
  return layers.map((layer) => ({
    ...layer,
    weights: layer.weights.map((weight) =>
      random.next() < step.share ? weight + normal(random) * step.size : weight,
    ),
  }))
}
