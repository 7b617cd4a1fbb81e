/** The last frames of a stream that may go on for hours. */

export class LastFrames {
  readonly #most: number
  #frames: Float64Array[] = []

  constructor(most: number) {
    this.#most = most
  }

  push(frame: Float64Array): void {
    // Now and then many are let go at once, so that a frame costs the same on average however many are kept.
    if (this.#frames.length >= 2 * this.#most) this.#frames = this.#frames.slice(-this.#most + 1)
    this.#frames.push(frame)
  }

  /** In order; as many as were pushed, `most` at most. */
  all(): readonly Float64Array[] {
    return this.#frames.slice(-this.#most)
  }
}
