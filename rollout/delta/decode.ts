/**
 * Makes the target of a delta, piece by piece. A delta is not signed and is not trusted: what it may cost is limited before it is read,
 * and what comes out is the target only when the last piece was taken and its hash held.
 */
import { hashing } from '../../shared/digest.ts'
import { BitCoder } from './bit-coder.ts'
import { MAX_HEAD_BYTES, readHead, type DeltaHead } from './envelope.ts'
import {
  COPY_BYTES,
  DELTA_LIMITS,
  MAX_BYTES_A_PART,
  PIECE_BYTES,
  WINDOW_BYTES,
  type DeltaLimits,
} from './limits.ts'
import { PartModels, type KeptScale } from './part-models.ts'
import { readParts, type Part } from './part.ts'
import type { RandomAccess } from './random-access.ts'
import { DeltaRefused } from './refused.ts'

export interface DeltaInput {
  readonly base: RandomAccess
  readonly delta: RandomAccess
  /** What the signed manifest says that the file is. */
  readonly target: { readonly sha256: string; readonly sizeBytes: number }
  readonly limits?: Partial<DeltaLimits>
  readonly signal?: AbortSignal
}

/**
 * The target's bytes in order. Each piece is valid until the next is asked for: write it away or copy it. Only when the
 * sequence has ended without an error were they the target's: until then keep them where nobody takes them for it.
 * Holds a few megabytes besides what `base` and `delta` hold, whatever the size. Throws {@link DeltaRefused}.
 */
export async function* decodeDelta(input: DeltaInput): AsyncGenerator<Uint8Array, void> {
  const limits = { ...DELTA_LIMITS, ...input.limits }
  const head = await openHead(input, limits)
  await checkBase(input, head)
  const decoder = new Decoder(input, head)
  const parts = await decoder.parts(limits)
  const hash = hashing()
  for (const part of parts)
    for await (const piece of decoder.pieces(part)) {
      input.signal?.throwIfAborted()
      hash.update(piece)
      yield piece
    }
  await decoder.end()
  if (hash.hex() !== head.target.sha256)
    throw new DeltaRefused('wrong_target', 'its output is not what it says')
}

async function openHead(
  { base, delta, target }: DeltaInput,
  limits: DeltaLimits,
): Promise<DeltaHead & { readonly headBytes: number }> {
  const bytes = new Uint8Array(Math.min(MAX_HEAD_BYTES, delta.sizeBytes))
  await delta.read(0, bytes)
  const head = readHead(bytes)
  if (head.target.sizeBytes > limits.maxOutputBytes)
    throw new DeltaRefused('too_large', `it makes ${head.target.sizeBytes} bytes`)
  if (head.target.sha256 !== target.sha256 || head.target.sizeBytes !== target.sizeBytes)
    throw new DeltaRefused('wrong_target', 'it makes another file than the one that is wanted')
  if (head.base.sizeBytes !== base.sizeBytes)
    throw new DeltaRefused('wrong_base', `it was made from a file of ${head.base.sizeBytes} bytes`)
  if (head.partsBytes > limits.maxParts * MAX_BYTES_A_PART)
    throw new DeltaRefused('too_large', 'its list of parts is too long')
  return head
}

async function checkBase({ base, signal }: DeltaInput, head: DeltaHead): Promise<void> {
  const hash = hashing()
  const piece = new Uint8Array(Math.min(COPY_BYTES, base.sizeBytes))
  for (let at = 0; at < base.sizeBytes; at += piece.length) {
    signal?.throwIfAborted()
    const part = piece.subarray(0, Math.min(piece.length, base.sizeBytes - at))
    await base.read(at, part)
    hash.update(part)
  }
  if (hash.hex() !== head.base.sha256) throw new DeltaRefused('wrong_base', 'it was made from other bytes')
}

class Decoder {
  readonly #input: DeltaInput
  readonly #head: DeltaHead
  readonly #coder: BitCoder
  readonly #models: PartModels
  readonly #from: Uint8Array
  readonly #to: Uint8Array
  readonly #kept: KeptScale[] = []
  #read: number
  #hasBegun = false

  constructor(input: DeltaInput, head: DeltaHead & { readonly headBytes: number }) {
    this.#input = input
    this.#head = head
    this.#read = head.headBytes
    this.#coder = BitCoder.decoder(Math.min(WINDOW_BYTES, input.delta.sizeBytes))
    this.#models = new PartModels(this.#coder)
    this.#from = new Uint8Array(Math.min(COPY_BYTES, head.base.sizeBytes))
    this.#to = new Uint8Array(Math.min(PIECE_BYTES, head.target.sizeBytes))
  }

  async parts(limits: DeltaLimits): Promise<readonly Part[]> {
    const bytes = new Uint8Array(this.#head.partsBytes)
    const model = this.#models.literal('text')
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await this.#feed()
      model.code(bytes.subarray(at, at + PIECE_BYTES), at)
    }
    return readParts(bytes, {
      baseSizeBytes: this.#head.base.sizeBytes,
      targetSizeBytes: this.#head.target.sizeBytes,
      ...limits,
    })
  }

  /** What a part puts out. */
  async *pieces(part: Part): AsyncGenerator<Uint8Array, void> {
    switch (part.kind) {
      case 'copy':
        for (let at = 0; at < part.lengthBytes; at += COPY_BYTES)
          yield await this.#base(part.from + at, Math.min(COPY_BYTES, part.lengthBytes - at))
        break
      case 'ahead':
        await this.#keep(part)
        break
      case 'kept': {
        const kept = this.#kept[part.ahead]
        if (kept !== undefined) yield kept.target
        break
      }
      case 'literal':
      case 'weights':
      case 'numbers': {
        const code = this.#models.start(part, this.#kept)
        for (let at = 0; at < part.lengthBytes; at += PIECE_BYTES) {
          await this.#feed()
          const to = this.#to.subarray(0, Math.min(PIECE_BYTES, part.lengthBytes - at))
          code(part.kind === 'literal' ? to : await this.#base(part.from + at, to.length), to, at)
          yield to
        }
      }
    }
  }

  /** Refuses a delta of which something is left over. */
  async end(): Promise<void> {
    await this.#feed()
    if (this.#coder.unreadBytes > 0) throw new DeltaRefused('malformed', 'there are bytes after its end')
  }

  async #keep(part: Extract<Part, { readonly kind: 'ahead' }>): Promise<void> {
    const [base, target] = [new Uint8Array(part.lengthBytes), new Uint8Array(part.lengthBytes)]
    await this.#input.base.read(part.from, base)
    const code = this.#models.start(part, this.#kept)
    for (let at = 0; at < part.lengthBytes; at += PIECE_BYTES) {
      await this.#feed()
      code(base.subarray(at, at + PIECE_BYTES), target.subarray(at, at + PIECE_BYTES), at)
    }
    this.#kept.push({ base, target })
  }

  async #base(from: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = this.#from.subarray(0, lengthBytes)
    await this.#input.base.read(from, bytes)
    return bytes
  }

  async #feed(): Promise<void> {
    const { delta } = this.#input
    const room = this.#coder.room()
    const count = Math.min(room.length, delta.sizeBytes - this.#read)
    if (count > 0) await delta.read(this.#read, room.subarray(0, count))
    this.#read += count
    this.#coder.feed(count, this.#read === delta.sizeBytes)
    if (!this.#hasBegun) this.#coder.begin()
    this.#hasBegun = true
  }
}
