/**
 * Spreads a sentence graph over triphones. A unit is a three-state HMM; a junction (state, phone before, phone after)
 * joins the words that may end in one phone and be followed by another, so that cross-word contexts are exact. Words
 * leaving one state share their first units as a tree, for as long as their senones are the same.
 */
import { GrammarRefused } from './errors.ts'
import type { Pronunciation } from './lexicon.ts'
import { variantsOf } from './phone-variants.ts'
import { POSITION, type PhoneModel } from './phone-model.ts'
import type { Arc, SentenceGraph } from './sentence-graph.ts'
import { joined, joinedFirst, packedWords, rowsByState, treeKinds, treeTables } from './network-tables.ts'
import { sonorantFrames, usualFrames } from './word-durations.ts'
import { rows, type WordTree } from './word-tree.ts'
import { INSIDE, PAUSE, type SearchNetwork } from './search-network.ts'

/** Three states of 16 bytes each and their tables: about 100 MB at most. */
export const MAX_UNITS = 1_000_000
/** Sequences of three senones are numbered in 16 bits. */
const MAX_SEQUENCES = 65_536

/** Penalties (nats) of entering silence, and a filler such as breath or noise. */
export interface PauseCosts {
  readonly silence: number
  readonly filler: number
  readonly word: number
}

export interface NetworkParts {
  readonly model: PhoneModel
  pronounce(word: string): readonly Pronunciation[]
  readonly costs: PauseCosts
  /** What open arcs stand for; its words are numbered from 0 in `treeWords`. */
  readonly tree: WordTree | null
  readonly treeWords: readonly string[]
  /** Open words are part of what sentences mean, and not only said around them. */
  readonly hasSlots: boolean
  /** The number of a word in the language model. */
  languageId(word: string): number
}

export function searchNetwork(graph: SentenceGraph, parts: NetworkParts): SearchNetwork {
  return new NetworkBuild(graph, parts).run()
}

interface Unit {
  readonly sequence: number
  readonly phone: number
  readonly word: number
  readonly exitWeight: number
  /** Junctions; units that end alike share one list. */
  readonly exits: readonly number[]
}

/** A way in which words may end: what it sounds like, and the junctions that it leads to. */
interface Ending {
  readonly sequence: number
  readonly exits: readonly number[]
}

const NOWHERE: readonly number[] = []

class NetworkBuild {
  readonly #graph: SentenceGraph
  readonly #model: PhoneModel
  readonly #parts: NetworkParts
  /** Phones of words: all but silence and noises. */
  readonly #contexts: readonly number[]
  readonly #opens: { readonly from: number; readonly to: number; readonly weight: number }[] = []
  readonly #units: Unit[] = []
  /** Units that follow each unit inside a word. */
  readonly #next: (number[] | undefined)[] = []
  /** Units by what tells them apart. What is known was linked when it was made: the same key has the same neighbours. */
  readonly #known = new Map<string, number>()
  /** Units inside words, by parent, phone and sequence: most of a grammar's keys. */
  readonly #inside = new Map<number, number>()
  readonly #heads = new Map<number, readonly number[]>()
  readonly #endings = new Map<number, readonly Ending[]>()
  readonly #ended = new Set<string>()
  readonly #junctions = new Map<number, number>()
  readonly #entries: number[][] = []
  readonly #stateOf: number[] = []
  readonly #final: number[] = []
  readonly #words: { text: string; open: boolean }[] = []
  readonly #wordIndex = new Map<string, number>()
  /** Phones that may stand before, and after, each state; silence always may. */
  readonly #before: Set<number>[]
  readonly #after: Set<number>[]

  constructor(graph: SentenceGraph, parts: NetworkParts) {
    const { model } = parts
    this.#graph = graph
    this.#model = model
    this.#parts = parts
    this.#before = graph.arcs.map(() => new Set([model.silence]))
    this.#after = graph.arcs.map(() => new Set([model.silence]))
    this.#contexts = model.phones.flatMap((_, phone) => (model.fillers.includes(phone) ? [] : [phone]))
    graph.arcs.forEach((list, from) =>
      list.forEach((arc) => {
        if (arc.open) this.#opens.push({ from, to: arc.to, weight: arc.logWeight })
      }),
    )
  }

  run(): SearchNetwork {
    this.#eachPronunciation((state, arc, phones) => {
      this.#after[state]?.add(phones[0] ?? 0)
      this.#before[arc.to]?.add(phones.at(-1) ?? 0)
    })
    for (const { from, to } of this.#opens)
      for (const phone of this.#contexts) {
        this.#after[from]?.add(phone)
        this.#before[to]?.add(phone)
      }
    this.#graph.arcs.forEach((_, state) => this.#pauses(state))
    this.#eachPronunciation((state, arc, phones) => this.#word(state, arc, phones))
    for (const state of this.#graph.finals)
      for (const left of this.#before[state] ?? [])
        this.#final[this.#junction(state, left, this.#model.silence)] = 1
    return this.#pack()
  }

  #eachPronunciation(visit: (state: number, arc: Arc, phones: Pronunciation) => void): void {
    this.#graph.arcs.forEach((list, state) => {
      for (const arc of list)
        if (!arc.open) for (const phones of this.#parts.pronounce(arc.word)) visit(state, arc, phones)
    })
  }

  #junction(state: number, left: number, right: number): number {
    const size = this.#model.phones.length
    const key = (state * size + left) * size + right
    const known = this.#junctions.get(key)
    if (known !== undefined) return known
    this.#junctions.set(key, this.#entries.length)
    this.#entries.push([])
    this.#stateOf.push(state)
    return this.#entries.length - 1
  }

  #unit(unit: Unit): number {
    if (this.#units.length >= MAX_UNITS)
      throw new GrammarRefused(`the grammar needs more than ${MAX_UNITS} phone models`, {
        remedy: 'Split the grammar, shorten its lists, or give a smaller open vocabulary.',
      })
    this.#units.push(unit)
    this.#next.push(undefined)
    return this.#units.length - 1
  }

  #pauses(state: number): void {
    const { silence, fillers, sequenceOfPhone } = this.#model
    for (const phone of fillers) {
      const exitWeight = phone === silence ? this.#parts.costs.silence : this.#parts.costs.filler
      const entries = [...(this.#before[state] ?? [])].map((left) => this.#junction(state, left, silence))
      const exits = [...(this.#after[state] ?? [])].map((right) => this.#junction(state, silence, right))
      const unit = this.#unit({
        sequence: sequenceOfPhone[phone] ?? 0,
        phone,
        word: PAUSE,
        exitWeight,
        exits,
      })
      for (const junction of entries) this.#entries[junction]?.push(unit)
    }
  }

  #word(state: number, arc: Arc, phones: Pronunciation): void {
    const [first = 0, second] = phones
    if (second === undefined) this.#single(state, arc, first)
    else
      this.#tail(
        { parents: this.#headsOf(state, first, second), key: -1 - this.#pair(state, first) },
        arc,
        phones,
      )
  }

  /** A word of one phone: it depends on both neighbours. */
  #single(state: number, arc: Arc, phone: number): void {
    const rights = this.#after[arc.to] ?? []
    for (const left of this.#before[state] ?? [])
      for (const { sequence, phones: after } of variantsOf(
        this.#model,
        { position: POSITION.single, phone, beside: { left } },
        rights,
      )) {
        const key = `${state} ${arc.to} ${phone} ${sequence} ${arc.word} ${after.join(',')}`
        const unit = this.#shared(key, () =>
          this.#last(arc, phone, {
            sequence,
            exits: after.map((right) => this.#junction(arc.to, phone, right)),
          }),
        )
        const entries = this.#entries[this.#junction(state, left, phone)]
        if (entries?.includes(unit) === false) entries.push(unit)
      }
  }

  /** The first units of words that begin so, one for each group of phones before them. */
  #headsOf(state: number, first: number, second: number): readonly number[] {
    const key = this.#pair(this.#pair(state, first), second)
    const known = this.#heads.get(key)
    if (known !== undefined) return known
    const lefts = this.#before[state] ?? []
    const heads = variantsOf(
      this.#model,
      { position: POSITION.begin, phone: first, beside: { right: second } },
      lefts,
    ).map(({ sequence, phones: before }) => {
      return this.#shared(`${state} ${first} ${sequence} ${before.join(',')}`, () => {
        const unit = this.#unit({ sequence, phone: first, word: INSIDE, exitWeight: 0, exits: NOWHERE })
        for (const left of before) this.#entries[this.#junction(state, left, first)]?.push(unit)
        return unit
      })
    })
    this.#heads.set(key, heads)
    return heads
  }

  /**
   * From the second phone on, a word sounds the same whatever was said before it: its heads, one for each left context, all
   * lead into one tail. (One tail a head would be ten times the network.)
   */
  #tail(
    from: { readonly parents: readonly number[]; readonly key: number },
    arc: Arc,
    phones: Pronunciation,
  ): void {
    let { parents, key } = from
    for (let i = 1; i < phones.length - 1; i++) {
      const [left, phone, right] = [phones[i - 1] ?? 0, phones[i] ?? 0, phones[i + 1] ?? 0]
      key = this.#insideOf(
        { parents, key },
        phone,
        this.#model.sequenceOf(POSITION.internal, phone, left, right),
      )
      parents = [key]
    }
    const [left, phone] = [phones.at(-2) ?? 0, phones.at(-1) ?? 0]
    const name = `${key} ${arc.to} ${arc.word} ${phone}`
    if (this.#ended.has(name)) return
    this.#ended.add(name)
    for (const ending of this.#endingsOf(arc.to, left, phone))
      this.#follow(parents, this.#last(arc, phone, ending))
  }

  #insideOf(
    from: { readonly parents: readonly number[]; readonly key: number },
    phone: number,
    sequence: number,
  ): number {
    const key = this.#pair(from.key * MAX_SEQUENCES + sequence, phone)
    const known = this.#inside.get(key)
    if (known !== undefined) return known
    const unit = this.#unit({ sequence, phone, word: INSIDE, exitWeight: 0, exits: NOWHERE })
    this.#inside.set(key, unit)
    this.#follow(from.parents, unit)
    return unit
  }

  /** How words may end that lead to a state, by their last two phones. */
  #endingsOf(state: number, left: number, phone: number): readonly Ending[] {
    const key = this.#pair(this.#pair(state, left), phone)
    const known = this.#endings.get(key)
    if (known !== undefined) return known
    const rights = this.#after[state] ?? []
    const endings = variantsOf(this.#model, { position: POSITION.end, phone, beside: { left } }, rights).map(
      ({ sequence, phones }) => ({
        sequence,
        exits: phones.map((right) => this.#junction(state, phone, right)),
      }),
    )
    this.#endings.set(key, endings)
    return endings
  }

  #pair(number: number, phone: number): number {
    return number * this.#model.phones.length + phone
  }

  #last(arc: Arc, phone: number, { sequence, exits }: Ending): number {
    const key = `${arc.word} ${arc.open}`
    const word = this.#wordIndex.get(key) ?? this.#words.length
    if (word === this.#words.length) {
      this.#wordIndex.set(key, word)
      this.#words.push({ text: arc.word, open: arc.open })
    }
    return this.#unit({ sequence, phone, word, exitWeight: arc.logWeight + this.#parts.costs.word, exits })
  }

  #shared(key: string, make: () => number): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const unit = make()
    this.#known.set(key, unit)
    return unit
  }

  #follow(parents: readonly number[], unit: number): void {
    for (const parent of parents) (this.#next[parent] ??= []).push(unit)
  }

  /** Where the word tree is left to: for each open arc the junctions of its state by phone before and phone after. */
  #openJunctions(): Int32Array {
    const size = this.#model.phones.length
    const table = new Int32Array(this.#opens.length * size * size).fill(-1)
    for (const [k, { to }] of this.#opens.entries())
      for (const left of this.#contexts)
        for (const right of this.#after[to] ?? [])
          table[(k * size + left) * size + right] = this.#junction(to, left, right)
    return table
  }

  /** The word tree is entered from every state with an open arc. */
  #treeEntries(tree: WordTree): void {
    const offset = this.#units.length
    const size = this.#model.phones.length
    for (const state of new Set(this.#opens.map(({ from }) => from)))
      for (const left of this.#before[state] ?? [])
        for (const first of this.#contexts) {
          const list = left * size + first
          const heads = tree.heads.values.subarray(tree.heads.first[list], tree.heads.first[list + 1])
          if (heads.length === 0) continue
          const entries = this.#entries[this.#junction(state, left, first)]
          for (const unit of heads) entries?.push(offset + unit)
        }
  }

  #pack(): SearchNetwork {
    const { silence, sequences } = this.#model
    const starts = [...(this.#after[this.#graph.start] ?? [])].map((right) =>
      this.#junction(this.#graph.start, silence, right),
    )
    const openJunctions = this.#openJunctions()
    const tree = this.#opens.length === 0 ? null : this.#parts.tree
    if (tree !== null) this.#treeEntries(tree)
    const units = this.#units
    const offset = units.length
    const own = rows(Array.from(units, (_, unit) => this.#next[unit] ?? NOWHERE))
    const exit = rows(units.map((unit) => unit.exits))
    const entry = rows(this.#entries)
    const unitCount = offset + (tree?.unitCount ?? 0)
    const senones = new Uint16Array(3 * unitCount)
    const phone = new Uint8Array(unitCount)
    const sequenceOf = (unit: number): number =>
      unit < offset ? (units[unit]?.sequence ?? 0) : (tree?.sequence[unit - offset] ?? 0)
    for (let unit = 0; unit < unitCount; unit++) {
      const at = 3 * sequenceOf(unit)
      senones.set(sequences.subarray(at, at + 3), 3 * unit)
      phone[unit] = unit < offset ? (units[unit]?.phone ?? 0) : (tree?.phone[unit - offset] ?? 0)
    }
    const words = [
      ...this.#words,
      ...(tree === null ? [] : this.#parts.treeWords.map((text) => ({ text, open: true }))),
    ]
    const opens = rowsByState(this.#opens, this.#graph.arcs.length)
    const pronounced = words.map(({ text }) => this.#parts.pronounce(text))
    const sonorant = sonorantFrames(this.#model.phones, this.#model.frames)
    return {
      unitCount,
      senones,
      phone,
      word: joined(
        Int32Array.from(units, (unit) => unit.word),
        treeKinds(tree),
      ),
      exitWeight: Float32Array.from(units, (unit) => unit.exitWeight),
      nextFirst: joinedFirst(own.first, tree?.next.first),
      nextUnits: joined(
        own.values,
        tree?.next.values.map((unit) => unit + offset),
      ),
      exitFirst: exit.first,
      exitJunctions: exit.values,
      junctionCount: this.#entries.length,
      stateOf: Int32Array.from(this.#stateOf),
      stateCount: this.#graph.arcs.length,
      startState: this.#graph.start,
      entryFirst: entry.first,
      entryUnits: entry.values,
      isFinal: Uint8Array.from({ length: this.#entries.length }, (_, i) => this.#final[i] ?? 0),
      startJunctions: Int32Array.from(starts),
      ...treeTables(tree, { units: offset, words: this.#words.length }),
      ...opens,
      openJunctions,
      phoneCount: this.#model.phones.length,
      ...packedWords(words),
      hasSlots: this.#parts.hasSlots,
      wordLanguage: Int32Array.from(words, ({ text }) => this.#parts.languageId(text)),
      wordFrames: Float32Array.from(pronounced, (ways) => usualFrames(ways, this.#model.frames)),
      wordSonorant: Float32Array.from(pronounced, (ways) => usualFrames(ways, sonorant)),
    }
  }
}
