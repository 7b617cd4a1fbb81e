/**
 * Writes the few parts of ONNX that an intent model needs, as protocol buffers by hand: no dependency, and the same bytes
 * from the same numbers on every machine. Field numbers are those of onnx.proto3, IR version 8.
 */
type Field = Uint8Array

const VARINT = 0
const BYTES = 2
export const FLOAT = 1
const INT8 = 3
const INT32 = 6
const OPSET = 13
const IR_VERSION = 8

export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array | Int8Array
}

export interface OnnxNode {
  readonly type: string
  readonly inputs: readonly string[]
  readonly output: string
  /** Whole-number attributes. */
  readonly attributes?: Readonly<Record<string, number>>
}

/** A tensor that goes in or out, float unless it says so; a named dimension is any. */
export interface OnnxValue {
  readonly name: string
  readonly shape: readonly (number | string)[]
  readonly isIndex?: boolean
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly tensors: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
}

export function onnxFile(graph: OnnxGraph): Uint8Array {
  return joined([
    number(1, IR_VERSION),
    text(2, 'starling'),
    message(7, [
      ...graph.nodes.map((node) => message(1, nodeFields(node))),
      text(2, graph.name),
      ...graph.tensors.map((tensor) => message(5, tensorFields(tensor))),
      ...graph.inputs.map((value) => message(11, valueFields(value))),
      ...graph.outputs.map((value) => message(12, valueFields(value))),
    ]),
    message(8, [text(1, ''), number(2, OPSET)]),
  ])
}

function nodeFields({ type, inputs, output, attributes = {} }: OnnxNode): Field[] {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, type),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, [text(1, name), number(3, value), number(20, 2)]),
    ),
  ]
}

function tensorFields({ name, shape, values }: OnnxTensor): Field[] {
  const raw = new Uint8Array(values.length * values.BYTES_PER_ELEMENT)
  const view = new DataView(raw.buffer)
  if (values instanceof Int8Array) raw.set(new Uint8Array(values.buffer, values.byteOffset, values.length))
  else values.forEach((value, at) => view.setFloat32(at * 4, value, true))
  return [
    ...shape.map((size) => number(1, size)),
    number(2, values instanceof Int8Array ? INT8 : FLOAT),
    text(8, name),
    bytes(9, raw),
  ]
}

function valueFields({ name, shape, isIndex = false }: OnnxValue): Field[] {
  const sizes = shape.map((size) => message(1, [typeof size === 'number' ? number(1, size) : text(2, size)]))
  return [text(1, name), message(2, [message(1, [number(1, isIndex ? INT32 : FLOAT), message(2, sizes)])])]
}

function varint(value: number): Field {
  const out: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128)
  out.push(rest)
  return Uint8Array.from(out)
}

function number(field: number, value: number): Field {
  return joined([varint(field * 8 + VARINT), varint(value)])
}

function bytes(field: number, value: Uint8Array): Field {
  return joined([varint(field * 8 + BYTES), varint(value.length), value])
}

function text(field: number, value: string): Field {
  return bytes(field, new TextEncoder().encode(value))
}

function message(field: number, fields: readonly Field[]): Field {
  return bytes(field, joined(fields))
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
