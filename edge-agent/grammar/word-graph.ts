/**
 * A word graph: the finite automaton over words that a domain's grammar compiles to. The speech decoder searches it,
 * the text parser walks it, so what can be heard and what can be understood are one thing.
 */
export interface WordGraph {
  readonly start: number
  readonly stateCount: number
  readonly finals: ReadonlySet<number>
  readonly arcs: readonly WordArc[]
}

export interface WordArc {
  readonly from: number
  readonly to: number
  /** Lower-case word as in the lexicon, or null for an arc that consumes nothing. */
  readonly word: string | null
  /** Natural-log weight, at most 0; the weights leaving a state need not sum to one. */
  readonly logWeight: number
  /** Present on open arcs: any word (or words) may stand here, heard through the background loop. */
  readonly open?: 'word' | 'words'
}
