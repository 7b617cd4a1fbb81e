/** The word tree read backwards: from a word to the units that it consists of. */
import type { SearchNetwork } from '../search-network.ts'
import { rows, type Rows } from '../word-tree.ts'

/** One pronunciation of a word, as units of the network. */
export interface TreePath {
  readonly word: number
  /** One for each group of phones that may stand before: the path comes in by one of them. */
  readonly heads: readonly number[]
  /** Of each phone that may stand before: which of the heads, by their order. */
  readonly headsAfter: Rows
  /** The phones between, in their order. */
  readonly inner: readonly number[]
  /** One for each group of phones that may follow; none when a head is the whole word, and is left like a tail. */
  readonly tails: readonly number[]
}

const known = new WeakMap<SearchNetwork, TreePaths>()

/** The paths of a network: worked out once, for all who search it. */
export function treePaths(net: SearchNetwork): TreePaths {
  const held = known.get(net)
  if (held !== undefined) return held
  const made = new TreePaths(net)
  known.set(net, made)
  return made
}

export class TreePaths {
  readonly #net: SearchNetwork
  /** Of each unit of the tree: those that it follows. */
  readonly #parents: Rows
  /** Of each pronunciation (an end of the tree): the units with which it is decided. */
  readonly #deciding: Rows
  /** Of each word of the network: its pronunciations. */
  readonly #spoken: Rows
  readonly #paths = new Map<number, TreePath>()
  readonly #rights = new Map<number, Uint8Array>()
  /** By the first of the heads: words that begin with the same two phones share them. */
  readonly #headsAfter = new Map<number, Rows>()

  constructor(net: SearchNetwork) {
    this.#net = net
    const size = net.unitCount - net.treeFirst
    const own = { first: net.nextFirst.subarray(net.treeFirst), values: net.nextUnits }
    this.#parents = reversed(own, size, (unit) => unit - net.treeFirst)
    this.#deciding = reversed({ first: net.endFirst, values: net.ends }, net.endWord.length, (end) => end)
    const words: number[][] = Array.from({ length: net.wordOpen.length }, () => [])
    for (const [end, word] of net.endWord.entries()) words[word]?.push(end)
    this.#spoken = rows(words)
  }

  /** The pronunciations of a word, as ends of the tree. */
  spoken(word: number): Int32Array {
    return listOf(this.#spoken, word)
  }

  path(end: number): TreePath {
    const held = this.#paths.get(end)
    if (held !== undefined) return held
    const made = this.#found(end)
    this.#paths.set(end, made)
    return made
  }

  /** Of a unit with which a word ends: 1 for each phone that may follow it. */
  rights(unit: number): Uint8Array {
    const held = this.#rights.get(unit)
    if (held !== undefined) return held
    const net = this.#net
    const own = unit - net.treeFirst
    const made = new Uint8Array(net.phoneCount)
    for (const phone of net.rightPhones.subarray(net.rightFirst[own], net.rightFirst[own + 1]))
      made[phone] = 1
    this.#rights.set(unit, made)
    return made
  }

  #after(heads: readonly number[]): Rows {
    const [head = 0] = heads
    const held = this.#headsAfter.get(head)
    if (held !== undefined) return held
    const { headFirst, headUnits, phone, phoneCount } = this.#net
    const first = phone[head] as number
    const at = new Map(heads.map((unit, order) => [unit, order]))
    const found = rows(
      Array.from({ length: phoneCount }, (_, left) => {
        const list = left * phoneCount + first
        return [...headUnits.subarray(headFirst[list], headFirst[list + 1])].flatMap(
          (unit) => at.get(unit) ?? [],
        )
      }),
    )
    this.#headsAfter.set(head, found)
    return found
  }

  #found(end: number): TreePath {
    const net = this.#net
    const inner: number[] = []
    let units = listOf(this.#deciding, end)
    for (;;) {
      const [unit = 0] = units
      const parents = listOf(this.#parents, unit)
      if (parents.length === 0) break
      inner.push(net.treeFirst + unit)
      units = parents
    }
    const tail = net.endTail[end] as number
    const heads = Array.from(units, (unit) => net.treeFirst + unit)
    return {
      word: net.endWord[end] as number,
      heads,
      headsAfter: this.#after(heads),
      inner: inner.reverse(),
      tails: tail < 0 ? [] : [...net.tailUnits.subarray(net.tailFirst[tail], net.tailFirst[tail + 1])],
    }
  }
}

function listOf({ first, values }: Rows, at: number): Int32Array {
  return values.subarray(first[at], first[at + 1])
}

/** Of each of `count` values: the lists that name it. */
function reversed(lists: Rows, count: number, numberOf: (value: number) => number): Rows {
  const first = new Int32Array(count + 1)
  const listCount = lists.first.length - 1
  const from = lists.first[0] as number
  const to = lists.first[listCount] as number
  for (let n = from; n < to; n++) {
    const at = numberOf(lists.values[n] as number) + 1
    first[at] = (first[at] as number) + 1
  }
  for (let at = 0; at < count; at++) first[at + 1] = (first[at + 1] as number) + (first[at] as number)
  const values = new Int32Array(to - from)
  const filled = first.slice()
  for (let list = 0; list < listCount; list++)
    for (let n = lists.first[list] as number; n < (lists.first[list + 1] as number); n++) {
      const at = numberOf(lists.values[n] as number)
      values[filled[at] as number] = list
      filled[at] = (filled[at] as number) + 1
    }
  return { first, values }
}
