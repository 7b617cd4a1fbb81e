/**
 * Which tensor is the scale of a tensor of weights: none of ONNX's conventions is kept by all exporters, so that what the graph leads to
 * is only a proposal, nearest first, and is taken when it makes the delta smaller.
 */
import { TYPE, type ModelNode, type ModelTensor, type OnnxModel } from './onnx-model.ts'

/** Steps forward from the weights to the node that multiplies by the scale (Gather, Cast, Transpose, Mul), and back to the scale. */
const FORWARD_STEPS = 4
const BACK_STEPS = 1
const MAX_PROPOSALS = 3

/** Of the inputs of quantised operators: where the zero point of the weights at an index stands. */
const ZERO_POINT_OF: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  DequantizeLinear: { 0: 2 },
  QLinearConv: { 3: 5 },
  QLinearMatMul: { 0: 2, 3: 5 },
  MatMulInteger: { 1: 3 },
  ConvInteger: { 1: 3 },
}

export interface ScaleProposal {
  readonly tensor: ModelTensor
  /** Weights in a row that share one scale. */
  readonly inner: number
}

export class Scales {
  readonly #tensors: ReadonlyMap<string, ModelTensor>
  readonly #consumers = new Map<string, ModelNode[]>()
  readonly #producers = new Map<string, ModelNode>()

  constructor(model: OnnxModel) {
    this.#tensors = new Map(model.tensors.map((tensor) => [tensor.name, tensor]))
    for (const node of model.nodes) {
      for (const input of node.inputs) {
        const known = this.#consumers.get(input)
        if (known === undefined) this.#consumers.set(input, [node])
        else known.push(node)
      }
      for (const output of node.outputs) this.#producers.set(output, node)
    }
  }

  /** Float tensors of one value, or one a channel, that the weights' values meet. */
  proposalsFor(weights: ModelTensor): readonly ScaleProposal[] {
    const named = this.#tensors.get(weights.name.replace(/_quantized$/, '_scale'))
    const near = [...(named === undefined ? [] : [named]), ...this.#near(weights.name)]
    return [...new Set(near)]
      .flatMap((tensor) => {
        const inner = tensor.type === TYPE.float32 ? innerOf(weights, tensor) : null
        return inner === null ? [] : [{ tensor, inner }]
      })
      .slice(0, MAX_PROPOSALS)
  }

  /** The tensor of the weights' zero point, where an operator names one. */
  zeroPointOf(weights: ModelTensor): ModelTensor | null {
    for (const node of this.#consumers.get(weights.name) ?? []) {
      const place = ZERO_POINT_OF[node.type]?.[node.inputs.indexOf(weights.name)]
      const tensor = place === undefined ? undefined : this.#tensors.get(node.inputs[place] ?? '')
      if (tensor !== undefined && tensor.sizeBytes === 1) return tensor
    }
    return null
  }

  #near(name: string): readonly ModelTensor[] {
    const found: ModelTensor[] = []
    let reached = [name]
    for (let step = 0; step < FORWARD_STEPS; step += 1) {
      const nodes = reached.flatMap((value) => this.#consumers.get(value) ?? [])
      for (const node of nodes) found.push(...this.#behind(node, BACK_STEPS))
      reached = nodes.flatMap(({ outputs }) => outputs)
    }
    return found.filter((tensor) => tensor.name !== name)
  }

  #behind(node: ModelNode, steps: number): readonly ModelTensor[] {
    return node.inputs.flatMap((input) => {
      const tensor = this.#tensors.get(input)
      if (tensor !== undefined) return [tensor]
      const producer = this.#producers.get(input)
      return producer === undefined || steps === 0 ? [] : this.#behind(producer, steps - 1)
    })
  }
}

function innerOf(weights: ModelTensor, scale: ModelTensor): number | null {
  const channels = scale.sizeBytes / 4
  if (channels === 1) return weights.sizeBytes
  let inner = weights.sizeBytes
  for (const dim of weights.dims) {
    inner /= dim
    if (dim === channels) return inner
  }
  return null
}
