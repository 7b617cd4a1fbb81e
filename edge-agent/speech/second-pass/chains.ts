/**
 * Words as chains of units of their own, no two sharing any: what a path scores within a word may then depend on which word it is.
 * Made when a word may begin, given back when nothing is alive in it.
 */
import type { SearchNetwork } from '../search-network.ts'
import { PAUSE } from '../search-network.ts'
import type { TreePath, TreePaths } from './tree-paths.ts'

/** Of one stream, about 2 MB: two thousand words at a time. */
const MOST_UNITS = 1 << 16
/** Each unit may be entered by itself, and costs nothing to enter. */
const ITSELF = Int32Array.from({ length: MOST_UNITS }, (_, unit) => unit)
const NOTHING = new Float32Array(MOST_UNITS)

export interface Chain extends TreePath {
  /** Its heads from here on, then what stands between, then its tails. */
  readonly from: number
  /** Units that are kept for it: at least as many as it has. */
  readonly room: number
  /** The first sound of the word. */
  readonly firstPhone: number
  /** The frame at which it was last needed. */
  neededAt: number
}

/** What the chains sound like, as {@link ActiveUnits} searches it. */
export class Chains {
  readonly unitCount = MOST_UNITS
  readonly phone = new Uint8Array(MOST_UNITS)
  readonly senones = new Uint16Array(3 * MOST_UNITS)
  readonly entryUnits = ITSELF
  readonly enterWeight = NOTHING
  /** The units that follow a unit inside its word: from .. to; none where the word ends. */
  readonly nextFrom = new Int32Array(MOST_UNITS)
  readonly nextTo = new Int32Array(MOST_UNITS)
  /** Of each unit: the network's. */
  readonly unitOf = new Int32Array(MOST_UNITS)
  /** Units of pauses, by the network's. */
  readonly pauses: readonly number[]
  readonly #net: SearchNetwork
  readonly #paths: TreePaths
  readonly #chainOf: (Chain | undefined)[] = []
  readonly #chains = new Map<number, Chain>()
  /** Units given back, by how many lie side by side. */
  readonly #free: number[][] = []
  #used = 0

  constructor(net: SearchNetwork, paths: TreePaths) {
    this.#net = net
    this.#paths = paths
    this.pauses = Array.from({ length: net.treeFirst }, (_, unit) => unit).filter(
      (unit) => net.word[unit] === PAUSE,
    )
    for (const unit of this.pauses) this.#put(this.#used++, unit)
  }

  /** The chain of a pronunciation (an end of the tree); undefined when too many are alive. */
  chain(end: number, frame: number): Chain | undefined {
    const chain = this.#chains.get(end) ?? this.#made(end, frame)
    if (chain !== undefined) chain.neededAt = frame
    return chain
  }

  /** The chain of a unit, undefined for a pause. */
  chainOf(unit: number): Chain | undefined {
    return this.#chainOf[unit]
  }

  clear(): void {
    for (const [end, chain] of this.#chains) this.#giveBack(end, chain)
  }

  #made(end: number, frame: number): Chain | undefined {
    const path = this.#paths.path(end)
    const size = path.heads.length + path.inner.length + path.tails.length
    const block = this.#take(size, frame)
    if (block === undefined) return undefined
    const { from } = block
    const firstPhone = this.#net.phone[path.heads[0] as number] as number
    const chain = { ...path, ...block, firstPhone, neededAt: frame }
    const inner = from + path.heads.length
    const tails = inner + path.inner.length
    const to = from + size
    const units = [...path.heads, ...path.inner, ...path.tails]
    for (const [at, unit] of units.entries()) {
      const own = from + at
      this.#put(own, unit)
      this.#chainOf[own] = chain
      const next = own < inner ? inner : own + 1
      const isTail = own >= tails || path.tails.length === 0
      this.nextFrom[own] = isTail ? 0 : next
      this.nextTo[own] = isTail ? 0 : next < tails ? next + 1 : to
    }
    this.#chains.set(end, chain)
    return chain
  }

  #put(own: number, unit: number): void {
    this.unitOf[own] = unit
    this.phone[own] = this.#net.phone[unit] as number
    this.senones.set(this.#net.senones.subarray(3 * unit, 3 * unit + 3), 3 * own)
  }

  #take(size: number, frame: number): { readonly from: number; readonly room: number } | undefined {
    if ((this.#free[size]?.length ?? 0) === 0 && this.#used + size <= MOST_UNITS) {
      this.#used += size
      return { from: this.#used - size, room: size }
    }
    if ((this.#free[size]?.length ?? 0) === 0) this.#giveBackBefore(frame - 1)
    for (let room = size; room < this.#free.length; room++) {
      const from = this.#free[room]?.pop()
      if (from !== undefined) return { from, room }
    }
    return undefined
  }

  #giveBackBefore(frame: number): void {
    for (const [end, chain] of this.#chains) if (chain.neededAt < frame) this.#giveBack(end, chain)
  }

  #giveBack(end: number, { from, room }: Chain): void {
    this.#chains.delete(end)
    const list = (this.#free[room] ??= [])
    list.push(from)
  }
}
