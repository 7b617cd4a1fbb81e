/** What a vector is a vector of. Numbers of two models mean nothing to each other, however long they are. */
import { StarlingError } from '../../shared/errors.ts'
import type { Sha256Hex } from '../../shared/ids.ts'

export interface VectorStamp {
  /** Of all the files that make the model. */
  readonly model: Sha256Hex
  readonly dimension: number
  /** Vectors have length 1, so that a product is a cosine. */
  readonly norm: 'unit'
  /** How a text comes to be a vector ({@link VECTOR_SCHEMA}). */
  readonly schema: number
}

/**
 * 1: headings and texts are embedded apart, added and brought to length 1; a question is embedded as it is. Raised with any other way: vectors
 * made in two ways are not compared, and those of the way before are made anew.
 */
export const VECTOR_SCHEMA = 1

export interface StampedVector {
  readonly stamp: VectorStamp
  readonly values: Float32Array
}

export class VectorRefused extends StarlingError {
  override readonly code = 'vector_refused'
}

/** Rounding of 32-bit floats over a few thousand numbers. */
const NORM_TOLERANCE = 1e-3

export function sameStamp(a: VectorStamp, b: VectorStamp): boolean {
  return a.model === b.model && a.dimension === b.dimension && a.norm === b.norm && a.schema === b.schema
}

/** Throws {@link VectorRefused} unless `vector` is what `wanted` says, in name and in fact. */
export function checkVector(vector: StampedVector, wanted: VectorStamp): void {
  const { stamp, values } = vector
  if (!sameStamp(stamp, wanted))
    throw refused(`it is of the model ${described(stamp)}, and ${described(wanted)} is wanted`)
  if (values.length !== wanted.dimension)
    throw refused(`it has ${values.length} numbers, and its stamp says ${wanted.dimension}`)
  const length = Math.hypot(...values)
  if (!(Math.abs(length - 1) <= NORM_TOLERANCE))
    throw refused(`its length is ${length.toPrecision(4)}, not 1`)
}

function described({ model, dimension, norm, schema }: VectorStamp): string {
  return `${model.slice(0, 12)} (${dimension}, ${norm}, ${schema})`
}

function refused(why: string): VectorRefused {
  return new VectorRefused(`a vector was refused: ${why}`, {
    remedy: 'Embed the text again with the model that the index was made with.',
  })
}
