/** A stream's audio as the frames that its model takes: they come as samples arrive, and are forgotten when they are used. */
import type { FrameSpec } from './contract.ts'
import { FrameRows } from './frame-rows.ts'
import { FbankPlan, KaldiFbank } from './kaldi-fbank.ts'

export interface FrameSource {
  /** Values of one frame. */
  readonly width: number
  /** Frames that exist since the beginning. */
  readonly count: number
  push(samples: Float32Array): void
  /** No more samples: gives the frames that waited for some. */
  finish(): void
  /** Copies frames `from` to `to` (exclusive), row by row. */
  copy(from: number, to: number, out: Float32Array, at: number): void
  /** Frames before this one are not asked for again. */
  forget(before: number): void
}

/** Opens streams' frames; what they share is made once. Throws `ModelFileRefused` for bins that cannot be. */
export function frameOpener(spec: FrameSpec): () => FrameSource {
  if (spec.kind === 'samples') return () => new SampleFrames(spec.samples)
  const plan = new FbankPlan(spec)
  return () => new KaldiFbank(plan)
}

/** Samples cut into frames without overlap; what does not fill a frame at the end is left out. */
class SampleFrames implements FrameSource {
  readonly #rows: FrameRows
  readonly #partial: Float32Array
  #filled = 0

  constructor(samples: number) {
    this.#rows = new FrameRows(samples)
    this.#partial = new Float32Array(samples)
  }

  get width(): number {
    return this.#rows.width
  }

  get count(): number {
    return this.#rows.count
  }

  push(samples: Float32Array): void {
    for (let at = 0; at < samples.length;) {
      const piece = samples.subarray(at, at + this.width - this.#filled)
      this.#partial.set(piece, this.#filled)
      this.#filled += piece.length
      at += piece.length
      if (this.#filled < this.width) return
      this.#rows.append().set(this.#partial)
      this.#filled = 0
    }
  }

  finish(): void {
    // Nothing waits: a frame needs no samples after its own.
  }

  copy(from: number, to: number, out: Float32Array, at: number): void {
    this.#rows.copy(from, to, out, at)
  }

  forget(before: number): void {
    this.#rows.forget(before)
  }
}
