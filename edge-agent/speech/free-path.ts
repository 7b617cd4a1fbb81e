/**
 * The best path through any phones at all. Words whose span scores far below it were probably not what was said; it is
 * what confidence is measured against.
 */
import type { PhoneModel } from './phone-model.ts'

/** Cost (nats) of going to a next phone, so that the free path does not change phone at every frame. */
const PHONE_COST = 3

export class FreePath {
  readonly #senones: Uint16Array
  readonly #transitions: Float32Array
  readonly #count: number
  readonly #score: Float64Array
  #enter = 0
  #best = new Float64Array(1_024)
  #bestAny = new Uint8Array(1_024)
  readonly #isPause: Uint8Array
  #frames = 0

  constructor(model: PhoneModel) {
    this.#count = model.phones.length
    this.#transitions = model.transitions
    this.#senones = Uint16Array.from(
      model.sequenceOfPhone.flatMap((sequence) => [
        ...model.sequences.subarray(3 * sequence, 3 * sequence + 3),
      ]),
    )
    this.#isPause = Uint8Array.from({ length: this.#count }, (_, phone) =>
      model.fillers.includes(phone) ? 1 : 0,
    )
    this.#score = new Float64Array(3 * this.#count)
    this.restart()
  }

  restart(): void {
    this.#score.fill(-1e30)
    this.#enter = 0
    this.#frames = 0
  }

  step(senones: Float32Array, offset: number): void {
    let best = -1e30
    let bestPhone = 0
    let exit = -1e30
    for (let phone = 0; phone < this.#count; phone++) {
      const s = 3 * phone
      const t = 6 * phone
      const s0 = this.#score[s] as number
      const s1 = this.#score[s + 1] as number
      const s2 = this.#score[s + 2] as number
      const a = Math.max(s2 + this.#log(t + 4), s1 + this.#log(t + 3)) + this.#at(senones, offset, s + 2)
      const b = Math.max(s1 + this.#log(t + 2), s0 + this.#log(t + 1)) + this.#at(senones, offset, s + 1)
      const c = Math.max(s0 + this.#log(t), this.#enter - PHONE_COST) + this.#at(senones, offset, s)
      this.#score[s + 2] = a
      this.#score[s + 1] = b
      this.#score[s] = c
      exit = Math.max(exit, a + this.#log(t + 5))
      const top = Math.max(a, b, c)
      if (top > best) {
        best = top
        bestPhone = phone
      }
    }
    this.#enter = exit
    if (this.#frames === this.#best.length) this.#grow()
    this.#best[this.#frames] = best
    this.#bestAny[this.#frames] = this.#isPause[bestPhone] as number
    this.#frames++
  }

  /** Score gained over frames `from` to `to` (exclusive). */
  gained(from: number, to: number): number {
    const before = from === 0 ? 0 : (this.#best[from - 1] as number)
    return to === 0 ? 0 : (this.#best[to - 1] as number) - before
  }

  /** How many of the frames are best heard as silence or noise. */
  pauses(from: number, to: number): number {
    let count = 0
    for (let t = from; t < to; t++) count += this.#bestAny[t] as number
    return count
  }

  #log(index: number): number {
    return this.#transitions[index] as number
  }

  #at(senones: Float32Array, offset: number, state: number): number {
    return senones[offset + (this.#senones[state] as number)] as number
  }

  #grow(): void {
    const best = new Float64Array(2 * this.#best.length)
    best.set(this.#best)
    this.#best = best
    const any = new Uint8Array(2 * this.#bestAny.length)
    any.set(this.#bestAny)
    this.#bestAny = any
  }
}
