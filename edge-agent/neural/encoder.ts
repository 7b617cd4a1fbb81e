/** One step of a streaming model for a batch of streams: frames and caches in, a block of rows a stream out. */
import type { StreamingContract } from './contract.ts'
import type { FrameSource } from './frame-source.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import type { Net, NetTensor } from './net.ts'
import { StackedStates, type StateHolder } from './stacked-states.ts'

export interface EncodedStream extends StateHolder {
  readonly frames: FrameSource
  /** Frames that earlier steps have gone by. */
  processed: number
}

/** What one run gave: `rows` rows of `width` values a stream, one stream after another. */
export interface Encoded {
  readonly data: Float32Array
  readonly rows: number
  readonly width: number
}

/** The reference implementation waits for one frame more than the window holds; to emit at the same step, so do we. */
export function canStep(contract: StreamingContract, stream: EncodedStream): boolean {
  return stream.processed + contract.windowFrames < stream.frames.count
}

export class Encoder {
  readonly #net: Net
  readonly #contract: StreamingContract
  readonly #states: StackedStates

  constructor(net: Net, contract: StreamingContract) {
    this.#net = net
    this.#contract = contract
    this.#states = new StackedStates(net, contract.states)
  }

  /** At most `contract.maxBatch` streams, each of which can step. */
  async step(streams: readonly EncodedStream[]): Promise<Encoded> {
    const { withLength, states, shiftFrames } = this.#contract
    const inputs = [this.#audio(streams), ...(withLength ? [this.#lengths(streams.length)] : [])]
    const outputs = await this.#net.run([...inputs, ...this.#states.take(streams)])
    const firstState = withLength ? 2 : 1
    this.#states.keep(streams, outputs.slice(firstState, firstState + states.length))
    for (const stream of streams) {
      stream.processed += shiftFrames
      stream.frames.forget(stream.processed)
    }
    return encoded(outputs[0], streams.length)
  }

  forget(stream: EncodedStream): void {
    this.#states.release(stream)
  }

  #audio(streams: readonly EncodedStream[]): NetTensor {
    const { windowFrames, layout } = this.#contract
    const width = streams[0]?.frames.width ?? 0
    const size = windowFrames * width
    const rows = new Float32Array(streams.length * size)
    for (const [index, { frames, processed }] of streams.entries())
      frames.copy(processed, processed + windowFrames, rows, index * size)
    if (layout === 'time-first')
      return this.#net.tensor('float32', rows, [streams.length, windowFrames, width])
    if (layout === 'bins-first')
      return this.#net.tensor('float32', turned(rows, windowFrames, width), [
        streams.length,
        width,
        windowFrames,
      ])
    const whole = Int32Array.from(rows, (value) => Math.max(-1, Math.min(1, value)) * 32_767)
    return this.#net.tensor('int32', whole, [streams.length, size, 1])
  }

  #lengths(count: number): NetTensor {
    const lengths = new BigInt64Array(count).fill(BigInt(this.#contract.windowFrames))
    return this.#net.tensor('int64', lengths, [count])
  }
}

/** Blocks of `rows` by `columns`, each transposed. */
function turned(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length)
  const size = rows * columns
  for (let block = 0; block < values.length; block += size)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        out[block + column * rows + row] = values[block + row * columns + column] as number
  return out
}

function encoded(tensor: NetTensor | undefined, count: number): Encoded {
  const [batch, rows = 0, width = 0] = tensor?.dims ?? []
  const { data } = tensor ?? {}
  if (!(data instanceof Float32Array) || tensor?.dims.length !== 3 || batch !== count)
    throw new ModelFileRefused('does-not-run', {
      file: 'the model',
      found: `an output ${tensor?.type ?? 'without a type'}[${tensor?.dims.join(', ') ?? ''}] for ${count} streams`,
      expected: `float32[${count}, rows, values]`,
    })
  return { data, rows, width }
}
