/** Makes a delta: needs both files in memory, and about a second for a model of 30 MB. */
import { sha256Hex } from '../../shared/digest.ts'
import { invariant } from '../../shared/errors.ts'
import { BitCoder } from './bit-coder.ts'
import { writeHead, type DeltaCodec } from './envelope.ts'
import { DELTA_LIMITS, PIECE_BYTES, WINDOW_BYTES } from './limits.ts'
import { Matching } from './matching.ts'
import { readOnnxModel } from './onnx-model.ts'
import { writeParts, type Part } from './part.ts'
import { PartList } from './part-list.ts'
import { PartModels, type KeptScale, type PieceCode } from './part-models.ts'
import { TensorParts } from './tensor-parts.ts'

export interface EncodedDelta {
  readonly bytes: Uint8Array
  /** `generic` where one of the files is no ONNX model. */
  readonly codec: DeltaCodec
  readonly parts: readonly Part[]
}

/**
 * A delta that makes `target` of `base`: the same bytes from the same two files everywhere. Throws {@link DeltaRefused} for a
 * model whose weights lie in another file.
 */
export function encodeDelta(base: Uint8Array, target: Uint8Array): EncodedDelta {
  const { codec, parts } = partsOf(base, target)
  const list = writeParts(parts)
  const head = writeHead({
    codec,
    base: { sha256: sha256Hex(base), sizeBytes: base.length },
    target: { sha256: sha256Hex(target), sizeBytes: target.length },
    partsBytes: list.length,
  })
  const coded = new PartsEncoder(base, target).encode(list, parts)
  const bytes = new Uint8Array(head.length + coded.length)
  bytes.set(head)
  bytes.set(coded, head.length)
  return { bytes, codec, parts }
}

function partsOf(
  base: Uint8Array,
  target: Uint8Array,
): { readonly codec: DeltaCodec; readonly parts: readonly Part[] } {
  const [baseModel, targetModel] = [readOnnxModel(base), readOnnxModel(target)]
  if (baseModel !== null && targetModel !== null) {
    const parts = new TensorParts(
      { bytes: base, model: baseModel },
      { bytes: target, model: targetModel },
    ).find()
    if (isWithinLimits(parts)) return { codec: 'tensors', parts }
  }
  // Files in common in very many short runs would need a longer list than a device reads: then only longer runs count.
  for (let leastBytes = 16; ; leastBytes *= 8) {
    const list = new PartList()
    new Matching(list, { base, target }, [{ from: 0, to: base.length }], leastBytes).add({
      from: 0,
      to: target.length,
    })
    if (isWithinLimits(list.parts) || leastBytes > target.length)
      return { codec: 'generic', parts: list.parts }
  }
}

function isWithinLimits(parts: readonly Part[]): boolean {
  const tensors = parts.filter(({ kind }) => kind === 'weights' || kind === 'numbers' || kind === 'ahead')
  return parts.length <= DELTA_LIMITS.maxParts && tensors.length <= DELTA_LIMITS.maxTensors
}

class PartsEncoder {
  readonly #base: Uint8Array
  readonly #target: Uint8Array
  readonly #coder = BitCoder.encoder()
  readonly #models = new PartModels(this.#coder)
  readonly #kept: KeptScale[] = []
  #keptAt: readonly number[] = []
  #at = 0

  constructor(base: Uint8Array, target: Uint8Array) {
    this.#base = base
    this.#target = target
  }

  encode(list: Uint8Array, parts: readonly Part[]): Uint8Array {
    const model = this.#models.literal('text')
    for (let at = 0; at < list.length; at += PIECE_BYTES) model.code(list.subarray(at, at + PIECE_BYTES), at)
    this.#keptAt = placesOfKept(parts)
    for (const part of parts) this.#part(part)
    invariant(this.#at === this.#target.length, 'the parts make the whole target')
    return this.#coder.finish()
  }

  #part(part: Part): void {
    switch (part.kind) {
      case 'copy':
        this.#at += part.lengthBytes
        break
      case 'kept':
        this.#at += this.#kept[part.ahead]?.target.length ?? 0
        break
      case 'ahead': {
        const place = this.#keptAt[this.#kept.length] ?? this.#target.length
        const kept = {
          base: this.#base.subarray(part.from, part.from + part.lengthBytes),
          target: this.#target.subarray(place, place + part.lengthBytes),
        }
        this.#pieces(this.#models.start(part, this.#kept), kept.base, kept.target)
        this.#kept.push(kept)
        break
      }
      case 'literal':
      case 'weights':
      case 'numbers': {
        const to = this.#target.subarray(this.#at, this.#at + part.lengthBytes)
        const from =
          part.kind === 'literal' ? to : this.#base.subarray(part.from, part.from + part.lengthBytes)
        this.#pieces(this.#models.start(part, this.#kept), from, to)
        this.#at += part.lengthBytes
      }
    }
  }

  #pieces(code: PieceCode, from: Uint8Array, to: Uint8Array): void {
    for (let at = 0; at < to.length; at += PIECE_BYTES) {
      const before = this.#coder.sizeBytes
      code(from.subarray(at, at + PIECE_BYTES), to.subarray(at, at + PIECE_BYTES), at)
      invariant(this.#coder.sizeBytes - before < WINDOW_BYTES, 'a coded piece fits the window of its decoder')
    }
  }
}

/** Where in the target each scale stands that is coded ahead. */
function placesOfKept(parts: readonly Part[]): readonly number[] {
  const lengths: number[] = []
  const places: number[] = []
  let at = 0
  for (const part of parts) {
    if (part.kind === 'ahead') lengths.push(part.lengthBytes)
    else if (part.kind === 'kept') {
      places[part.ahead] = at
      at += lengths[part.ahead] ?? 0
    } else at += part.lengthBytes
  }
  return places
}
