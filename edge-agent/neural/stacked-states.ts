/**
 * The caches of many streams as the rows of one batch. While the same streams step together their caches stay stacked, and
 * what came out of one run goes into the next untouched; a stream's own are cut out only when the company changes.
 */
import { stateSize, type StateSpec } from './contract.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import type { Net, NetData, NetTensor } from './net.ts'

/** One stream's caches, or null while they lie in the stack. */
export interface StateHolder {
  own: readonly NetData[] | null
}

export function freshStates(specs: readonly StateSpec[]): readonly NetData[] {
  return specs.map((spec) => make(spec, stateSize(spec)))
}

export class StackedStates {
  readonly #specs: readonly StateSpec[]
  readonly #net: Net
  #holders: readonly StateHolder[] = []
  #tensors: readonly NetTensor[] = []

  constructor(net: Net, specs: readonly StateSpec[]) {
    this.#net = net
    this.#specs = specs
  }

  /** The batch's caches as inputs, one tensor a spec. */
  take(holders: readonly StateHolder[]): readonly NetTensor[] {
    const same =
      holders.length === this.#holders.length && holders.every((holder, i) => holder === this.#holders[i])
    if (same) return this.#tensors
    this.#unstack()
    return this.#specs.map((spec, index) => {
      const dims = spec.dims.with(spec.batchAxis, holders.length)
      return this.#net.tensor(
        spec.type,
        stack(
          spec,
          holders.map((holder) => ownOf(holder, index)),
        ),
        dims,
      )
    })
  }

  /** Keeps what a run gave; the streams' own copies are void from here on. */
  keep(holders: readonly StateHolder[], tensors: readonly NetTensor[]): void {
    for (const [index, spec] of this.#specs.entries()) {
      const held = tensors[index]
      const length = ArrayBuffer.isView(held?.data) ? (held.data as NetData).length : 0
      if (held?.type !== spec.type || length !== stateSize(spec) * holders.length)
        throw new ModelFileRefused('does-not-run', {
          file: 'the model',
          found: `cache ${index} of ${length} values, ${held?.type ?? 'absent'}, after a step of ${holders.length} streams`,
          expected: `${stateSize(spec) * holders.length} of ${spec.type}`,
        })
    }
    for (const holder of holders) holder.own = null
    this.#holders = [...holders]
    this.#tensors = tensors
  }

  /** A stream has ended: its rows are of no use to anyone. */
  release(holder: StateHolder): void {
    if (!this.#holders.includes(holder)) return
    this.#unstack()
    holder.own = null
  }

  #unstack(): void {
    const count = this.#holders.length
    for (const [row, holder] of this.#holders.entries())
      holder.own = this.#specs.map((spec, index) => cut(spec, this.#tensors[index] as NetTensor, row, count))
    this.#holders = []
    this.#tensors = []
  }
}

function ownOf(holder: StateHolder, index: number): NetData {
  const own = holder.own?.[index]
  if (own === undefined) throw new TypeError('a stream that is not stacked holds its own caches')
  return own
}

/** Values after the batch axis lie together; those before it are repeated. */
function inner(spec: StateSpec): number {
  return spec.dims.slice(spec.batchAxis + 1).reduce((product, length) => product * length, 1)
}

function stack(spec: StateSpec, rows: readonly NetData[]): NetData {
  const [first] = rows
  if (rows.length === 1 && first !== undefined) return first
  const size = stateSize(spec)
  const width = inner(spec)
  const out = make(spec, size * rows.length)
  for (const [row, data] of rows.entries())
    for (let outer = 0; outer < size / width; outer++)
      place(out, data.subarray(outer * width, (outer + 1) * width), (outer * rows.length + row) * width)
  return out
}

function cut(spec: StateSpec, tensor: NetTensor, row: number, count: number): NetData {
  const data = tensor.data as NetData
  if (count === 1) return data
  const size = stateSize(spec)
  const width = inner(spec)
  const out = make(spec, size)
  for (let outer = 0; outer < size / width; outer++) {
    const from = (outer * count + row) * width
    place(out, data.subarray(from, from + width), outer * width)
  }
  return out
}

function place(out: NetData, part: NetData, at: number): void {
  // Both are made by the same spec, so they are of one kind.
  ;(out as Float32Array).set(part as Float32Array, at)
}

function make(spec: StateSpec, length: number): NetData {
  if (spec.type === 'int64') return new BigInt64Array(length)
  return spec.type === 'float16' ? new Uint16Array(length) : new Float32Array(length)
}
