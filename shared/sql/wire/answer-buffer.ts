/** Collects an answer that comes in pieces. Past the limit it stops growing and only counts, because a callback from WebAssembly must not throw. */

/** One answer's size: with its decoded rows it must fit a small device's memory. */
export const RESULT_LIMIT_BYTES = 64 * 1024 * 1024
/** Kept between answers. */
const KEEP_BYTES = 256 * 1024

export class AnswerBuffer {
  #bytes = new Uint8Array(KEEP_BYTES)
  #size = 0
  #dropped = 0
  #lastByte = 0

  /** Empties the buffer and puts `prefix` first. */
  start(prefix?: Uint8Array): void {
    if (this.#bytes.length > KEEP_BYTES) this.#bytes = new Uint8Array(KEEP_BYTES)
    this.#size = 0
    this.#dropped = 0
    if (prefix !== undefined) this.append(prefix)
  }

  append(chunk: Uint8Array): void {
    const needed = this.#size + chunk.length
    if (this.#dropped > 0 || needed > RESULT_LIMIT_BYTES) {
      // A message is now cut short, so nothing of this answer is readable any more but its last byte.
      this.#dropped += chunk.length
      this.#lastByte = chunk.at(-1) ?? this.#lastByte
      return
    }
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = larger
    }
    this.#bytes.set(chunk, this.#size)
    this.#size = needed
  }

  get overflow(): { readonly sizeBytes: number; readonly limitBytes: number } | undefined {
    if (this.#dropped === 0) return undefined
    return { sizeBytes: this.#size + this.#dropped, limitBytes: RESULT_LIMIT_BYTES }
  }

  /** Of an answer past the limit: ReadyForQuery's status, with which every answer ends. */
  get lastByte(): number {
    return this.#lastByte
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  /** A copy of exactly its size, fit for transfer to another thread. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#size)
  }
}
