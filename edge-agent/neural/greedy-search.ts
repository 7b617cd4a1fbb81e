/** Greedy search, a batch at a time: the best symbol of each output frame, as sherpa-onnx takes it. */
import type { Encoded } from './encoder.ts'
import { largest, logProbability, type Emission } from './emission.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import type { Net, NetTensor } from './net.ts'

/** What the search keeps of one stream. */
export interface SearchState {
  readonly emissions: Emission[]
  /** Output frames seen so far. */
  frames: number
  /** CTC: the symbol of the frame before; -1 at the beginning. */
  before: number
  /** Transducer: what the decoder made of the last symbols; null until it ran. */
  decoded: Float32Array | null
}

export function openSearch(): SearchState {
  return { emissions: [], frames: 0, before: -1, decoded: null }
}

export interface GreedySearch {
  /** Takes one step's rows for the streams in their order. */
  advance(streams: readonly SearchState[], encoded: Encoded): Promise<void>
}

export class CtcSearch implements GreedySearch {
  readonly #blank: number

  constructor(blank: number) {
    this.#blank = blank
  }

  async advance(streams: readonly SearchState[], { data, rows, width }: Encoded): Promise<void> {
    for (const [index, stream] of streams.entries()) {
      for (let row = 0; row < rows; row++) {
        const at = (index * rows + row) * width
        const id = largest(data, at, width)
        if (id !== this.#blank && id !== stream.before)
          stream.emissions.push({
            id,
            frame: stream.frames + row,
            logProbability: logProbability(data, at, width, id),
          })
        stream.before = id
      }
      stream.frames += rows
    }
  }
}

/** A transducer's blank is always symbol 0; before the first symbol stand a blank and, before it, nothing (-1). */
const BLANK = 0

export class TransducerSearch implements GreedySearch {
  readonly #decoder: Net
  readonly #joiner: Net
  readonly #contextSize: number
  readonly #unknown: number | null

  constructor(parts: {
    readonly decoder: Net
    readonly joiner: Net
    readonly contextSize: number
    readonly unknown: number | null
  }) {
    this.#decoder = parts.decoder
    this.#joiner = parts.joiner
    this.#contextSize = parts.contextSize
    this.#unknown = parts.unknown
  }

  async advance(streams: readonly SearchState[], encoded: Encoded): Promise<void> {
    await this.#decode(streams.filter(({ decoded }) => decoded === null))
    for (let row = 0; row < encoded.rows; row++) {
      const { data, width } = await this.#join(streams, encoded, row)
      const emitting: SearchState[] = []
      for (const [index, stream] of streams.entries()) {
        const at = index * width
        const id = largest(data, at, width)
        if (id === BLANK || id === this.#unknown) continue
        stream.emissions.push({
          id,
          frame: stream.frames + row,
          logProbability: logProbability(data, at, width, id),
        })
        emitting.push(stream)
      }
      await this.#decode(emitting)
    }
    for (const stream of streams) stream.frames += encoded.rows
  }

  /** Runs the decoder for those whose last symbols have changed, and for no others. */
  async #decode(streams: readonly SearchState[]): Promise<void> {
    if (streams.length === 0) return
    const size = this.#contextSize
    const context = new BigInt64Array(streams.length * size)
    for (const [index, { emissions }] of streams.entries())
      for (let i = 0; i < size; i++) {
        const back = size - i
        const start = back === emissions.length + 1 ? BLANK : -1
        context[index * size + i] = BigInt(emissions.at(-back)?.id ?? start)
      }
    const [out] = await this.#decoder.run([this.#decoder.tensor('int64', context, [streams.length, size])])
    const { data, width } = rowsOf(out, streams.length)
    for (const [index, stream] of streams.entries())
      stream.decoded = data.slice(index * width, (index + 1) * width)
  }

  async #join(
    streams: readonly SearchState[],
    encoded: Encoded,
    row: number,
  ): Promise<{ data: Float32Array; width: number }> {
    const { data, rows, width } = encoded
    const count = streams.length
    const heard = new Float32Array(count * width)
    for (let index = 0; index < count; index++) {
      const from = (index * rows + row) * width
      heard.set(data.subarray(from, from + width), index * width)
    }
    const said = streams[0]?.decoded?.length ?? 0
    const decoded = new Float32Array(count * said)
    for (const [index, stream] of streams.entries())
      if (stream.decoded !== null) decoded.set(stream.decoded, index * said)
    const [out] = await this.#joiner.run([
      this.#joiner.tensor('float32', heard, [count, width]),
      this.#joiner.tensor('float32', decoded, [count, said]),
    ])
    return rowsOf(out, count)
  }
}

function rowsOf(tensor: NetTensor | undefined, count: number): { data: Float32Array; width: number } {
  const data = tensor?.data
  if (!(data instanceof Float32Array) || count === 0 || data.length % count !== 0)
    throw new ModelFileRefused('does-not-run', {
      file: "the transducer's decoder or joiner",
      found: `an output ${tensor?.type ?? 'without a type'}[${tensor?.dims.join(', ') ?? ''}] for ${count} streams`,
      expected: `float32[${count}, values]`,
    })
  return { data, width: data.length / count }
}
