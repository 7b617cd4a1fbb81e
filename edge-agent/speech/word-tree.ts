/**
 * A large vocabulary as one prefix tree over triphones, shared by every place of a grammar where any word may stand. A word is
 * decided before its last phone: the last phones, which depend on what follows, are shared by all words that end alike (tails).
 * The tree carries the best unigram below each unit (look-ahead), so that unlikely words are dropped early.
 */
import { GrammarRefused } from './errors.ts'
import type { Pronunciation } from './lexicon.ts'
import { POSITION, type PhoneModel } from './phone-model.ts'
import { type Edge, type Variant, variantsOf } from './phone-variants.ts'

/** Tokens of 80 bytes each, a stream: about 80 MB at most. */
const MAX_TREE_UNITS = 1_000_000
const NONE = -1

export interface TreeWord {
  /** Index into the network's words. */
  readonly word: number
  readonly phones: Pronunciation
  /** Weighted log of how likely the word is by itself (nats). */
  readonly weight: number
}

/** Lists of numbers packed one after another: list i is values[first[i] .. first[i+1]). */
export interface Rows {
  readonly first: Int32Array
  readonly values: Int32Array
}

/** Units are numbered from 0. */
export interface WordTree {
  readonly unitCount: number
  /** Of each unit: what it sounds like. */
  readonly sequence: Uint16Array
  readonly phone: Uint8Array
  /** Best weight of a word below; 0 for tails, whose word is decided. */
  readonly ahead: Float32Array
  readonly next: Rows
  /** Words that are decided when a unit is left, and the tail that each ends with: -1 when the unit was the whole word. */
  readonly ends: Rows
  readonly endWord: Int32Array
  readonly endTail: Int32Array
  /** Phones that may follow a unit which ends a word; none for units inside. */
  readonly rights: Rows
  /** Units of each tail. */
  readonly tails: Rows
  /** Units that a word may begin with, by the phone before b and its first phone p: list b * phones + p. */
  readonly heads: Rows
  readonly tailCount: number
}

/** `words` in any order; a word with several pronunciations comes several times. */
export function wordTree(words: Iterable<TreeWord>, model: PhoneModel): WordTree {
  const build = new TreeBuild(model)
  for (const word of words) build.add(word)
  return build.pack()
}

class TreeBuild {
  readonly #model: PhoneModel
  /** Phones that words stand between: no noises. */
  readonly #contexts: readonly number[]
  /** A node is a pair of first phones (whose units differ by what was said before), or one unit further in. */
  readonly #phone: number[] = []
  readonly #sequence: number[] = []
  readonly #ahead: number[] = []
  readonly #child: number[] = []
  readonly #sibling: number[] = []
  readonly #firstEnd: number[] = []
  readonly #known = new Map<number, number>()
  readonly #pairs = new Map<number, number>()
  readonly #endWord: number[] = []
  readonly #endTail: number[] = []
  readonly #nextEnd: number[] = []
  readonly #tails = new Map<number, number>()
  /** Phone -> words that it is the whole of. */
  readonly #single = new Map<number, TreeWord[]>()

  constructor(model: PhoneModel) {
    this.#model = model
    this.#contexts = model.phones.flatMap((_, phone) =>
      phone === model.silence || !model.fillers.includes(phone) ? [phone] : [],
    )
  }

  add(word: TreeWord): void {
    const { phones, weight } = word
    const [first, second] = phones
    if (first === undefined) return
    if (second === undefined) {
      this.#single.set(first, [...(this.#single.get(first) ?? []), word])
      return
    }
    const size = this.#model.phones.length
    let node = this.#pairs.get(first * size + second) ?? NONE
    if (node === NONE) {
      node = this.#node(first, 0)
      this.#pairs.set(first * size + second, node)
    }
    this.#raise(node, weight)
    for (let i = 1; i < phones.length - 1; i++) {
      const [left, phone, right] = [phones[i - 1] ?? 0, phones[i] ?? 0, phones[i + 1] ?? 0]
      node = this.#below(node, phone, this.#model.sequenceOf(POSITION.internal, phone, left, right))
      this.#raise(node, weight)
    }
    const key = (phones.at(-2) ?? 0) * size + (phones.at(-1) ?? 0)
    const tail = this.#tails.get(key) ?? this.#tails.size
    this.#tails.set(key, tail)
    this.#nextEnd.push(this.#firstEnd[node] ?? NONE)
    this.#firstEnd[node] = this.#end(word.word, tail)
  }

  #end(word: number, tail: number): number {
    this.#endTail.push(tail)
    return this.#endWord.push(word) - 1
  }

  #below(parent: number, phone: number, sequence: number): number {
    const key = (parent * 65_536 + sequence) * 64 + phone
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const node = this.#node(phone, sequence)
    this.#known.set(key, node)
    this.#sibling[node] = this.#child[parent] ?? NONE
    this.#child[parent] = node
    return node
  }

  #node(phone: number, sequence: number): number {
    if (this.#phone.length >= MAX_TREE_UNITS)
      throw new GrammarRefused(`the open vocabulary needs more than ${MAX_TREE_UNITS} phone models`, {
        remedy: 'Give a smaller open vocabulary.',
      })
    this.#sequence.push(sequence)
    this.#ahead.push(-Infinity)
    this.#child.push(NONE)
    this.#sibling.push(NONE)
    this.#firstEnd.push(NONE)
    return this.#phone.push(phone) - 1
  }

  #raise(node: number, weight: number): void {
    this.#ahead[node] = Math.max(this.#ahead[node] ?? -Infinity, weight)
  }

  pack(): WordTree {
    const size = this.#model.phones.length
    const units = new Units()
    const unitOf = new Int32Array(this.#phone.length).fill(NONE)
    const pairNodes = new Set(this.#pairs.values())
    for (const [node, phone] of this.#phone.entries())
      if (!pairNodes.has(node))
        unitOf[node] = units.add({
          sequence: this.#sequence[node] ?? 0,
          phone,
          ahead: this.#ahead[node] ?? 0,
        })
    const children = (node: number): number[] =>
      chain(this.#child[node] ?? NONE, this.#sibling).map((child) => unitOf[child] ?? 0)
    for (const [node, unit] of unitOf.entries())
      if (unit !== NONE) units.leads(unit, children(node), chain(this.#firstEnd[node] ?? NONE, this.#nextEnd))
    const heads = Array.from({ length: size * size }, (): number[] => [])
    for (const [pair, node] of this.#pairs) {
      const [first, second] = [Math.floor(pair / size), pair % size]
      const next = children(node)
      const ends = chain(this.#firstEnd[node] ?? NONE, this.#nextEnd)
      for (const { sequence, phones } of this.#variants(POSITION.begin, first, { right: second })) {
        const unit = units.add({ sequence, phone: first, ahead: this.#ahead[node] ?? 0 })
        units.leads(unit, next, ends)
        for (const left of phones) heads[left * size + first]?.push(unit)
      }
    }
    const tails: number[][] = []
    for (const key of this.#tails.keys()) {
      const [left, last] = [Math.floor(key / size), key % size]
      tails.push(
        this.#variants(POSITION.end, last, { left }).map(({ sequence, phones }) =>
          units.add({ sequence, phone: last, ahead: 0 }, phones),
        ),
      )
    }
    this.#packSingles(units, heads)
    return {
      ...units.pack(),
      endWord: Int32Array.from(this.#endWord),
      endTail: Int32Array.from(this.#endTail),
      tails: rows(tails),
      heads: rows(heads),
      tailCount: tails.length,
    }
  }

  #packSingles(units: Units, heads: readonly number[][]): void {
    for (const [phone, words] of this.#single) {
      const ends = words.map(({ word }) => this.#end(word, NONE))
      const ahead = Math.max(...words.map(({ weight }) => weight))
      const known = new Map<string, number>()
      for (const left of this.#contexts)
        for (const { sequence, phones } of this.#variants(POSITION.single, phone, { left })) {
          const key = `${sequence} ${phones.join(',')}`
          const unit = known.get(key) ?? units.add({ sequence, phone, ahead }, phones)
          if (!known.has(key)) units.leads(unit, [], ends)
          known.set(key, unit)
          heads[left * this.#model.phones.length + phone]?.push(unit)
        }
    }
  }

  #variants(position: Edge['position'], phone: number, beside: Edge['beside']): Variant[] {
    return variantsOf(this.#model, { position, phone, beside }, this.#contexts)
  }
}

/** Units as they are numbered, with what they lead to. */
class Units {
  readonly #sequence: number[] = []
  readonly #phone: number[] = []
  readonly #ahead: number[] = []
  readonly #next: (readonly number[])[] = []
  readonly #ends: (readonly number[])[] = []
  readonly #rights: (readonly number[])[] = []

  add(unit: { sequence: number; phone: number; ahead: number }, rights: readonly number[] = []): number {
    this.#sequence.push(unit.sequence)
    this.#ahead.push(unit.ahead)
    this.#next.push(EMPTY)
    this.#ends.push(EMPTY)
    this.#rights.push(rights)
    return this.#phone.push(unit.phone) - 1
  }

  leads(unit: number, next: readonly number[], ends: readonly number[]): void {
    if (next.length > 0) this.#next[unit] = next
    if (ends.length > 0) this.#ends[unit] = ends
  }

  pack() {
    return {
      unitCount: this.#phone.length,
      sequence: Uint16Array.from(this.#sequence),
      phone: Uint8Array.from(this.#phone),
      ahead: Float32Array.from(this.#ahead),
      next: rows(this.#next),
      ends: rows(this.#ends),
      rights: rows(this.#rights),
    }
  }
}

const EMPTY: readonly number[] = []

function chain(first: number, next: readonly number[]): number[] {
  const found: number[] = []
  for (let at = first; at !== NONE; at = next[at] ?? NONE) found.push(at)
  return found
}

export function rows(lists: readonly (readonly number[])[]): Rows {
  const first = new Int32Array(lists.length + 1)
  lists.forEach((list, i) => (first[i + 1] = (first[i] ?? 0) + list.length))
  const values = new Int32Array(first[lists.length] ?? 0)
  lists.forEach((list, i) => values.set(list, first[i]))
  return { first, values }
}
