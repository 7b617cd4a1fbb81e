/**
 * What the gates of a ring were told, column by column: a large fleet's ring has more than a million facts, and as objects they
 * would be most of what a campaign keeps, walked through by every garbage collection.
 */
import type { Arm, GateFact } from '../gates/fact.ts'

/** One fact for the gates of these names. */
export interface Told {
  readonly gates: readonly string[]
  readonly fact: GateFact
}

/** What many facts have in common. */
interface Head {
  readonly gates: readonly string[]
  readonly kind: GateFact['kind']
  readonly arm: Arm
}

export class FactLog {
  readonly #heads: Head[] = []
  /** By their place: which head, and the rest of it. */
  readonly #headAt: number[] = []
  readonly #devices: string[] = []
  readonly #sites: string[] = []
  readonly #atMs: number[] = []
  /** Of those that are judged; not a number: null. */
  readonly #values: number[] = []
  /** Whole, because they are few. */
  readonly #shadowed = new Map<number, GateFact>()

  get length(): number {
    return this.#headAt.length
  }

  add({ gates, fact }: Told): void {
    const { kind, device, site, atMs } = fact
    if (kind === 'shadowed') this.#shadowed.set(this.length, fact)
    this.#headAt.push(this.#headFor({ gates, kind, arm: kind === 'shadowed' ? 'treated' : fact.arm }))
    this.#devices.push(device)
    this.#sites.push(site)
    this.#atMs.push(atMs)
    this.#values.push(kind === 'judged' ? (fact.value ?? Number.NaN) : Number.NaN)
  }

  /** Throws beyond its end. */
  at(place: number): Told {
    const head = this.#heads[this.#headAt[place] ?? -1]
    const [device, site, atMs] = [this.#devices[place], this.#sites[place], this.#atMs[place]]
    const value = this.#values[place] ?? Number.NaN
    if (head === undefined || device === undefined || site === undefined || atMs === undefined)
      throw new RangeError(`there is no fact ${place} of ${this.length}`)
    const { gates, kind, arm } = head
    if (kind === 'entered') return { gates, fact: { kind, arm, device, site, atMs } }
    if (kind === 'judged')
      return { gates, fact: { kind, arm, device, site, atMs, value: Number.isNaN(value) ? null : value } }
    const fact = this.#shadowed.get(place)
    if (fact === undefined) throw new RangeError(`fact ${place} is no window of a shadow`)
    return { gates, fact }
  }

  /** A log of the first `length` of them, to go on with by itself. */
  upTo(length: number): FactLog {
    const log = new FactLog()
    for (let place = 0; place < length; place += 1) log.add(this.at(place))
    return log
  }

  #headFor({ gates, kind, arm }: Head): number {
    const at = this.#heads.findIndex((head) => head.gates === gates && head.kind === kind && head.arm === arm)
    return at >= 0 ? at : this.#heads.push({ gates, kind, arm }) - 1
  }
}
