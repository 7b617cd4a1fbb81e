/** An inference session as the runners see it; the worker alone knows the runtime behind it. */

export type NetData = Float32Array | Int32Array | BigInt64Array | Uint16Array

export interface NetTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: unknown
}

export interface Net {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  tensor(type: 'float32' | 'float16' | 'int32' | 'int64', data: NetData, dims: readonly number[]): NetTensor
  /** Inputs and outputs by position. Blocks its thread while it runs. */
  run(inputs: readonly NetTensor[]): Promise<readonly NetTensor[]>
}
