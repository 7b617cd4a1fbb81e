/** Writes small ONNX models (onnx.proto, IR 8, opset 13) node by node, so that tests need no Python and no file of anybody's. */

export const FLOAT = 1
export const INT32 = 6
export const INT64 = 7
export const FLOAT16 = 10

export type ElementCode = typeof FLOAT | typeof INT32 | typeof INT64 | typeof FLOAT16
/** A text is a dimension that is open, by its name. */
export type Dims = readonly (number | string)[]
type Attribute = number | readonly number[]

export interface PortDefinition {
  readonly name: string
  readonly type: ElementCode
  readonly dims: Dims
}

export class OnnxWriter {
  readonly #nodes: Uint8Array[] = []
  readonly #weights: Uint8Array[] = []
  readonly #inputs: Uint8Array[] = []
  readonly #outputs: Uint8Array[] = []
  readonly #metadata: Uint8Array[] = []
  #made = 0

  input(name: string, type: ElementCode, dims: Dims): string {
    this.#inputs.push(port({ name, type, dims }))
    return name
  }

  output(name: string, type: ElementCode, dims: Dims): void {
    this.#outputs.push(port({ name, type, dims }))
  }

  metadata(values: Readonly<Record<string, string | number>>): void {
    for (const [key, value] of Object.entries(values))
      this.#metadata.push(concat([text(1, key), text(2, String(value))]))
  }

  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.#weight(FLOAT, dims, new Uint8Array(Float32Array.from(values).buffer))
  }

  integers(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#weight(INT64, dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
  }

  /** Adds a node and gives the name of its first output, which `as` may choose. */
  node(
    operator: string,
    inputs: readonly string[],
    options: { readonly attributes?: Readonly<Record<string, Attribute>>; readonly as?: string } = {},
  ): string {
    const output = options.as ?? `v${this.#made++}`
    this.#nodes.push(
      concat([
        ...inputs.map((name) => text(1, name)),
        text(2, output),
        text(4, operator),
        ...Object.entries(options.attributes ?? {}).map(([name, value]) => bytes(5, attribute(name, value))),
      ]),
    )
    return output
  }

  finish(): Uint8Array {
    const graph = concat([
      ...this.#nodes.map((node) => bytes(1, node)),
      text(2, 'graph'),
      ...this.#weights.map((weight) => bytes(5, weight)),
      ...this.#inputs.map((input) => bytes(11, input)),
      ...this.#outputs.map((output) => bytes(12, output)),
    ])
    return concat([
      varint(1, 8),
      text(2, 'starling-test'),
      bytes(7, graph),
      bytes(8, concat([text(1, ''), varint(2, 13)])),
      ...this.#metadata.map((entry) => bytes(14, entry)),
    ])
  }

  #weight(type: ElementCode, dims: readonly number[], raw: Uint8Array): string {
    const name = `w${this.#made++}`
    this.#weights.push(
      concat([...dims.map((length) => varint(1, length)), varint(2, type), text(8, name), bytes(9, raw)]),
    )
    return name
  }
}

function port({ name, type, dims }: PortDefinition): Uint8Array {
  const shape = concat(
    dims.map((length) => bytes(1, typeof length === 'number' ? varint(1, length) : text(2, length))),
  )
  return concat([text(1, name), bytes(2, bytes(1, concat([varint(1, type), bytes(2, shape)])))])
}

function attribute(name: string, value: Attribute): Uint8Array {
  return typeof value === 'number'
    ? concat([text(1, name), varint(3, value), varint(20, 2)])
    : concat([text(1, name), ...value.map((item) => varint(8, item)), varint(20, 7)])
}

/** Protocol buffers' wire format, also for what no ONNX writer would write. */
export function varint(field: number, value: number): Uint8Array {
  return concat([number(field * 8), number(value)])
}

export function bytes(field: number, value: Uint8Array): Uint8Array {
  return concat([number(field * 8 + 2), number(value.length), value])
}

export function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value))
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function number(value: number): Uint8Array {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    out.push(rest === 0n ? low : low | 0x80)
  } while (rest !== 0n)
  return Uint8Array.from(out)
}
