/** The models by which the bytes of parts are coded: one set a delta, the same steps in the same order on both sides. */
import type { BitCoder } from './bit-coder.ts'
import { DifferenceModel, type MovedScale } from './difference-model.ts'
import { LiteralModel, type LiteralKind } from './literal-model.ts'
import { NumberModel } from './number-model.ts'
import type { Part, ScalePlace } from './part.ts'

/** Codes the piece at `at` of a part against the same piece of the base; fills `to` in when decoding. */
export type PieceCode = (from: Uint8Array, to: Uint8Array, at: number) => void

/** A scale that was coded ahead of its place: float32 values, little-endian. */
export interface KeptScale {
  readonly base: Uint8Array
  readonly target: Uint8Array
}

/** Parts whose bytes are coded; the others copy. */
export type CodedPart = Extract<Part, { readonly kind: 'literal' | 'weights' | 'numbers' | 'ahead' }>

export class PartModels {
  readonly #coder: BitCoder
  readonly #literals = new Map<LiteralKind, LiteralModel>()
  readonly #weights: DifferenceModel
  readonly #numbers: NumberModel

  constructor(coder: BitCoder) {
    this.#coder = coder
    this.#weights = new DifferenceModel(coder)
    this.#numbers = new NumberModel(coder)
  }

  /** Begins a part; its pieces are then coded in order. */
  start(part: CodedPart, kept: readonly KeptScale[]): PieceCode {
    switch (part.kind) {
      case 'literal': {
        const model = this.literal(part.bytes)
        return (_, to, at) => model.code(to, at)
      }
      case 'weights':
        this.#weights.restart({
          context: part.context,
          columns: part.columns,
          scale: part.scale === null ? null : movedScale(part.scale, kept[part.scale.ahead]),
        })
        return (from, to, at) => this.#weights.code(from, to, at)
      case 'numbers':
      case 'ahead':
        this.#numbers.restart(part.kind === 'ahead' ? 'float32' : part.format)
        return (from, to) => this.#numbers.code(from, to)
    }
  }

  literal(kind: LiteralKind): LiteralModel {
    const known = this.#literals.get(kind)
    const model = known ?? new LiteralModel(this.#coder, kind)
    if (known === undefined) this.#literals.set(kind, model)
    else model.restart()
    return model
  }
}

function movedScale(place: ScalePlace, kept: KeptScale | undefined): MovedScale | null {
  if (kept === undefined) return null
  const [base, target] = [viewOf(kept.base), viewOf(kept.target)]
  const ratios = Float64Array.from({ length: kept.base.length / 4 }, (_, at) => {
    const ratio = base.getFloat32(4 * at, true) / target.getFloat32(4 * at, true)
    return Number.isFinite(ratio) ? ratio : 1
  })
  return { ...place, ratios }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
