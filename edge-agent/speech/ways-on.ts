/**
 * Where words that ended may go on to, numbered: two records are one place of the lattice only when every path that may follow the
 * one may follow the other. Joined by sentence state alone, a path through the lattice could change a word's last sound behind its back,
 * and score tens of nats above anything that the search found.
 */
import type { SearchNetwork } from './search-network.ts'

const known = new WeakMap<SearchNetwork, WaysOn>()

/** The ways of a network: worked out once, for all who search it. */
export function waysOn(net: SearchNetwork): WaysOn {
  const held = known.get(net)
  if (held !== undefined) return held
  const made = new WaysOn(net)
  known.set(net, made)
  return made
}

export class WaysOn {
  readonly count: number
  readonly #isFinal: Uint8Array
  /** Of each unit of the grammar that ends a word. */
  readonly #ofUnit: Int32Array
  readonly #tails: number
  /** Of each unit of the word tree: which phones may follow it, and its own. */
  readonly #group: Int32Array
  readonly #groups: number
  readonly #tailsFrom: number

  constructor(net: SearchNetwork) {
    const byJunctions = new Map<string, number>()
    this.#ofUnit = Int32Array.from({ length: net.unitCount }, (_, unit) => {
      const [from = 0, to = 0] = [net.exitFirst[unit], net.exitFirst[unit + 1]]
      return from === to ? -1 : numbered(byJunctions, net.exitJunctions.subarray(from, to).join())
    })
    const byRights = new Map<string, number>()
    this.#group = Int32Array.from({ length: net.unitCount - net.treeFirst }, (_, own) => {
      const rights = net.rightPhones.subarray(net.rightFirst[own], net.rightFirst[own + 1])
      return rights.length === 0
        ? -1
        : numbered(byRights, `${net.phone[net.treeFirst + own] ?? 0}:${rights.join()}`)
    })
    this.#groups = byRights.size
    this.#tails = net.tailFirst.length - 1
    this.#tailsFrom = byJunctions.size + this.#groups * net.openTo.length
    this.count = this.#tailsFrom + this.#tails * (net.openTo.length + 1)
    this.#isFinal = new Uint8Array(this.count)
    this.#markFinal(net)
  }

  /** Whether a sentence may end with a record of that way: silence may follow it, and nothing else must. */
  isFinal(way: number): boolean {
    return this.#isFinal[way] === 1
  }

  #markFinal(net: SearchNetwork): void {
    const mark = (way: number, junctions: Int32Array): void => {
      if (junctions.some((junction) => junction >= 0 && net.isFinal[junction] === 1)) this.#isFinal[way] = 1
    }
    for (let unit = 0; unit < net.unitCount; unit++)
      if (this.ofWord(unit) >= 0)
        mark(this.ofWord(unit), net.exitJunctions.subarray(net.exitFirst[unit], net.exitFirst[unit + 1]))
    for (let arc = 0; arc < net.openTo.length; arc++)
      for (let own = 0; own < this.#group.length; own++) {
        if ((this.#group[own] as number) < 0) continue
        const row = (arc * net.phoneCount + (net.phone[net.treeFirst + own] as number)) * net.phoneCount
        const rights = net.rightPhones.subarray(net.rightFirst[own], net.rightFirst[own + 1])
        mark(
          this.ofOpenWord(own, arc),
          rights.map((right) => net.openJunctions[row + right] as number),
        )
      }
  }

  /** A word of the grammar that ends with `unit`. */
  ofWord(unit: number): number {
    return this.#ofUnit[unit] as number
  }

  /** An open word that ends with the tree's unit `own` and leaves by the open arc `arc`. */
  ofOpenWord(own: number, arc: number): number {
    return this.#tailsFrom - this.#groups * (arc + 1) + (this.#group[own] as number)
  }

  /** A word that is decided before its last phone, entered from the open arcs that begin at `firstArc`. */
  ofTail(tail: number, firstArc: number): number {
    return this.#tailsFrom + this.#tails * firstArc + tail
  }
}

function numbered(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key)
  if (number !== undefined) return number
  numbers.set(key, numbers.size)
  return numbers.size - 1
}
