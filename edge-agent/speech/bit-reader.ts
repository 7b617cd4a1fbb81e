/** Reads big-endian bit fields. */

/** The bytes ran out inside a field. */
export class EndOfBits extends Error {
  override readonly name = 'EndOfBits'
}

export class BitReader {
  readonly #bytes: Uint8Array
  /** In bits. */
  #at: number

  constructor(bytes: Uint8Array, startByte = 0) {
    this.#bytes = bytes
    this.#at = 8 * startByte
  }

  /** Whole bytes passed. */
  get byte(): number {
    return this.#at >>> 3
  }

  seek(byte: number): void {
    this.#at = 8 * byte
  }

  skip(bits: number): void {
    this.#at += bits
  }

  align(): void {
    this.#at = (this.#at + 7) & ~7
  }

  /** Up to 32 bits, unsigned. */
  read(count: number): number {
    let value = 0
    for (let left = count; left > 0;) {
      const byte = this.#bytes[this.#at >>> 3]
      if (byte === undefined) throw new EndOfBits()
      const free = 8 - (this.#at & 7)
      const taken = Math.min(free, left)
      value = value * 2 ** taken + ((byte >>> (free - taken)) & ((1 << taken) - 1))
      this.#at += taken
      left -= taken
    }
    return value
  }

  /** Up to 32 bits in two's complement. */
  readSigned(count: number): number {
    const value = this.read(count)
    return count > 0 && value >= 2 ** (count - 1) ? value - 2 ** count : value
  }

  /** The zero bits before the next one bit, which is passed too. */
  readUnary(): number {
    let zeros = 0
    for (;;) {
      const byte = this.#bytes[this.#at >>> 3]
      if (byte === undefined) throw new EndOfBits()
      const within = this.#at & 7
      const rest = (byte << (24 + within)) >>> 0
      if (rest !== 0) {
        const more = Math.clz32(rest)
        this.#at += more + 1
        return zeros + more
      }
      zeros += 8 - within
      this.#at += 8 - within
    }
  }
}
