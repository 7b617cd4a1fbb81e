/**
 * Finds stored tensors in an ONNX file, by walking its protobuf fields (onnx.proto: ModelProto.graph = 7,
 * GraphProto.initializer = 5, TensorProto dims = 1, data_type = 2, name = 8, raw_data = 9). What is found are places in the
 * file: a tensor of the same shape can be written over it, and every other byte stays.
 */
import { StarlingError } from '../../shared/errors.ts'

export class TensorMissing extends StarlingError {
  override readonly code = 'tensor_missing'
}

export const FLOAT32 = 1
export const UINT8 = 2
export const INT64 = 7

export interface StoredTensor {
  readonly name: string
  /** ONNX data type number. */
  readonly type: number
  readonly dims: readonly number[]
  /** Where its bytes lie in the file. */
  readonly offset: number
  readonly sizeBytes: number
}

interface Field {
  readonly number: number
  readonly value: number
  /** Of length-delimited fields: where the content lies. */
  readonly from: number
  readonly to: number
}

/** Every initialiser with raw data. Throws {@link TensorMissing} when the file is no ONNX model. */
export function storedTensors(file: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const found = new Map<string, StoredTensor>()
  for (const model of fields(file, 0, file.length)) {
    if (model.number !== 7) continue
    for (const graph of fields(file, model.from, model.to)) {
      if (graph.number !== 5) continue
      const tensor = tensorAt(file, graph.from, graph.to)
      if (tensor !== null) found.set(tensor.name, tensor)
    }
  }
  return found
}

/** The tensor of that name and type. Throws {@link TensorMissing}. */
export function tensorOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  type: number,
): StoredTensor {
  const tensor = tensors.get(name)
  if (tensor === undefined || tensor.type !== type)
    throw new TensorMissing(`the model stores no tensor "${name}" of type ${type}`, {
      remedy: 'Adapt a model of the kind that Starling ships.',
    })
  return tensor
}

/** A copy of a float tensor's values. */
export function floatsOf(file: Uint8Array, tensor: StoredTensor): Float32Array {
  return new Float32Array(bytesOf(file, tensor).buffer)
}

/** A copy of a tensor's bytes, aligned for any kind of number. */
export function bytesOf(file: Uint8Array, tensor: StoredTensor): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(file.subarray(tensor.offset, tensor.offset + tensor.sizeBytes))
}

/** A copy of a tensor of 64-bit integers, which are small ones. */
export function integersOf(file: Uint8Array, tensor: StoredTensor): Int32Array {
  const view = new DataView(file.buffer, file.byteOffset + tensor.offset, tensor.sizeBytes)
  return Int32Array.from({ length: tensor.sizeBytes / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}

function tensorAt(file: Uint8Array, from: number, to: number): StoredTensor | null {
  const dims: number[] = []
  let name = ''
  let type = 0
  let raw: Field | null = null
  for (const field of fields(file, from, to)) {
    if (field.number === 1) dims.push(...integers(file, field))
    else if (field.number === 2) type = field.value
    else if (field.number === 8) name = new TextDecoder().decode(file.subarray(field.from, field.to))
    else if (field.number === 9) raw = field
  }
  return raw === null ? null : { name, type, dims, offset: raw.from, sizeBytes: raw.to - raw.from }
}

/** A repeated integer field, packed or not. */
function integers(file: Uint8Array, field: Field): readonly number[] {
  if (field.to === field.from) return [field.value]
  const values: number[] = []
  for (let at = field.from; at < field.to;) {
    const { value, next } = varint(file, at, field.to)
    values.push(value)
    at = next
  }
  return values
}

function* fields(file: Uint8Array, from: number, to: number): Generator<Field> {
  for (let at = from; at < to;) {
    const key = varint(file, at, to)
    const number = Math.floor(key.value / 8)
    at = key.next
    switch (key.value % 8) {
      case 0: {
        const { value, next } = varint(file, at, to)
        yield { number, value, from: next, to: next }
        at = next
        break
      }
      case 1:
        at += 8
        break
      case 2: {
        const { value, next } = varint(file, at, to)
        if (next + value > to) throw malformed()
        yield { number, value, from: next, to: next + value }
        at = next + value
        break
      }
      case 5:
        at += 4
        break
      default:
        throw malformed()
    }
  }
}

function varint(file: Uint8Array, from: number, to: number): { value: number; next: number } {
  let value = 0
  let scale = 1
  for (let at = from; at < to && at < from + 10; at++) {
    const byte = file[at] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, next: at + 1 }
    scale *= 128
  }
  throw malformed()
}

function malformed(): TensorMissing {
  return new TensorMissing('the file is no ONNX model', {
    remedy: 'Give the acoustic.onnx of a speech model.',
  })
}
