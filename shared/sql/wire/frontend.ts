/** Frontend messages of PostgreSQL's protocol 3 (https://www.postgresql.org/docs/18/protocol-message-formats.html): several go into one buffer. */
import { Buffer } from 'node:buffer'

const INITIAL_BYTES = 4096

/** A parameter in text form, in binary form, or NULL. */
export type Parameter = string | Uint8Array | null

export class FrontendWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES)
  #at = 0
  #messageAt = 0

  query(text: string): this {
    return this.#open('Q').#string(text).#close()
  }

  parse(name: string, text: string): this {
    return this.#open('P').#string(name).#string(text).#int16(0).#close()
  }

  describeStatement(name: string): this {
    return this.#open('D').#byte('S').#string(name).#close()
  }

  closeStatement(name: string): this {
    return this.#open('C').#byte('S').#string(name).#close()
  }

  /** Binds to the unnamed portal. `binaryColumns[i]` asks for column i in binary form. */
  bind(name: string, parameters: readonly Parameter[], binaryColumns: readonly boolean[]): this {
    this.#open('B').#string('').#string(name)
    this.#int16(parameters.length)
    for (const parameter of parameters) this.#int16(parameter instanceof Uint8Array ? 1 : 0)
    this.#int16(parameters.length)
    for (const parameter of parameters) this.#value(parameter)
    this.#int16(binaryColumns.length)
    for (const binary of binaryColumns) this.#int16(binary ? 1 : 0)
    return this.#close()
  }

  execute(): this {
    return this.#open('E').#string('').#int32(0).#close()
  }

  sync(): this {
    return this.#open('S').#close()
  }

  /** The data of a COPY, and its end. */
  copy(data: Uint8Array): this {
    this.#open('d').#reserve(data.length)
    this.#bytes.set(data, this.#at)
    this.#at += data.length
    return this.#close().#open('c').#close()
  }

  /** The messages so far, valid until the next one is written; the writer is then empty. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#at)
    this.#at = 0
    if (this.#bytes.length > KEEP_BYTES) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES)
    return taken
  }

  #value(parameter: Parameter): void {
    if (parameter === null) {
      this.#int32(-1)
      return
    }
    const size = typeof parameter === 'string' ? Buffer.byteLength(parameter) : parameter.length
    this.#int32(size)
    this.#reserve(size)
    if (typeof parameter === 'string') this.#bytes.write(parameter, this.#at)
    else this.#bytes.set(parameter, this.#at)
    this.#at += size
  }

  #open(type: string): this {
    this.#byte(type)
    this.#messageAt = this.#at
    return this.#int32(0)
  }

  #close(): this {
    this.#bytes.writeInt32BE(this.#at - this.#messageAt, this.#messageAt)
    return this
  }

  #byte(letter: string): this {
    this.#reserve(1)
    this.#at = this.#bytes.writeUInt8(letter.charCodeAt(0), this.#at)
    return this
  }

  #int16(value: number): this {
    this.#reserve(2)
    this.#at = this.#bytes.writeUInt16BE(value, this.#at)
    return this
  }

  #int32(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  #string(text: string): this {
    const size = Buffer.byteLength(text)
    this.#reserve(size + 1)
    this.#at += this.#bytes.write(text, this.#at)
    this.#at = this.#bytes.writeUInt8(0, this.#at)
    return this
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** A buffer grown by one large statement is not kept beyond this. */
const KEEP_BYTES = 1024 * 1024
