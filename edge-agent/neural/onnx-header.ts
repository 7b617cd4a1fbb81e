/**
 * What an ONNX file says of itself (onnx.proto): `metadata_props`, the graph's inputs and outputs, the names of its
 * weights. Nodes and weights are skipped, so that a file of a gigabyte costs a few reads.
 */
import type { ByteSource } from './byte-source.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { WireBroken, WireReader, type Span } from './protobuf.ts'

/** The format's own limit: protobuf messages end at 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31 - 1
/** The largest streaming models have some two hundred caches. */
const MAX_PORTS = 4_096
const MAX_DIMENSIONS = 16
const MAX_METADATA = 1_000
const MAX_WEIGHTS = 200_000
const MAX_NAME_BYTES = 1_024
/** Some exporters put a whole vocabulary into one value. */
const MAX_VALUE_BYTES = 1024 * 1024

/** A fixed length, or null where any will do. */
export type Dimension = number | null

export interface Port {
  readonly name: string
  /** ONNX TensorProto.DataType; 0 when the file does not say. */
  readonly elementType: number
  readonly dims: readonly Dimension[]
}

export interface OnnxHeader {
  readonly file: string
  readonly sizeBytes: number
  readonly metadata: ReadonlyMap<string, string>
  /** Without those that are weights, which old exporters list too. */
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly weights: ReadonlySet<string>
}

export const ELEMENT = { float32: 1, int32: 6, int64: 7, float16: 10 } as const

/** Throws {@link ModelFileRefused} for anything that is no whole ONNX model with its weights inside. */
export function readOnnxHeader(source: ByteSource): OnnxHeader {
  if (source.sizeBytes > MAX_FILE_BYTES)
    throw new ModelFileRefused('too-large', {
      file: source.name,
      found: `${source.sizeBytes} bytes`,
      expected: `an ONNX file of at most ${MAX_FILE_BYTES} bytes`,
    })
  const known = otherFormat(source)
  if (known !== null) throw notOnnx(source, known)
  try {
    return new HeaderReader(source).read()
  } catch (thrown) {
    if (thrown instanceof WireBroken)
      throw notOnnx(source, `bytes that are no ONNX model (${thrown.message})`)
    throw thrown
  }
}

function notOnnx(source: ByteSource, found: string): ModelFileRefused {
  return new ModelFileRefused('not-onnx', { file: source.name, found, expected: 'an ONNX model' })
}

/** People hand over what they have: say what it is instead of that it cannot be parsed. */
function otherFormat(source: ByteSource): string | null {
  const head = Buffer.from(source.read(0, Math.min(64, source.sizeBytes)))
  const text = head.toString('latin1')
  if (head.length === 0) return 'an empty file'
  if (text.startsWith('PK')) return 'a zip archive (a PyTorch checkpoint or a NumPy file)'
  if (text.startsWith('\u001f\u008b') || text.startsWith('BZh')) return 'a compressed archive'
  if (text.slice(4, 8) === 'ORTM') return "a file in ONNX Runtime's own format"
  if (text.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite model'
  if (text.startsWith('GGUF')) return 'a GGUF model'
  if (text.startsWith('RIFF')) return 'a WAV recording'
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer instead of the model'
  return null
}

class HeaderReader {
  readonly #source: ByteSource
  readonly #wire: WireReader
  readonly #metadata = new Map<string, string>()
  readonly #inputs: Port[] = []
  readonly #outputs: Port[] = []
  readonly #weights = new Set<string>()

  constructor(source: ByteSource) {
    this.#source = source
    this.#wire = new WireReader(source)
  }

  read(): OnnxHeader {
    let graphs = 0
    for (const field of this.#wire.fields({ start: 0, end: this.#source.sizeBytes })) {
      if (field.kind !== 'bytes') continue
      if (field.number === 7) {
        graphs++
        this.#graph(field)
      }
      if (field.number === 14) this.#entry(field)
    }
    if (graphs !== 1) throw new WireBroken(graphs === 0 ? 'no graph' : `${graphs} graphs`)
    return {
      file: this.#source.name,
      sizeBytes: this.#source.sizeBytes,
      metadata: this.#metadata,
      inputs: this.#inputs.filter(({ name }) => !this.#weights.has(name)),
      outputs: this.#outputs,
      weights: this.#weights,
    }
  }

  #entry(span: Span): void {
    let key = ''
    let value = ''
    for (const field of this.#wire.fields(span)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 1) key = this.#wire.text(field, MAX_NAME_BYTES)
      if (field.number === 2) value = this.#wire.text(field, MAX_VALUE_BYTES)
    }
    this.#metadata.set(key, value)
    if (this.#metadata.size > MAX_METADATA) throw new WireBroken(`more than ${MAX_METADATA} metadata entries`)
  }

  #graph(span: Span): void {
    for (const field of this.#wire.fields(span)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 5) this.#weight(field)
      if (field.number === 11) this.#port(field, this.#inputs)
      if (field.number === 12) this.#port(field, this.#outputs)
    }
  }

  #weight(span: Span): void {
    for (const field of this.#wire.fields(span)) {
      if (field.number === 8 && field.kind === 'bytes')
        this.#weights.add(this.#wire.text(field, MAX_NAME_BYTES))
      // data_location EXTERNAL: the file names another one, which could be any file of this machine.
      const elsewhere =
        (field.number === 14 && field.kind === 'varint' && field.value === 1) || field.number === 13
      if (elsewhere)
        throw new ModelFileRefused('external-weights', {
          file: this.#source.name,
          found: 'weights that lie in another file',
          expected: 'a model with its weights inside',
          remedy:
            'Save the model again with its weights inside (onnx.save with save_as_external_data=False).',
        })
    }
    if (this.#weights.size > MAX_WEIGHTS) throw new WireBroken(`more than ${MAX_WEIGHTS} weights`)
  }

  #port(span: Span, ports: Port[]): void {
    let name = ''
    let elementType = 0
    let dims: Dimension[] = []
    for (const field of this.#wire.fields(span)) {
      if (field.kind !== 'bytes') continue
      if (field.number === 1) name = this.#wire.text(field, MAX_NAME_BYTES)
      if (field.number === 2) ({ elementType, dims } = this.#type(field))
    }
    ports.push({ name, elementType, dims })
    if (ports.length > MAX_PORTS) throw new WireBroken(`more than ${MAX_PORTS} inputs or outputs`)
  }

  #type(span: Span): { elementType: number; dims: Dimension[] } {
    let elementType = 0
    const dims: Dimension[] = []
    for (const type of this.#wire.fields(span)) {
      // Only tensors: a sequence or a map has no element type here, which no contract accepts.
      if (type.number !== 1 || type.kind !== 'bytes') continue
      for (const part of this.#wire.fields(type)) {
        if (part.number === 1 && part.kind === 'varint') elementType = part.value
        if (part.number === 2 && part.kind === 'bytes')
          for (const dimension of this.#wire.fields(part))
            if (dimension.number === 1 && dimension.kind === 'bytes') dims.push(this.#dimension(dimension))
      }
    }
    if (dims.length > MAX_DIMENSIONS) throw new WireBroken(`more than ${MAX_DIMENSIONS} dimensions`)
    return { elementType, dims }
  }

  #dimension(span: Span): Dimension {
    let fixed: Dimension = null
    for (const field of this.#wire.fields(span))
      if (field.number === 1 && field.kind === 'varint' && field.value >= 0) fixed = field.value
    return fixed
  }
}
