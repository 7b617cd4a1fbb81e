/**
 * Makes a word graph cheap to search: empty arcs are taken out, dead states dropped, equal prefixes joined (subset
 * construction over equal labels) and equal suffixes joined (partition refinement). The language and its weights stay.
 */
import type { WordGraph } from '../grammar/word-graph.ts'
import { GrammarRefused } from './errors.ts'

/** More arcs than this would not fit a small device once spread over triphones. */
export const MAX_GRAMMAR_ARCS = 400_000

export interface Arc {
  readonly to: number
  readonly word: string
  readonly logWeight: number
  readonly open: boolean
}

export interface SentenceGraph {
  readonly start: number
  /** Arcs leaving each state; no arc is empty. */
  readonly arcs: readonly (readonly Arc[])[]
  readonly finals: ReadonlySet<number>
}

/** Stands in the graph where any word of the open vocabulary may: no lexicon has it. */
export const ANY_WORD = '*'

export function sentenceGraph(graph: WordGraph): SentenceGraph {
  const wide = withoutEmpty(loosened(graph))
  if (wide.finals.size === 0)
    throw new GrammarRefused('the grammar has no sentence: no end can be reached from its start', {
      remedy: 'Give the grammar at least one complete sentence.',
    })
  return joinSuffixes(joinPrefixes(wide))
}

interface LooseArc {
  readonly to: number
  readonly word: string | null
  readonly logWeight: number
  readonly open: boolean
}

interface LooseGraph {
  readonly start: number
  readonly arcs: LooseArc[][]
  readonly finals: ReadonlySet<number>
}

function loosened(graph: WordGraph): LooseGraph {
  const arcs: LooseArc[][] = Array.from({ length: graph.stateCount }, () => [])
  for (const arc of graph.arcs) {
    const from = arcs[arc.from]
    if (from === undefined || arc.to >= graph.stateCount)
      throw new GrammarRefused(`an arc joins states ${arc.from} and ${arc.to} of ${graph.stateCount}`, {
        remedy: 'Build the grammar again; its states are numbered from 0.',
      })
    const { to, word, logWeight } = arc
    if (arc.open === undefined) from.push({ to, word, logWeight, open: false })
    else if (arc.open === 'word') from.push({ to, word: ANY_WORD, logWeight, open: true })
    else {
      const loop = arcs.length
      arcs.push([
        { to: loop, word: ANY_WORD, logWeight: 0, open: true },
        { to, word: null, logWeight: 0, open: false },
      ])
      from.push({ to: loop, word: ANY_WORD, logWeight, open: true })
    }
  }
  if (graph.arcs.length > MAX_GRAMMAR_ARCS) throw tooLarge()
  return { start: graph.start, arcs, finals: graph.finals }
}

function tooLarge(): GrammarRefused {
  return new GrammarRefused(`the grammar needs more than ${MAX_GRAMMAR_ARCS} arcs`, {
    remedy: 'Split the grammar, or shorten its lists.',
  })
}

/** Every state reachable by empty arcs alone, with the best weight of getting there. */
function closure(graph: LooseGraph, state: number): Map<number, number> {
  const best = new Map([[state, 0]])
  const queue = [state]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const here = best.get(next) ?? 0
    for (const arc of graph.arcs[next] ?? []) {
      if (arc.word !== null) continue
      const weight = here + Math.min(arc.logWeight, 0)
      if (weight > (best.get(arc.to) ?? -Infinity)) {
        best.set(arc.to, weight)
        queue.push(arc.to)
      }
    }
  }
  return best
}

function withoutEmpty(graph: LooseGraph): SentenceGraph {
  const arcs: Arc[][] = graph.arcs.map(() => [])
  const finals = new Set<number>()
  const seen = new Set([graph.start])
  const queue = [graph.start]
  let count = 0
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const best = new Map<string, Arc>()
    for (const [through, weight] of closure(graph, state)) {
      if (graph.finals.has(through)) finals.add(state)
      for (const arc of graph.arcs[through] ?? []) {
        if (arc.word === null) continue
        const key = `${arc.to} ${arc.word}`
        const logWeight = weight + arc.logWeight
        if (logWeight > (best.get(key)?.logWeight ?? -Infinity))
          best.set(key, { to: arc.to, word: arc.word, logWeight, open: arc.open })
      }
    }
    arcs[state] = [...best.values()]
    count += best.size
    if (count > MAX_GRAMMAR_ARCS) throw tooLarge()
    for (const { to } of best.values()) {
      if (seen.has(to)) continue
      queue.push(to)
      seen.add(to)
    }
  }
  return trim({ start: graph.start, arcs, finals })
}

/** Drops states from which no end can be reached, and numbers the rest from 0. */
function trim(graph: SentenceGraph): SentenceGraph {
  const into: number[][] = graph.arcs.map(() => [])
  graph.arcs.forEach((list, from) => list.forEach((arc) => into[arc.to]?.push(from)))
  const alive = new Set(graph.finals)
  const queue = [...graph.finals]
  for (let state = queue.pop(); state !== undefined; state = queue.pop())
    for (const from of into[state] ?? []) {
      if (alive.has(from)) continue
      alive.add(from)
      queue.push(from)
    }
  if (!alive.has(graph.start)) return { start: 0, arcs: [[]], finals: new Set() }
  const number = new Map<number, number>()
  for (const state of alive) number.set(state, number.size)
  const arcs: Arc[][] = [...alive].map((state) =>
    (graph.arcs[state] ?? []).flatMap((arc) => {
      const to = number.get(arc.to)
      return to === undefined ? [] : [{ ...arc, to }]
    }),
  )
  const finals = new Set([...graph.finals].flatMap((state) => number.get(state) ?? []))
  return { start: number.get(graph.start) ?? 0, arcs, finals }
}

function label(arc: Arc): string {
  return `${arc.word} ${arc.logWeight.toFixed(3)} ${arc.open ? 1 : 0}`
}

/** Subset construction; a graph that would grow beyond four times its size is left as it is. */
function joinPrefixes(graph: SentenceGraph): SentenceGraph {
  const limit = 4 * graph.arcs.length + 1_000
  const number = new Map<string, number>()
  const members: number[][] = []
  const arcs: Arc[][] = []
  const finals = new Set<number>()
  const find = (states: number[]): number => {
    const key = states.join(',')
    const known = number.get(key)
    if (known !== undefined) return known
    number.set(key, members.length)
    members.push(states)
    return members.length - 1
  }
  find([graph.start])
  for (let at = 0; at < members.length; at++) {
    if (members.length > limit) return graph
    const group = members[at] ?? []
    if (group.some((state) => graph.finals.has(state))) finals.add(at)
    const byLabel = new Map<string, { arc: Arc; targets: Set<number> }>()
    for (const state of group) {
      for (const arc of graph.arcs[state] ?? []) {
        const key = label(arc)
        const entry = byLabel.get(key)
        if (entry === undefined) byLabel.set(key, { arc, targets: new Set([arc.to]) })
        else entry.targets.add(arc.to)
      }
    }
    arcs[at] = [...byLabel.values()].map(({ arc, targets }) => ({
      ...arc,
      to: find([...targets].sort((a, b) => a - b)),
    }))
  }
  return { start: 0, arcs, finals }
}

/** Moore's refinement until no class splits. */
function joinSuffixes(graph: SentenceGraph): SentenceGraph {
  let kind: number[] = graph.arcs.map((_, state) => (graph.finals.has(state) ? 1 : 0))
  const labels = graph.arcs.map((list) => list.map(label))
  for (let classes = 0; ;) {
    const number = new Map<string, number>()
    const refined = graph.arcs.map((list, state) => {
      const out = list.map((arc, i) => `${labels[state]?.[i]} ${kind[arc.to]}`).sort()
      const key = `${kind[state]}|${out.join('|')}`
      const known = number.get(key) ?? number.size
      number.set(key, known)
      return known
    })
    kind = refined
    if (number.size === classes) break
    classes = number.size
  }
  const arcs: Arc[][] = []
  const finals = new Set<number>()
  graph.arcs.forEach((list, state) => {
    const own = kind[state] ?? 0
    if (arcs[own] !== undefined) return
    const unique = new Map(
      list.map((arc) => [`${label(arc)} ${kind[arc.to]}`, { ...arc, to: kind[arc.to] ?? 0 }]),
    )
    arcs[own] = [...unique.values()]
    if (graph.finals.has(state)) finals.add(own)
  })
  return { start: kind[graph.start] ?? 0, arcs, finals }
}
