/** Rows that are appended, read and dropped from the front. */
export class FrameRows {
  readonly width: number
  #values: Float32Array
  #first = 0
  #count = 0

  constructor(width: number) {
    this.width = width
    this.#values = new Float32Array(64 * width)
  }

  get count(): number {
    return this.#count
  }

  /** A new last row, to be filled. */
  append(): Float32Array {
    const held = (this.#count - this.#first) * this.width
    if (held + this.width > this.#values.length) {
      const larger = new Float32Array(2 * this.#values.length)
      larger.set(this.#values.subarray(0, held))
      this.#values = larger
    }
    this.#count++
    return this.#values.subarray(held, held + this.width)
  }

  copy(from: number, to: number, out: Float32Array, at: number): void {
    const { width } = this
    out.set(this.#values.subarray((from - this.#first) * width, (to - this.#first) * width), at)
  }

  forget(before: number): void {
    const drop = Math.min(before, this.#count) - this.#first
    if (drop <= 0) return
    this.#values.copyWithin(0, drop * this.width, (this.#count - this.#first) * this.width)
    this.#first += drop
  }
}
