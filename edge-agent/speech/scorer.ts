/** The acoustic model as the search asks it. */
import type { FrameRows } from './features.ts'

export interface Scores {
  readonly senones: Float32Array
  readonly runtimeUs: number
}

/** Senone scores of `frames` rows of features, and the time the runtime took. Scores stand until the next run: they are used at once. */
export type Scorer = (features: Float32Array, frames: number) => Promise<Scores>
/** A scorer that may also be told whose features they are. */
export type StreamScorer = (features: Float32Array, frames: number, of: FrameRows) => Promise<Scores>
