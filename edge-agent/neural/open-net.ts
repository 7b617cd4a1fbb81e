/** A file as a net. The runtime itself is handed in by worker threads, which alone may hold it: `run` blocks whoever calls it. */
import type { Net, NetData, NetTensor } from './net.ts'

/** What is asked of onnxruntime-node. */
export interface Runtime {
  readonly InferenceSession: {
    create(path: string, options: SessionOptions): Promise<Session>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => NetTensor
}

interface SessionOptions {
  readonly executionProviders: string[]
  readonly intraOpNumThreads: number
  readonly interOpNumThreads: number
  readonly graphOptimizationLevel: 'all'
  readonly logSeverityLevel: 3
}

interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Record<string, never>): Promise<Readonly<Record<string, unknown>>>
}

export async function openNet(runtime: Runtime, path: string): Promise<Net> {
  const session = await runtime.InferenceSession.create(path, {
    executionProviders: ['cpu'],
    // The runtime's pool spins: more threads would cost ten times the work (measured).
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const makeTensor = runtime.Tensor as unknown as new (
    type: string,
    data: NetData,
    dims: readonly number[],
  ) => NetTensor
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    tensor: (type, data, dims) => new makeTensor(type, data, dims),
    run: async (inputs) => {
      const feeds: Record<string, never> = {}
      // Only tensors that this net made, or gave, come back to it.
      for (const [index, name] of session.inputNames.entries()) feeds[name] = inputs[index] as never
      const outputs = await session.run(feeds)
      return session.outputNames.map((name) => outputs[name] as NetTensor)
    },
  }
}
