/**
 * Where the tensors of an ONNX model lie, and which nodes use them, by walking its protobuf fields (onnx.proto: ModelProto.graph = 7;
 * GraphProto.node = 1, initializer = 5; NodeProto input = 1, output = 2, op_type = 4, attribute = 5; AttributeProto.t = 5;
 * TensorProto dims = 1, data_type = 2, name = 8, raw_data = 9, external_data = 13, data_location = 14).
 */
import { DeltaRefused } from './refused.ts'

export const TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, float16: 10, bfloat16: 16 } as const

/** A tensor with raw data of the length that its shape says. */
export interface ModelTensor {
  readonly name: string
  /** TensorProto.DataType. */
  readonly type: number
  readonly dims: readonly number[]
  readonly offset: number
  readonly sizeBytes: number
}

export interface ModelNode {
  readonly type: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export interface OnnxModel {
  /** In the order of the file. */
  readonly tensors: readonly ModelTensor[]
  readonly nodes: readonly ModelNode[]
}

const EXTERNAL = 1
const BYTES_OF_TYPE: Readonly<Record<number, number>> = {
  [TYPE.float32]: 4,
  [TYPE.uint8]: 1,
  [TYPE.int8]: 1,
  [TYPE.int32]: 4,
  [TYPE.float16]: 2,
  [TYPE.bfloat16]: 2,
}

/** Null where `bytes` are no ONNX model. Throws {@link DeltaRefused} where its weights lie in another file. */
export function readOnnxModel(bytes: Uint8Array): OnnxModel | null {
  const walk = new Walk(bytes)
  try {
    walk.model()
  } catch (thrown) {
    if (thrown instanceof NoProtobuf) return null
    throw thrown
  }
  return walk.graphs === 1
    ? { tensors: walk.tensors.toSorted((a, b) => a.offset - b.offset), nodes: walk.nodes }
    : null
}

class NoProtobuf extends Error {}

interface Field {
  readonly number: number
  /** Of a varint; else 0. */
  readonly value: number
  readonly from: number
  readonly to: number
}

class Walk {
  readonly tensors: ModelTensor[] = []
  readonly nodes: ModelNode[] = []
  graphs = 0
  readonly #bytes: Uint8Array
  readonly #decoder = new TextDecoder()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  model(): void {
    for (const field of this.#fields(0, this.#bytes.length)) {
      if (field.number !== 7) continue
      this.graphs += 1
      for (const part of this.#fields(field.from, field.to)) {
        if (part.number === 1) this.#node(part)
        if (part.number === 5) this.#tensor(part, null)
      }
    }
  }

  #node(node: Field): void {
    const [inputs, outputs]: [string[], string[]] = [[], []]
    const constants: Field[] = []
    let type = ''
    for (const field of this.#fields(node.from, node.to)) {
      if (field.number === 1) inputs.push(this.#text(field))
      else if (field.number === 2) outputs.push(this.#text(field))
      else if (field.number === 4) type = this.#text(field)
      else if (field.number === 5)
        constants.push(
          ...[...this.#fields(field.from, field.to)].filter(
            ({ number, to, from }) => number === 5 && to > from,
          ),
        )
    }
    if (type === 'Constant') for (const constant of constants) this.#tensor(constant, outputs[0] ?? '')
    else this.nodes.push({ type, inputs, outputs })
  }

  #tensor(tensor: Field, nodeName: string | null): void {
    const dims: number[] = []
    let name = nodeName ?? ''
    let type = 0
    let raw: Field | null = null
    let isExternal = false
    for (const field of this.#fields(tensor.from, tensor.to)) {
      if (field.number === 1) dims.push(...this.#integers(field))
      else if (field.number === 2) type = field.value
      else if (field.number === 8 && nodeName === null) name = this.#text(field)
      else if (field.number === 9) raw = field
      else if (field.number === 13 || (field.number === 14 && field.value === EXTERNAL)) isExternal = true
    }
    if (isExternal) throw new DeltaRefused('external_data', `the weights of "${name}" lie in another file`)
    if (raw === null) return
    const sizeBytes = raw.to - raw.from
    // A tensor of another length, or of a type without a model, is coded like what is between tensors.
    if (sizeBytes > 0 && sizeBytes === dims.reduce((product, dim) => product * dim, BYTES_OF_TYPE[type] ?? 0))
      this.tensors.push({ name, type, dims, offset: raw.from, sizeBytes })
  }

  #text({ from, to }: Field): string {
    return this.#decoder.decode(this.#bytes.subarray(from, to))
  }

  /** A repeated integer field, packed or not. */
  #integers(field: Field): readonly number[] {
    if (field.to === field.from) return [field.value]
    const values: number[] = []
    for (let at = field.from; at < field.to;) {
      const { value, next } = this.#varint(at, field.to)
      values.push(value)
      at = next
    }
    return values
  }

  *#fields(from: number, to: number): Generator<Field> {
    for (let at = from; at < to;) {
      const key = this.#varint(at, to)
      const number = Math.floor(key.value / 8)
      const wire = key.value % 8
      if (number === 0) throw new NoProtobuf()
      if (wire === 0) {
        const { value, next } = this.#varint(key.next, to)
        yield { number, value, from: next, to: next }
        at = next
      } else if (wire === 2) {
        const { value, next } = this.#varint(key.next, to)
        if (next + value > to) throw new NoProtobuf()
        yield { number, value: 0, from: next, to: next + value }
        at = next + value
      } else if (wire === 1 || wire === 5) at = key.next + (wire === 1 ? 8 : 4)
      else throw new NoProtobuf()
    }
  }

  #varint(from: number, to: number): { readonly value: number; readonly next: number } {
    let value = 0
    let scale = 1
    for (let at = from; at < to && at < from + 10; at += 1) {
      const byte = this.#bytes[at] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return { value, next: at + 1 }
      scale *= 128
    }
    throw new NoProtobuf()
  }
}
