/** Bytes that stand in no base: what is between tensors, and tensors that are new or changed through and through. */
import { fade, freshOdds, type BitCoder, type Odds } from './bit-coder.ts'
import { Mixer } from './mixer.ts'

/**
 * What the bytes are. `text`: each by the one and the two before it. `even`: single bytes without order, as int8 weights are. `pairs` and
 * `quads`: numbers of 2 or 4 bytes, each byte by its place and by the same byte of the number before.
 */
export const LITERAL_KINDS = ['text', 'even', 'pairs', 'quads'] as const
export type LiteralKind = (typeof LITERAL_KINDS)[number]

const BY_ONE = 1 << 16
/** Contexts of two bytes share so many trees: a delta's own list of parts is short. */
const HASH_BITS = 8

export class LiteralModel {
  readonly #coder: BitCoder
  readonly #kind: LiteralKind
  readonly #near: Odds
  readonly #far: Odds
  readonly #mixer: Mixer
  /** The last four bytes. */
  #last = 0

  constructor(coder: BitCoder, kind: LiteralKind) {
    this.#coder = coder
    this.#kind = kind
    this.#near = freshOdds(kind === 'text' ? BY_ONE : 4 * 256)
    this.#far = freshOdds(kind === 'even' ? 1 : 256 << HASH_BITS)
    this.#mixer = new Mixer(coder, [this.#near, this.#far], 1)
  }

  /** Begins other bytes of the same kind. */
  restart(): void {
    if (this.#kind === 'even') fade(this.#near)
    this.#last = 0
  }

  /** Codes `bytes`, which stand at `from` of the part; they are filled in when decoding. */
  code(bytes: Uint8Array, from: number): void {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = this.#byte(bytes[at] ?? 0, from + at)
      if (this.#coder.isDecoding) bytes[at] = byte
      this.#last = (this.#last << 8) | byte
    }
  }

  #byte(byte: number, position: number): number {
    const last = this.#last
    switch (this.#kind) {
      case 'even':
        return this.#coder.tree(this.#near, 0, 8, byte)
      case 'text':
        return this.#mixer.tree((last & 255) << 8, hashed(last & 0xffff), 8, byte)
      case 'pairs':
        return this.#mixer.tree((position & 1) << 8, place(position & 1, (last >>> 8) & 255), 8, byte)
      case 'quads':
        return this.#mixer.tree((position & 3) << 8, hashed((position & 3) | ((last >>> 24) << 8)), 8, byte)
    }
  }
}

/** Where the tree of a key begins: two keys may share one. */
function hashed(key: number): number {
  return (Math.imul(key, 0x9e37_79b1) >>> (32 - HASH_BITS)) << 8
}

function place(plane: number, byte: number): number {
  return hashed((plane << 8) | byte)
}
