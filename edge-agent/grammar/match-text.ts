/** Finds the best way in which a net produces a text: one pass over the words, the best path kept for each state. */
import type { JsonObject } from '../../shared/json.ts'
import type { Net, NetArc, NetLabel } from './net.ts'
import { slotValue } from './slot-types.ts'

export interface TextMatch {
  readonly intent: string
  readonly slots: JsonObject
  /** Which words each slot stands for: from the first to before `to`. */
  readonly ranges: Readonly<Record<string, WordRange>>
  /** Sum of log weights; 0 for words that are all of a template. */
  readonly score: number
  /** Words that stood for an open slot. */
  readonly openWords: number
}

export interface WordRange {
  readonly from: number
  readonly to: number
}

/** What an open word costs, so that a template that names the word wins. */
const OPEN_WORD = -0.5
const NUMERAL = /^\d+(?:\.\d+)?$/

interface Path {
  readonly score: number
  readonly openWords: number
  readonly marks: Mark | null
}
interface Mark {
  readonly before: Mark | null
  readonly label: Extract<NetLabel, { kind: 'begin' | 'end' }>
  /** Words read before it. */
  readonly at: number
}

export class TextMatcher {
  readonly #net: Net
  readonly #leaving: readonly (readonly NetArc[])[]
  /** What no word leads to: the same for every text. */
  readonly #begun: ReadonlyMap<number, Path>

  constructor(net: Net) {
    this.#net = net
    const leaving: NetArc[][] = Array.from({ length: net.stateCount }, () => [])
    for (const arc of net.arcs) leaving[arc.from]?.push(arc)
    this.#leaving = leaving
    this.#begun = this.#closed(new Map([[net.start, { score: 0, openWords: 0, marks: null }]]), 0)
  }

  /** Null when the net does not produce the words. */
  match(words: readonly string[]): TextMatch | null {
    let paths = this.#begun
    for (const [index, word] of words.entries()) {
      const next = new Map<number, Path>()
      for (const [state, path] of paths)
        for (const arc of this.#leaving[state] ?? []) this.#step(next, arc, path, word)
      paths = this.#closed(next, index + 1)
      if (paths.size === 0) return null
    }
    return this.#best(paths, words)
  }

  #step(next: Map<number, Path>, { to, label, logWeight }: NetArc, path: Path, word: string): void {
    if (label.kind === 'word' && label.word === word)
      better(next, to, { ...path, score: path.score + logWeight })
    else if (label.kind === 'typed' && (label.text === null ? NUMERAL.test(word) : label.text === word))
      better(next, to, { ...path, score: path.score + logWeight })
    else if (label.kind === 'open')
      better(next, to, {
        marks: path.marks,
        openWords: path.openWords + 1,
        score: path.score + logWeight + OPEN_WORD,
      })
  }

  /** Follows arcs that take no word. */
  #closed(paths: Map<number, Path>, at: number): Map<number, Path> {
    const queue = [...paths.keys()]
    for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
      const path = paths.get(state)
      if (path === undefined) continue
      for (const { to, label, logWeight } of this.#leaving[state] ?? []) {
        if (label.kind === 'word' || label.kind === 'open' || label.kind === 'typed') continue
        const marks = label.kind === 'empty' ? path.marks : { before: path.marks, label, at }
        const followed = { score: path.score + logWeight, openWords: path.openWords, marks }
        if (better(paths, to, followed)) queue.push(to)
      }
    }
    return paths
  }

  #best(paths: ReadonlyMap<number, Path>, words: readonly string[]): TextMatch | null {
    let best: { readonly path: Path; readonly intent: string } | null = null
    for (const [state, intent] of this.#net.finals) {
      const path = paths.get(state)
      if (path !== undefined && (best === null || path.score > best.path.score)) best = { path, intent }
    }
    if (best === null) return null
    const read = slotsOf(best.path.marks, words)
    if (read === null) return null
    return { intent: best.intent, ...read, score: best.path.score, openWords: best.path.openWords }
  }
}

function better(paths: Map<number, Path>, state: number, path: Path): boolean {
  const held = paths.get(state)
  if (held !== undefined && held.score >= path.score) return false
  paths.set(state, path)
  return true
}

function slotsOf(marks: Mark | null, words: readonly string[]): Pick<TextMatch, 'slots' | 'ranges'> | null {
  const slots: Record<string, JsonObject[string]> = {}
  const ranges: Record<string, WordRange> = {}
  let end: Mark | null = null
  for (let mark = marks; mark !== null; mark = mark.before) {
    if (mark.label.kind === 'end') end = mark
    else if (end !== null && end.label.kind === 'end') {
      const value = slotValue(mark.label, words.slice(mark.at, end.at), end.label.value)
      // Number words that make no number, or one outside its range: the template does not fit after all.
      if (value === null) return null
      slots[mark.label.slot] = value
      ranges[mark.label.slot] = { from: mark.at, to: end.at }
    }
  }
  return { slots, ranges }
}
