/** Sentences of a grammar by a random walk through its net. */
import type { Net, NetArc } from '../../grammar/net.ts'

/** A loop that goes on longer is given up. */
const MAX_STEPS = 400
/** How often a walk ends where it may. */
const END_SHARE = 0.7

/** A sentence, or null when the walk was lost; `open` gives the words of an open slot. */
export function walker(net: Net, random: () => number, open: () => string): () => string | null {
  const leaving: NetArc[][] = Array.from({ length: net.stateCount }, () => [])
  for (const arc of net.arcs) if (arc.label.kind !== 'typed') leaving[arc.from]?.push(arc)
  return () => {
    const words: string[] = []
    let state = net.start
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const arcs = leaving[state] ?? []
      if (net.finals.has(state) && (arcs.length === 0 || random() < END_SHARE)) return words.join(' ')
      const arc = arcs[Math.floor(random() * arcs.length)]
      if (arc === undefined) return null
      if (arc.label.kind === 'word') words.push(arc.label.word)
      if (arc.label.kind !== 'open') state = arc.to
      else {
        words.push(open())
        const closing = (leaving[arc.to] ?? []).find(({ label }) => label.kind === 'end')
        state = closing?.to ?? arc.to
      }
    }
    return null
  }
}

/** What is said to the device before and after anything: no part of what is noted. */
const POLITE = /^(?:please|okay|hey starling|starling) | (?:please|now|thanks|thank you)$/g

export function withoutPoliteness(sentence: string): string {
  return sentence.replace(POLITE, '')
}
