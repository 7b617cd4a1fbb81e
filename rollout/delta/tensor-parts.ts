/** The parts of one model against another: tensors by name, type and shape; what is between them as bytes. */
import { BitCoder } from './bit-coder.ts'
import { Matching, type Range } from './matching.ts'
import type { NumberFormat } from './number-model.ts'
import { TYPE, type ModelTensor, type OnnxModel } from './onnx-model.ts'
import { MAX_AHEAD_BYTES, MAX_COLUMNS, type Part, type ScalePlace } from './part.ts'
import { PartList } from './part-list.ts'
import { PartModels, type CodedPart, type KeptScale } from './part-models.ts'
import { Scales, type ScaleProposal } from './scales.ts'

export interface Side {
  readonly bytes: Uint8Array
  readonly model: OnnxModel
}

/** How a tensor is coded is chosen by coding some of it: so many slices of so many bytes, spread over it. */
const SLICES = 4
const SLICE_BYTES = 3_072
/** Smaller tensors cost more to try than to code. */
const LEAST_TRIED_BYTES = 512
/** The last dimension as a row, unless it is a small kernel's. */
const LEAST_COLUMNS = 16

const FORMATS: Readonly<Record<number, NumberFormat>> = {
  [TYPE.float32]: 'float32',
  [TYPE.float16]: 'float16',
  [TYPE.bfloat16]: 'float16',
  [TYPE.int32]: 'int32',
}
const LITERALS = { 1: 'even', 2: 'pairs', 4: 'quads' } as const

type WeightsPart = Extract<Part, { readonly kind: 'weights' }>

/** A part as it would be with a scale of which it is not known yet where it is kept. */
interface Choice {
  readonly part: CodedPart
  readonly scale: ScaleProposal | null
}

/** With the bytes that slices of the tensor took. */
interface Tried {
  readonly choice: Choice
  readonly cost: number
}

export class TensorParts {
  readonly #base: Side
  readonly #target: Side
  readonly #parts = new PartList()
  readonly #scales: Scales
  readonly #pairs: ReadonlyMap<ModelTensor, ModelTensor>
  readonly #ahead = new Map<ModelTensor, number>()
  readonly #choices = new Map<ModelTensor, Choice>()
  #aheadBytes = 0

  constructor(base: Side, target: Side) {
    this.#base = base
    this.#target = target
    this.#scales = new Scales(target.model)
    this.#pairs = paired(base.model.tensors, target.model.tensors)
  }

  find(): readonly Part[] {
    const { bytes, model } = this.#target
    this.#choose(model.tensors)
    const needed = new Set(
      [...this.#choices.values()].flatMap(({ scale }) => (scale === null ? [] : [scale.tensor])),
    )
    const files = { base: this.#base.bytes, target: bytes }
    const matching = new Matching(this.#parts, files, between(this.#base), 0)
    let at = 0
    for (const tensor of model.tensors) {
      matching.add({ from: at, to: tensor.offset })
      if (needed.has(tensor)) this.#parts.add({ kind: 'kept', ahead: this.#keptAhead(tensor) })
      else this.#add(tensor)
      at = tensor.offset + tensor.sizeBytes
      const pair = this.#pairs.get(tensor)
      if (pair !== undefined) this.#parts.goOnFrom(pair.offset + pair.sizeBytes)
    }
    matching.add({ from: at, to: bytes.length })
    return this.#parts.parts
  }

  #choose(tensors: readonly ModelTensor[]): void {
    for (const tensor of tensors) {
      const pair = this.#pairs.get(tensor)
      if (pair === undefined || this.#isSame(pair, tensor)) continue
      const choice = this.#choiceFor(pair, tensor)
      this.#choices.set(tensor, choice)
      if (choice.scale !== null) this.#aheadBytes += choice.scale.tensor.sizeBytes
    }
  }

  #add(tensor: ModelTensor): void {
    const pair = this.#pairs.get(tensor)
    const choice = this.#choices.get(tensor)
    if (choice !== undefined) this.#parts.add(this.#withScale(choice))
    else if (pair !== undefined) this.#parts.copy(pair.offset, tensor.sizeBytes)
    else this.#parts.literal(LITERALS[widthOf(tensor)], tensor.sizeBytes)
  }

  #withScale({ part, scale }: Choice): Part {
    if (scale === null || part.kind !== 'weights' || part.scale === null) return part
    return { ...part, scale: { ...part.scale, ahead: this.#keptAhead(scale.tensor) } }
  }

  #keptAhead(tensor: ModelTensor): number {
    const known = this.#ahead.get(tensor)
    if (known !== undefined) return known
    const pair = this.#pairs.get(tensor)
    this.#parts.add({ kind: 'ahead', from: pair?.offset ?? 0, lengthBytes: tensor.sizeBytes })
    this.#ahead.set(tensor, this.#ahead.size)
    return this.#ahead.size - 1
  }

  #choiceFor(pair: ModelTensor, tensor: ModelTensor): Choice {
    const { offset: from } = pair
    const { sizeBytes: lengthBytes } = tensor
    const format = FORMATS[tensor.type]
    if (format !== undefined) return { part: { kind: 'numbers', lengthBytes, from, format }, scale: null }
    const columns = columnsOf(tensor)
    const even: WeightsPart = { kind: 'weights', lengthBytes, from, context: 'even', columns, scale: null }
    if (lengthBytes < LEAST_TRIED_BYTES) return { part: even, scale: null }
    const scaled = this.#scales
      .proposalsFor(tensor)
      .filter((proposal) => this.#isUsable(proposal))
      .map((scale) => ({ part: { ...even, scale: this.#placeOf(scale, pair, tensor) }, scale }))
    const best = this.#cheapest(null, [{ part: even, scale: null }, ...scaled], tensor)
    const others: Choice[] = [
      { ...best.choice, part: { ...(best.choice.part as WeightsPart), context: 'near' } },
    ]
    if (this.#isRenewed(pair, tensor))
      others.push({ part: { kind: 'literal', lengthBytes, bytes: 'even' }, scale: null })
    return this.#cheapest(best, others, tensor).choice
  }

  /** Most weights of the slices differ: they may cost less by themselves than against the base. */
  #isRenewed(pair: ModelTensor, tensor: ModelTensor): boolean {
    const [before, now] = [bytesOf(this.#base, pair), bytesOf(this.#target, tensor)]
    let [all, same] = [0, 0]
    for (const from of slicesOf(tensor.sizeBytes))
      for (let at = from; at < Math.min(from + SLICE_BYTES, now.length); at += 1) {
        all += 1
        if (before[at] === now[at]) same += 1
      }
    return 2 * same < all
  }

  /** A scale that moved, and for which there is room. */
  #isUsable({ tensor, inner }: ScaleProposal): boolean {
    const pair = this.#pairs.get(tensor)
    return (
      pair !== undefined &&
      inner >= 1 &&
      !this.#isSame(pair, tensor) &&
      this.#aheadBytes + tensor.sizeBytes <= MAX_AHEAD_BYTES
    )
  }

  #placeOf({ inner }: ScaleProposal, pair: ModelTensor, tensor: ModelTensor): ScalePlace {
    const isSigned = tensor.type === TYPE.int8
    const zero = this.#scales.zeroPointOf(tensor)
    const zeroPair = zero === null ? undefined : this.#pairs.get(zero)
    const [baseZero, targetZero] =
      zero === null || zeroPair === undefined
        ? [0, 0]
        : [valueAt(this.#base.bytes, zeroPair), valueAt(this.#target.bytes, zero)]
    return { ahead: 0, inner: Math.min(inner, pair.sizeBytes), isSigned, baseZero, targetZero }
  }

  #cheapest(known: Tried | null, choices: readonly Choice[], tensor: ModelTensor): Tried {
    let best = known
    for (const choice of choices) {
      const cost = this.#cost(choice, tensor)
      if (best === null || cost < best.cost) best = { choice, cost }
    }
    if (best === null) throw new RangeError('nothing to choose from')
    return best
  }

  /** Bytes that slices of the tensor take. */
  #cost({ part, scale }: Choice, tensor: ModelTensor): number {
    const coder = BitCoder.encoder()
    const pair = scale === null ? undefined : this.#pairs.get(scale.tensor)
    const kept: KeptScale[] =
      scale === null || pair === undefined
        ? []
        : [{ base: bytesOf(this.#base, pair), target: bytesOf(this.#target, scale.tensor) }]
    const models = new PartModels(coder)
    const code = models.start(part, kept)
    for (const at of slicesOf(tensor.sizeBytes)) {
      const to = bytesOf(this.#target, tensor).subarray(at, at + SLICE_BYTES)
      code(
        part.kind === 'literal' ? to : this.#base.bytes.subarray(part.from + at, part.from + at + to.length),
        to,
        at,
      )
    }
    return coder.finish().length
  }

  #isSame(pair: ModelTensor, tensor: ModelTensor): boolean {
    return isSame(bytesOf(this.#base, pair), bytesOf(this.#target, tensor))
  }
}

/** Each target tensor's base: by name, type and shape, else the next of that type and shape whose name is gone. */
function paired(
  base: readonly ModelTensor[],
  target: readonly ModelTensor[],
): ReadonlyMap<ModelTensor, ModelTensor> {
  const pairs = new Map<ModelTensor, ModelTensor>()
  const named = new Map(base.map((tensor) => [`${shapeOf(tensor)} ${tensor.name}`, tensor]))
  for (const tensor of target) {
    const pair = named.get(`${shapeOf(tensor)} ${tensor.name}`)
    if (pair !== undefined) pairs.set(tensor, pair)
  }
  const taken = new Set(pairs.values())
  const left = new Map<string, ModelTensor[]>()
  for (const tensor of base)
    if (!taken.has(tensor)) left.set(shapeOf(tensor), [...(left.get(shapeOf(tensor)) ?? []), tensor])
  for (const tensor of target) {
    if (pairs.has(tensor)) continue
    const pair = left.get(shapeOf(tensor))?.shift()
    if (pair !== undefined) pairs.set(tensor, pair)
  }
  return pairs
}

function shapeOf({ type, dims }: ModelTensor): string {
  return `${type}:${dims.join('x')}`
}

function between({ bytes, model }: Side): readonly Range[] {
  const ends = [0, ...model.tensors.map(({ offset, sizeBytes }) => offset + sizeBytes)]
  return ends.map((from, at) => ({ from, to: model.tensors[at]?.offset ?? bytes.length }))
}

function columnsOf({ dims, sizeBytes }: ModelTensor): number {
  const last = dims.at(-1) ?? 1
  const columns = last < LEAST_COLUMNS ? sizeBytes / (dims[0] ?? 1) : last
  return Math.max(1, Math.min(columns, sizeBytes, MAX_COLUMNS))
}

function slicesOf(sizeBytes: number): readonly number[] {
  if (sizeBytes <= SLICES * SLICE_BYTES)
    return Array.from({ length: Math.ceil(sizeBytes / SLICE_BYTES) }, (_, at) => at * SLICE_BYTES)
  return Array.from({ length: SLICES }, (_, at) =>
    Math.floor(((sizeBytes - SLICE_BYTES) * at) / (SLICES - 1)),
  )
}

function widthOf({ type }: ModelTensor): 1 | 2 | 4 {
  const format = FORMATS[type]
  return format === undefined ? 1 : format === 'float16' ? 2 : 4
}

/** The value of a zero point. */
function valueAt(bytes: Uint8Array, { type, offset }: ModelTensor): number {
  const byte = bytes[offset] ?? 0
  return type === TYPE.int8 ? (byte << 24) >> 24 : byte
}

function bytesOf({ bytes }: Side, { offset, sizeBytes }: ModelTensor): Uint8Array {
  return bytes.subarray(offset, offset + sizeBytes)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
