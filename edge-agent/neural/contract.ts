/**
 * How a streaming model is fed and read: made from the metadata of its files and checked against its graph, so that one
 * runner serves every family. Inputs and outputs go by position, as sherpa-onnx feeds them; their names differ by exporter.
 */
import { ELEMENT, type OnnxHeader, type Port } from './onnx-header.ts'
import { ModelFileRefused } from './model-file-refused.ts'

export type Family =
  | 'nemo-ctc'
  | 'zipformer2-ctc'
  | 't-one-ctc'
  | 'zipformer-transducer'
  | 'zipformer2-transducer'

export type ElementType = keyof typeof ELEMENT

/** One cache of a stream: its dimensions for one stream, and the axis along which streams are stacked. All begin as zeros. */
export interface StateSpec {
  readonly type: 'float32' | 'float16' | 'int64'
  readonly dims: readonly number[]
  readonly batchAxis: number
}

export type FrameSpec =
  /** Kaldi's log-mel energies, a frame every 10 ms. */
  | { readonly kind: 'fbank'; readonly sampleRateHz: number; readonly bins: number }
  /** The samples themselves, `samples` a frame. */
  | { readonly kind: 'samples'; readonly sampleRateHz: number; readonly samples: number }

export interface StreamingContract {
  readonly family: Family
  readonly frames: FrameSpec
  /** Frames that one step sees. */
  readonly windowFrames: number
  /** Frames that one step goes on by. */
  readonly shiftFrames: number
  /** `[batch, time, bins]`, `[batch, bins, time]`, or int32 `[batch, samples, 1]`. */
  readonly layout: 'time-first' | 'bins-first' | 'samples'
  /** True when the second input is the window's length, and the second output the length of what came out. */
  readonly withLength: boolean
  readonly states: readonly StateSpec[]
  /** Streams that one run may hold. */
  readonly maxBatch: number
  /** Symbols, blank included; null where only `tokens.txt` knows. */
  readonly vocabulary: number | null
  /** Symbols that a transducer's decoder looks back on; null for CTC. */
  readonly contextSize: number | null
  /** For people: what the file says that is not acted upon. */
  readonly warnings: readonly string[]
}

/** Beyond this a batch gains nothing more (measured), and a stream waits longer for its neighbours. */
export const MAX_BATCH = 32
/** The largest public model (T-one) keeps under half a megabyte a stream; large zipformers a few. */
const MAX_STATE_BYTES = 32 * 1024 * 1024
/** No metadata value names anything larger. */
const MAX_NUMBER = 1_000_000

export function frameMs(frames: FrameSpec): number {
  return frames.kind === 'fbank' ? 10 : (1_000 * frames.samples) / frames.sampleRateHz
}

export function stateSize(spec: StateSpec): number {
  return spec.dims.reduce((product, length) => product * length, 1)
}

/** Reads metadata values as sherpa-onnx does, and says which are missing all at once. */
export class Metadata {
  readonly #header: OnnxHeader
  readonly #what: string

  constructor(header: OnnxHeader, what: string) {
    this.#header = header
    this.#what = what
  }

  /** Throws {@link ModelFileRefused} naming every absent key. */
  need(keys: readonly string[]): void {
    const { metadata, file } = this.#header
    const missing = keys.filter((key) => (metadata.get(key) ?? '') === '')
    if (missing.length > 0)
      throw new ModelFileRefused('metadata-missing', {
        file,
        found: `metadata without ${missing.join(', ')}`,
        expected: `${this.#what} with ${keys.join(', ')}`,
      })
  }

  number(key: string, least = 1): number {
    return this.#parse(key, this.#header.metadata.get(key) ?? '', least)
  }

  numbers(key: string): readonly number[] {
    const text = this.#header.metadata.get(key) ?? ''
    return text
      .split(',')
      .filter((part) => part.trim() !== '')
      .map((part) => this.#parse(key, part, 0))
  }

  #parse(key: string, text: string, least: number): number {
    const value = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= MAX_NUMBER) return value
    throw new ModelFileRefused('metadata-malformed', {
      file: this.#header.file,
      found: `${key} = ${JSON.stringify(text.slice(0, 60))}`,
      expected: `a whole number from ${least} to ${MAX_NUMBER} in ${key}`,
    })
  }
}

/** A dimension that the graph must have: a length, or null for any. */
type Expected = number | null

export interface ExpectedPort {
  readonly type: ElementType
  readonly dims: readonly Expected[]
  /** The axis of streams: 1 or open in the file. */
  readonly batchAxis: number
}

/**
 * Holds the graph's inputs against what the contract feeds, so that a wrong file is refused here and not by the runtime.
 * Returns how many streams one run may hold. Throws {@link ModelFileRefused}.
 */
export function checkInputs(header: OnnxHeader, expected: readonly ExpectedPort[]): number {
  if (header.inputs.length !== expected.length)
    throw mismatch(header, `${header.inputs.length} inputs`, `${expected.length} inputs`)
  let isOpen = true
  expected.forEach((port, index) => {
    const found = header.inputs[index]
    if (found === undefined || !fits(found, port))
      throw mismatch(
        header,
        `input ${index} ${found === undefined ? '' : shown(found)}`,
        `${port.type}[${port.dims.map((length, axis) => (axis === port.batchAxis ? 'N' : (length ?? '?'))).join(', ')}]`,
      )
    if (found.dims[port.batchAxis] !== null) isOpen = false
  })
  return isOpen ? MAX_BATCH : 1
}

/** The outputs are counted only: their shapes depend on the input. */
export function checkOutputs(header: OnnxHeader, count: number): void {
  if (header.outputs.length !== count)
    throw mismatch(header, `${header.outputs.length} outputs`, `${count} outputs`)
}

/** Throws {@link ModelFileRefused} when one stream's caches are larger than a device should hold. */
export function checkStates(header: OnnxHeader, states: readonly StateSpec[]): void {
  const bytes = states.reduce((sum, spec) => sum + stateSize(spec) * (spec.type === 'int64' ? 8 : 4), 0)
  if (bytes > MAX_STATE_BYTES)
    throw mismatch(header, `caches of ${bytes} bytes a stream`, `at most ${MAX_STATE_BYTES} bytes`)
}

export function statePorts(states: readonly StateSpec[]): readonly ExpectedPort[] {
  return states.map(({ type, dims, batchAxis }) => ({ type, dims, batchAxis }))
}

function fits(found: Port, expected: ExpectedPort): boolean {
  if (found.elementType !== ELEMENT[expected.type] || found.dims.length !== expected.dims.length) return false
  return expected.dims.every((length, axis) => {
    const held = found.dims[axis] ?? null
    if (held === null) return true
    return axis === expected.batchAxis ? held === 1 : length === null || held === length
  })
}

function shown(port: Port): string {
  const type =
    Object.entries(ELEMENT).find(([, code]) => code === port.elementType)?.[0] ?? `type ${port.elementType}`
  return `${port.name}: ${type}[${port.dims.map((length) => length ?? '?').join(', ')}]`
}

function mismatch(header: OnnxHeader, found: string, expected: string): ModelFileRefused {
  return new ModelFileRefused('graph-mismatch', { file: header.file, found, expected })
}
