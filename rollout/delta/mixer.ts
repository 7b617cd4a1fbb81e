/**
 * Two opinions about one bit, mixed in the logistic domain by weights that learn which of them to believe (Mahoney,
 * "Adaptive Weighing of Context Models for Lossless Data Compression", 2005). Integers and tables only.
 */
import { EVEN, moved, type BitCoder, type Odds } from './bit-coder.ts'

/** 65536 / (1 + exp(-x)) for x from -8 to 8 in halves: written out, since exp may differ between processors. */
const SQUASHED = [
  22, 36, 60, 98, 162, 267, 439, 720, 1_179, 1_921, 3_108, 4_971, 7_812, 11_955, 17_625, 24_743, 32_768,
  40_793, 47_911, 53_581, 57_724, 60_565, 62_428, 63_615, 64_357, 64_816, 65_097, 65_269, 65_374, 65_438,
  65_476, 65_500, 65_514,
] as const
/** Half the domain: x from -8 to 8 in steps of 1/256. */
const REACH = 2_048
const SQUASH = Uint16Array.from({ length: 2 * REACH }, (_, at) => {
  const [a, b] = [SQUASHED[at >> 7] ?? 0, SQUASHED[(at >> 7) + 1] ?? 0]
  return a + (((b - a) * (at & 127)) >> 7)
})
const STRETCH = inverseOfSquash()
/** Weights are multiples of 2^-16. Two opinions that agree are worth a little more than either. */
const FIRST_WEIGHT = 40_000
/** How slowly the weights learn: an error of 16 bits times an opinion of 11 bits, down by so many bits. */
const LEARNING_SHIFT = 14

export class Mixer {
  readonly #coder: BitCoder
  readonly #a: Odds
  readonly #b: Odds
  readonly #weights: Int32Array

  /** `contexts`: how many pairs of weights to keep apart. */
  constructor(coder: BitCoder, [a, b]: readonly [Odds, Odds], contexts: number) {
    this.#coder = coder
    this.#a = a
    this.#b = b
    this.#weights = new Int32Array(2 * contexts).fill(FIRST_WEIGHT)
  }

  /** Codes one bit by what `a` says at `i` and `b` at `j`, weighed as in `context`; both learn. */
  bit(i: number, j: number, context: number, bit: number): number {
    const [stateA, stateB] = [this.#a[i] ?? EVEN, this.#b[j] ?? EVEN]
    const [opinionA, opinionB] = [STRETCH[stateA >>> 20] ?? 0, STRETCH[stateB >>> 20] ?? 0]
    const [weightA, weightB] = [this.#weights[2 * context] ?? 0, this.#weights[2 * context + 1] ?? 0]
    const sum = (Math.imul(weightA, opinionA) >> 16) + (Math.imul(weightB, opinionB) >> 16)
    const p = SQUASH[Math.max(0, Math.min(2 * REACH - 1, sum + REACH))] ?? 0x8000
    const coded = this.#coder.bitAt(p, bit)
    const error = (coded << 16) - p
    this.#weights[2 * context] = bounded(weightA + ((opinionA * error) >> LEARNING_SHIFT))
    this.#weights[2 * context + 1] = bounded(weightB + ((opinionB * error) >> LEARNING_SHIFT))
    this.#a[i] = moved(stateA, coded)
    this.#b[j] = moved(stateB, coded)
    return coded
  }

  /** A number below 2^`bits` by a binary tree that starts at `i` in `a` and at `j` in `b`. */
  tree(i: number, j: number, bits: number, value: number): number {
    let node = 1
    for (let at = bits - 1; at >= 0; at -= 1)
      node = (node << 1) | this.bit(i + node, j + node, 0, (value >>> at) & 1)
    return node - (1 << bits)
  }
}

/** So that a weight times an opinion stays within 32 bits. */
function bounded(weight: number): number {
  return Math.max(-(1 << 19), Math.min(1 << 19, weight))
}

/** By the middle of each of 4,096 steps of probability, where {@link SQUASH} passes it. */
function inverseOfSquash(): Int16Array {
  const stretch = new Int16Array(4_096)
  let at = 0
  for (let p = 0; p < stretch.length; p += 1) {
    while (at < SQUASH.length - 1 && (SQUASH[at] ?? 0) < p * 16 + 8) at += 1
    stretch[p] = at - REACH
  }
  return stretch
}
