/**
 * What a delta says how to make the target of: parts in the order of the output. A part names places in the base and how its
 * bytes are coded; it is checked whole, against the base's size and every limit, before the first byte of output.
 */
import { DIFFERENCE_CONTEXTS, type DifferenceContext } from './difference-model.ts'
import { LITERAL_KINDS, type LiteralKind } from './literal-model.ts'
import { NUMBER_FORMATS, widthOf, type NumberFormat } from './number-model.ts'
import { NumberReader, NumberWriter } from './plain-numbers.ts'
import { DeltaRefused } from './refused.ts'

/** Where the scale of a tensor of weights lies: in the base, and among what was decoded ahead. */
export interface ScalePlace {
  /** Which of the parts of kind `ahead` holds the target's scale. */
  readonly ahead: number
  readonly inner: number
  readonly isSigned: boolean
  readonly baseZero: number
  readonly targetZero: number
}

export type Part =
  | { readonly kind: 'copy'; readonly lengthBytes: number; readonly from: number }
  | { readonly kind: 'literal'; readonly lengthBytes: number; readonly bytes: LiteralKind }
  | {
      readonly kind: 'weights'
      readonly lengthBytes: number
      readonly from: number
      readonly context: DifferenceContext
      readonly columns: number
      readonly scale: ScalePlace | null
    }
  | {
      readonly kind: 'numbers'
      readonly lengthBytes: number
      readonly from: number
      readonly format: NumberFormat
    }
  /** A scale that is decoded before its place in the file, because weights before it need it: puts nothing out. */
  | { readonly kind: 'ahead'; readonly lengthBytes: number; readonly from: number }
  /** Puts out what was decoded ahead. */
  | { readonly kind: 'kept'; readonly ahead: number }

const KINDS = ['copy', 'literal', 'weights', 'numbers', 'ahead', 'kept'] as const
/** Rows longer than this are taken as rows of this length: the column's memory is that of the decoder. */
export const MAX_COLUMNS = 1 << 17
/** Scales that are held while their weights are decoded, in float32: some hundred thousand channels. */
export const MAX_AHEAD_BYTES = 1 << 19
const SCALE_BYTES = 4

/** The bytes of a list of parts. */
export function writeParts(parts: readonly Part[]): Uint8Array {
  const out = new NumberWriter()
  out.add(parts.length)
  let expected = 0
  const place = (from: number, lengthBytes: number): void => {
    out.add(lengthBytes)
    out.addSigned(from - expected)
    expected = from + lengthBytes
  }
  for (const part of parts) {
    out.add(KINDS.indexOf(part.kind))
    switch (part.kind) {
      case 'copy':
      case 'ahead':
        place(part.from, part.lengthBytes)
        break
      case 'literal':
        out.add(part.lengthBytes)
        out.add(LITERAL_KINDS.indexOf(part.bytes))
        break
      case 'weights':
        place(part.from, part.lengthBytes)
        out.add(DIFFERENCE_CONTEXTS.indexOf(part.context) * 2 + (part.scale === null ? 0 : 1))
        out.add(part.columns)
        if (part.scale !== null) writeScale(out, part.scale)
        break
      case 'numbers':
        place(part.from, part.lengthBytes)
        out.add(NUMBER_FORMATS.indexOf(part.format))
        break
      case 'kept':
        out.add(part.ahead)
        break
    }
  }
  return out.bytes()
}

function writeScale(out: NumberWriter, scale: ScalePlace): void {
  out.add(scale.ahead)
  out.add(scale.inner)
  out.add(scale.isSigned ? 1 : 0)
  out.addSigned(scale.baseZero)
  out.addSigned(scale.targetZero)
}

export interface PartLimits {
  readonly baseSizeBytes: number
  readonly targetSizeBytes: number
  readonly maxParts: number
  readonly maxTensors: number
}

/** Reads and checks a list of parts. Throws {@link DeltaRefused}. */
export function readParts(bytes: Uint8Array, limits: PartLimits): readonly Part[] {
  const numbers = new NumberReader(bytes)
  const count = numbers.next()
  if (count > limits.maxParts) throw new DeltaRefused('too_large', `it has ${count} parts`)
  const reader = new PartReader(numbers, limits)
  const parts = Array.from({ length: count }, () => reader.next())
  numbers.end()
  reader.end()
  return parts
}

class PartReader {
  readonly #numbers: NumberReader
  readonly #limits: PartLimits
  readonly #keptAhead: number[] = []
  #aheadBytes = 0
  #expected = 0
  #outBytes = 0
  #tensors = 0

  constructor(numbers: NumberReader, limits: PartLimits) {
    this.#numbers = numbers
    this.#limits = limits
  }

  next(): Part {
    const kind = this.#choice(KINDS)
    switch (kind) {
      case 'copy':
        return { kind, ...this.#place() }
      case 'literal': {
        const lengthBytes = this.#out(this.#numbers.next())
        return { kind, lengthBytes, bytes: this.#choice(LITERAL_KINDS) }
      }
      case 'weights':
        return this.#weights()
      case 'numbers': {
        const place = this.#place()
        const format = this.#choice(NUMBER_FORMATS)
        if (place.lengthBytes % widthOf(format) !== 0) throw malformed('numbers that are not whole')
        this.#tensor()
        return { kind, ...place, format }
      }
      case 'ahead':
        return this.#ahead()
      case 'kept': {
        const ahead = this.#numbers.next()
        this.#out(this.#aheadOf(ahead))
        return { kind, ahead }
      }
    }
  }

  end(): void {
    if (this.#outBytes !== this.#limits.targetSizeBytes)
      throw malformed('parts that do not add up to the target')
  }

  #weights(): Part {
    const place = this.#place()
    const flags = this.#numbers.next()
    const context = DIFFERENCE_CONTEXTS[flags >> 1]
    const columns = this.#numbers.next()
    if (context === undefined || columns < 1 || columns > Math.min(MAX_COLUMNS, place.lengthBytes))
      throw malformed('weights of no known shape')
    this.#tensor()
    const scale = (flags & 1) === 0 ? null : this.#scale(place.lengthBytes)
    return { kind: 'weights', ...place, context, columns, scale }
  }

  #scale(weights: number): ScalePlace {
    const ahead = this.#numbers.next()
    const channels = this.#aheadOf(ahead) / SCALE_BYTES
    const inner = this.#numbers.next()
    const isSigned = this.#numbers.next() === 1
    const [baseZero, targetZero] = [this.#numbers.nextSigned(), this.#numbers.nextSigned()]
    if (inner < 1 || inner * channels > weights || Math.abs(baseZero) > 255 || Math.abs(targetZero) > 255)
      throw malformed('a scale of no known shape')
    return { ahead, inner, isSigned, baseZero, targetZero }
  }

  #ahead(): Part {
    const { lengthBytes, from } = this.#place(false)
    this.#keptAhead.push(lengthBytes)
    this.#aheadBytes += lengthBytes
    if (lengthBytes < SCALE_BYTES || lengthBytes % SCALE_BYTES !== 0)
      throw malformed('scales that are not whole')
    if (this.#aheadBytes > MAX_AHEAD_BYTES)
      throw new DeltaRefused('too_large', 'it holds too many scales ahead')
    this.#tensor()
    return { kind: 'ahead', lengthBytes, from }
  }

  #aheadOf(index: number): number {
    const bytes = this.#keptAhead[index]
    if (bytes === undefined) throw malformed('a scale that was not decoded ahead')
    return bytes
  }

  /** A place in the base; its length counts as output unless it is held. */
  #place(isOut = true): { readonly lengthBytes: number; readonly from: number } {
    const lengthBytes = this.#numbers.next()
    const from = this.#expected + this.#numbers.nextSigned()
    if (from < 0 || from + lengthBytes > this.#limits.baseSizeBytes)
      throw new DeltaRefused('out_of_range', `bytes ${from} to ${from + lengthBytes} of the base`)
    this.#expected = from + lengthBytes
    if (isOut) this.#out(lengthBytes)
    return { lengthBytes, from }
  }

  #out(lengthBytes: number): number {
    this.#outBytes += lengthBytes
    if (this.#outBytes > this.#limits.targetSizeBytes) throw malformed('parts that are more than the target')
    return lengthBytes
  }

  #tensor(): void {
    this.#tensors += 1
    if (this.#tensors > this.#limits.maxTensors)
      throw new DeltaRefused('too_many_tensors', `more than ${this.#limits.maxTensors}`)
  }

  #choice<const T>(values: readonly T[]): T {
    const value = values[this.#numbers.next()]
    if (value === undefined) throw malformed('a part of no known kind')
    return value
  }
}

function malformed(what: string): DeltaRefused {
  return new DeltaRefused('malformed', `it has ${what}`)
}
