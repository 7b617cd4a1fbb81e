/**
 * Turns command expressions into a word graph, for evaluation on published benchmarks: `[a, b c]` are alternatives,
 * `$slot:name` stands for the slot's phrases, everything else is spoken as it is.
 */
import type { WordArc, WordGraph } from '../grammar/word-graph.ts'

export interface Expressions {
  readonly intents: Readonly<Record<string, readonly string[]>>
  readonly slots: Readonly<Record<string, readonly string[]>>
}

export interface SlotReading {
  readonly intent: string
  readonly slots: Readonly<Record<string, string>>
}

type Piece = { readonly phrases: readonly string[]; readonly slot: string | null }

function pieces(expression: string, slots: Expressions['slots']): Piece[] {
  const out: Piece[] = []
  const pattern = /\[([^\]]*)\]|\$(\w+):(\w+)|([^\s[\]]+)/g
  for (const [, choice, slot, name, word] of expression.matchAll(pattern)) {
    if (choice !== undefined)
      out.push({ phrases: choice.split(',').map((phrase) => phrase.trim()), slot: null })
    else if (slot !== undefined) out.push({ phrases: slots[slot] ?? [], slot: name ?? slot })
    else if (word !== undefined) out.push({ phrases: [word], slot: null })
  }
  return out
}

function spoken(phrase: string): string[] {
  return phrase
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
}

export function expressionGraph(expressions: Expressions): WordGraph {
  const arcs: WordArc[] = []
  const finals = new Set<number>()
  let count = 1
  for (const expression of Object.values(expressions.intents).flat()) {
    let from = 0
    for (const piece of pieces(expression, expressions.slots)) {
      const end = count++
      for (const phrase of piece.phrases) {
        const words = spoken(phrase)
        let at = from
        words.forEach((word, i) => {
          const to = i === words.length - 1 ? end : count++
          arcs.push({ from: at, to, word, logWeight: 0 })
          at = to
        })
      }
      from = end
    }
    finals.add(from)
  }
  return { start: 0, stateCount: count, finals, arcs }
}

/** Every way in which the expressions produce exactly these words; the longest slot phrases are tried first. */
export function readSlots(expressions: Expressions, text: string): SlotReading | undefined {
  const words = spoken(text)
  for (const [intent, list] of Object.entries(expressions.intents))
    for (const expression of list) {
      const slots = match(pieces(expression, expressions.slots), words, 0)
      if (slots !== undefined) return { intent, slots: Object.fromEntries(slots) }
    }
  return undefined
}

function match(list: readonly Piece[], words: readonly string[], at: number): [string, string][] | undefined {
  const [piece, ...rest] = list
  if (piece === undefined) return at === words.length ? [] : undefined
  for (const phrase of piece.phrases) {
    const own = spoken(phrase)
    if (!own.every((word, i) => words[at + i] === word)) continue
    const tail = match(rest, words, at + own.length)
    if (tail !== undefined) return piece.slot === null ? tail : [[piece.slot, phrase], ...tail]
  }
  return undefined
}
