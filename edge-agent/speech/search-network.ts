/**
 * Spreads a sentence graph over triphones. A unit is a three-state HMM; a junction (state, phone before, phone after)
 * joins the words that may end in one phone and be followed by another, so that cross-word contexts are exact. Words
 * leaving one state share their first units as a tree, for as long as their senones are the same.
 */
import { GrammarRefused } from './errors.ts'
import type { Pronunciation } from './lexicon.ts'
import { POSITION, type PhoneModel } from './phone-model.ts'
import type { Arc, SentenceGraph } from './sentence-graph.ts'

/** Three states of 16 bytes each and their tables: about 100 MB at most. */
export const MAX_UNITS = 1_000_000

/** Penalties (nats) of entering silence, and a filler such as breath or noise. */
export interface PauseCosts {
  readonly silence: number
  readonly filler: number
  readonly word: number
}

export interface SearchNetwork {
  readonly unitCount: number
  /** Three senones a unit. */
  readonly senones: Uint16Array
  readonly phone: Uint8Array
  /** Index into `words`, -1 inside a word, -2 for a pause. */
  readonly word: Int32Array
  readonly exitWeight: Float32Array
  /** Units that follow inside the word: targets[first[u] .. first[u+1]]. */
  readonly nextFirst: Int32Array
  readonly nextUnits: Int32Array
  /** Junctions that a unit's exit enters. */
  readonly exitFirst: Int32Array
  readonly exitJunctions: Int32Array
  readonly junctionCount: number
  /** The sentence state that each junction belongs to. */
  readonly stateOf: Int32Array
  readonly stateCount: number
  readonly startState: number
  /** Sentence states in which a sentence may end. */
  readonly isFinalState: Uint8Array
  /** Units that start at a junction. */
  readonly entryFirst: Int32Array
  readonly entryUnits: Int32Array
  readonly isFinal: Uint8Array
  readonly startJunctions: Int32Array
  readonly words: readonly { readonly text: string; readonly open: boolean }[]
}

export const PAUSE = -2
export const INSIDE = -1

export function searchNetwork(
  graph: SentenceGraph,
  model: PhoneModel,
  pronounce: (word: string) => readonly Pronunciation[],
  costs: PauseCosts,
): SearchNetwork {
  const build = new NetworkBuild(graph, model, pronounce, costs)
  return build.run()
}

interface Unit {
  readonly sequence: number
  readonly phone: number
  readonly word: number
  readonly exitWeight: number
  readonly next: number[]
  readonly exits: number[]
}

class NetworkBuild {
  readonly #graph: SentenceGraph
  readonly #model: PhoneModel
  readonly #pronounce: (word: string) => readonly Pronunciation[]
  readonly #costs: PauseCosts
  readonly #units: Unit[] = []
  readonly #tree = new Map<string, number>()
  readonly #junctions = new Map<number, number>()
  readonly #entries: number[][] = []
  readonly #stateOf: number[] = []
  readonly #final: number[] = []
  readonly #words: { text: string; open: boolean }[] = []
  readonly #wordIndex = new Map<string, number>()
  /** Phones that may stand before, and after, each state; silence always may. */
  readonly #before: Set<number>[]
  readonly #after: Set<number>[]

  constructor(
    graph: SentenceGraph,
    model: PhoneModel,
    pronounce: (word: string) => readonly Pronunciation[],
    costs: PauseCosts,
  ) {
    this.#graph = graph
    this.#model = model
    this.#pronounce = pronounce
    this.#costs = costs
    this.#before = graph.arcs.map(() => new Set([model.silence]))
    this.#after = graph.arcs.map(() => new Set([model.silence]))
  }

  run(): SearchNetwork {
    this.#eachPronunciation((state, arc, phones) => {
      this.#after[state]?.add(phones[0] ?? 0)
      this.#before[arc.to]?.add(phones.at(-1) ?? 0)
    })
    this.#graph.arcs.forEach((_, state) => this.#pauses(state))
    this.#eachPronunciation((state, arc, phones) => this.#word(state, arc, phones))
    for (const state of this.#graph.finals)
      for (const left of this.#before[state] ?? [])
        this.#final[this.#junction(state, left, this.#model.silence)] = 1
    return this.#pack()
  }

  #eachPronunciation(visit: (state: number, arc: Arc, phones: Pronunciation) => void): void {
    this.#graph.arcs.forEach((list, state) => {
      for (const arc of list) for (const phones of this.#pronounce(arc.word)) visit(state, arc, phones)
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

  #unit(unit: Omit<Unit, 'next' | 'exits'>): number {
    if (this.#units.length >= MAX_UNITS)
      throw new GrammarRefused(`the grammar needs more than ${MAX_UNITS} phone models`, {
        remedy: 'Split the grammar, shorten its lists, or give a smaller open vocabulary.',
      })
    this.#units.push({ ...unit, next: [], exits: [] })
    return this.#units.length - 1
  }

  #pauses(state: number): void {
    const { silence, fillers, sequenceOfPhone } = this.#model
    for (const phone of fillers) {
      const exitWeight = phone === silence ? this.#costs.silence : this.#costs.filler
      const unit = this.#unit({ sequence: sequenceOfPhone[phone] ?? 0, phone, word: PAUSE, exitWeight })
      for (const left of this.#before[state] ?? []) this.#enter(this.#junction(state, left, silence), unit)
      for (const right of this.#after[state] ?? []) this.#exit(unit, this.#junction(state, silence, right))
    }
  }

  #word(state: number, arc: Arc, phones: Pronunciation): void {
    const lefts = [...(this.#before[state] ?? [])]
    const rights = [...(this.#after[arc.to] ?? [])]
    const first = phones[0] ?? 0
    if (phones.length === 1) {
      for (const left of lefts)
        for (const [sequence, group] of this.#variants(POSITION.single, first, [left], rights)) {
          const key = `${state} ${arc.to} ${first} ${sequence} ${arc.word} ${group.map((g) => g[1]).join(',')}`
          const unit = this.#shared(key, () => this.#last(arc, first, sequence))
          this.#enter(this.#junction(state, left, first), unit)
          for (const [, right] of group) this.#exit(unit, this.#junction(arc.to, first, right))
        }
      return
    }
    const heads: number[] = []
    for (const [sequence, group] of this.#variants(POSITION.begin, first, lefts, [phones[1] ?? 0])) {
      const leftKey = group.map((g) => g[0]).join(',')
      const head = this.#shared(`${state} ${first} ${sequence} ${leftKey}`, () =>
        this.#unit({ sequence, phone: first, word: INSIDE, exitWeight: 0 }),
      )
      for (const [left] of group) this.#enter(this.#junction(state, left, first), head)
      heads.push(head)
    }
    this.#tail({ parents: heads, key: `${state} ${first}` }, arc, phones, rights)
  }

  /**
   * From the second phone on, a word sounds the same whatever was said before it: its heads, one for each left context, all
   * lead into one tail. (One tail a head would be ten times the network.)
   */
  #tail(
    from: { readonly parents: readonly number[]; readonly key: string },
    arc: Arc,
    phones: Pronunciation,
    rights: readonly number[],
  ): void {
    let { parents, key } = from
    for (let i = 1; i < phones.length - 1; i++) {
      const [left, phone, right] = [phones[i - 1] ?? 0, phones[i] ?? 0, phones[i + 1] ?? 0]
      const sequence = this.#model.sequenceOf(POSITION.internal, phone, left, right)
      const unit = this.#shared(`>${key} ${phone} ${sequence}`, () =>
        this.#unit({ sequence, phone, word: INSIDE, exitWeight: 0 }),
      )
      for (const parent of parents) this.#follow(parent, unit)
      parents = [unit]
      key = `#${unit}`
    }
    const phone = phones.at(-1) ?? 0
    for (const [sequence, group] of this.#variants(POSITION.end, phone, [phones.at(-2) ?? 0], rights)) {
      const unit = this.#shared(`>${key} ${arc.to} ${arc.word} ${sequence} ${phone}`, () =>
        this.#last(arc, phone, sequence),
      )
      for (const parent of parents) this.#follow(parent, unit)
      for (const [, right] of group) this.#exit(unit, this.#junction(arc.to, phone, right))
    }
  }

  /** Contexts (left, right) grouped by the senones that they lead to. */
  #variants(position: 1 | 2 | 3, phone: number, lefts: readonly number[], rights: readonly number[]) {
    const groups = new Map<number, [number, number][]>()
    for (const left of lefts)
      for (const right of rights) {
        const sequence = this.#model.sequenceOf(position, phone, left, right)
        const group = groups.get(sequence)
        if (group === undefined) groups.set(sequence, [[left, right]])
        else group.push([left, right])
      }
    return groups
  }

  #last(arc: Arc, phone: number, sequence: number): number {
    const key = `${arc.word} ${arc.open}`
    const word = this.#wordIndex.get(key) ?? this.#words.length
    if (word === this.#words.length) {
      this.#wordIndex.set(key, word)
      this.#words.push({ text: arc.word, open: arc.open })
    }
    return this.#unit({ sequence, phone, word, exitWeight: arc.logWeight + this.#costs.word })
  }

  #shared(key: string, make: () => number): number {
    const known = this.#tree.get(key)
    if (known !== undefined) return known
    const unit = make()
    this.#tree.set(key, unit)
    return unit
  }

  #enter(junction: number, unit: number): void {
    const list = this.#entries[junction]
    if (list !== undefined && !list.includes(unit)) list.push(unit)
  }

  #exit(unit: number, junction: number): void {
    const list = this.#units[unit]?.exits
    if (list !== undefined && !list.includes(junction)) list.push(junction)
  }

  #follow(parent: number, unit: number): void {
    const list = this.#units[parent]?.next
    if (list !== undefined && !list.includes(unit)) list.push(unit)
  }

  #pack(): SearchNetwork {
    const { silence } = this.#model
    const starts = [...(this.#after[this.#graph.start] ?? [])].map((right) =>
      this.#junction(this.#graph.start, silence, right),
    )
    const units = this.#units
    const next = rows(units.map((unit) => unit.next))
    const exit = rows(units.map((unit) => unit.exits))
    const entry = rows(this.#entries)
    return {
      unitCount: units.length,
      senones: Uint16Array.from(
        units.flatMap(({ sequence }) => [...this.#model.sequences.subarray(3 * sequence, 3 * sequence + 3)]),
      ),
      phone: Uint8Array.from(units, (unit) => unit.phone),
      word: Int32Array.from(units, (unit) => unit.word),
      exitWeight: Float32Array.from(units, (unit) => unit.exitWeight),
      nextFirst: next.first,
      nextUnits: next.values,
      exitFirst: exit.first,
      exitJunctions: exit.values,
      junctionCount: this.#entries.length,
      stateOf: Int32Array.from(this.#stateOf),
      stateCount: this.#graph.arcs.length,
      startState: this.#graph.start,
      isFinalState: Uint8Array.from(this.#graph.arcs, (_, state) => (this.#graph.finals.has(state) ? 1 : 0)),
      entryFirst: entry.first,
      entryUnits: entry.values,
      isFinal: Uint8Array.from({ length: this.#entries.length }, (_, i) => this.#final[i] ?? 0),
      startJunctions: Int32Array.from(starts),
      words: this.#words,
    }
  }
}

function rows(lists: readonly (readonly number[])[]): { first: Int32Array; values: Int32Array } {
  const first = new Int32Array(lists.length + 1)
  lists.forEach((list, i) => (first[i + 1] = (first[i] ?? 0) + list.length))
  return { first, values: Int32Array.from(lists.flat()) }
}
