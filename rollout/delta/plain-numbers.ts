/** Whole numbers of up to 2^48 as protobuf has them: seven bits a byte, the lowest first. */
import { DeltaRefused } from './refused.ts'

const MAX_NUMBER = 2 ** 48

export class NumberWriter {
  readonly #bytes: number[] = []

  add(value: number): void {
    let left = value
    for (; left >= 128; left = Math.floor(left / 128)) this.#bytes.push((left % 128) + 128)
    this.#bytes.push(left)
  }

  addSigned(value: number): void {
    this.add(value < 0 ? -2 * value - 1 : 2 * value)
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

/** Throws {@link DeltaRefused} where no number stands. */
export class NumberReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get offset(): number {
    return this.#at
  }

  next(): number {
    let value = 0
    for (let scale = 1; scale < MAX_NUMBER; scale *= 128) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) break
      this.#at += 1
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new DeltaRefused('malformed', 'a number in it has no end')
  }

  nextSigned(): number {
    const value = this.next()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new DeltaRefused('malformed', 'there are bytes after its end')
  }
}
