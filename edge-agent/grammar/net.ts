/**
 * A grammar as a finite automaton over words, with the marks that say where a slot begins and ends. From one net come
 * the decoder's word graph (marks and typed tokens dropped) and the text parser's search.
 */
import type { WordArc, WordGraph } from './word-graph.ts'

export type NetLabel =
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'empty' }
  /** Any one word; when `spoken`, heard through the background vocabulary too, else only typed. */
  | { readonly kind: 'open'; readonly spoken: boolean }
  /** A token as people type it, and nobody says: `text`, or any number in digits. */
  | { readonly kind: 'typed'; readonly text: string | null }
  /** `limits`: the least and the most of a number, or how many digits; null for any. */
  | {
      readonly kind: 'begin'
      readonly slot: string
      readonly type: string
      readonly limits: { readonly from: number; readonly to: number } | null
    }
  /** `value` where the words between stand for a thing of a list. */
  | { readonly kind: 'end'; readonly slot: string; readonly value: string | null }

export interface NetArc {
  readonly from: number
  readonly to: number
  readonly label: NetLabel
  /** Natural log, at most 0. */
  readonly logWeight: number
}

export interface Net {
  readonly arcs: readonly NetArc[]
  readonly stateCount: number
  readonly start: number
  /** Final state -> the intent that ends there. */
  readonly finals: ReadonlyMap<number, string>
  /** From one wish to the next within an utterance: heard, and taken apart again by who understands the text. */
  readonly joins: readonly NetArc[]
}

/** Builds a net state by state. */
export class NetBuilder {
  readonly #arcs: NetArc[] = []
  readonly #joins: NetArc[] = []
  readonly #finals = new Map<number, string>()
  #count = 1

  state(): number {
    return this.#count++
  }

  arc(from: number, to: number, label: NetLabel, logWeight = 0): void {
    this.#arcs.push({ from, to, label, logWeight })
  }

  /** A chain of words from `from` to a new state, or to `to`. */
  words(from: number, words: readonly string[], to: number = this.state()): number {
    let at = from
    for (const [index, word] of words.entries()) {
      const next = index === words.length - 1 ? to : this.state()
      this.arc(at, next, { kind: 'word', word })
      at = next
    }
    if (words.length === 0) this.arc(from, to, { kind: 'empty' })
    return to
  }

  /** A chain of tokens as they are typed, from `from` to a new state, which is returned. */
  typed(from: number, tokens: readonly string[]): number {
    let at = from
    for (const text of tokens) {
      const next = this.state()
      this.arc(at, next, { kind: 'typed', text })
      at = next
    }
    return at
  }

  /** As `words`, for a join. */
  join(from: number, words: readonly string[], to: number, logWeight: number): void {
    let at = from
    for (const [index, word] of words.entries()) {
      const next = index === words.length - 1 ? to : this.state()
      this.#joins.push({
        from: at,
        to: next,
        label: { kind: 'word', word },
        logWeight: index === 0 ? logWeight : 0,
      })
      at = next
    }
    if (words.length === 0) this.#joins.push({ from, to, label: { kind: 'empty' }, logWeight })
  }

  end(state: number, intent: string): void {
    this.#finals.set(state, intent)
  }

  build(): Net {
    return { arcs: this.#arcs, stateCount: this.#count, start: 0, finals: this.#finals, joins: this.#joins }
  }
}

/** What can be heard of a net. */
export function wordGraphOf(net: Net): WordGraph {
  const arcs: WordArc[] = []
  for (const { from, to, label, logWeight } of [...net.arcs, ...net.joins]) {
    if (label.kind === 'typed' || (label.kind === 'open' && !label.spoken)) continue
    if (label.kind === 'open') arcs.push({ from, to, word: null, logWeight, open: 'word' })
    else arcs.push({ from, to, word: label.kind === 'word' ? label.word : null, logWeight })
  }
  return { start: net.start, stateCount: net.stateCount, finals: new Set(net.finals.keys()), arcs }
}
