/**
 * What a word of a grammar costs where it competes with words of the language model: as if every word that may stand there were as
 * likely as any other. Without a cost, strings of numbers were heard in whatever a note said.
 */
import type { SentenceGraph } from './sentence-graph.ts'

/** The graph with `weight` times the log likelihood of each word on its arcs; open arcs are weighed by the language model. */
export function withChoices(graph: SentenceGraph, weight: number): SentenceGraph {
  const arcs = graph.arcs.map((list, state) => {
    const choices = new Set(list.map(({ word }) => word)).size + (graph.finals.has(state) ? 1 : 0)
    const cost = weight * Math.log(Math.max(1, choices))
    return list.map((arc) => (arc.open ? arc : { ...arc, logWeight: arc.logWeight - cost }))
  })
  return { ...graph, arcs }
}
