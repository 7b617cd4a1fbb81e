/** Several wishes of one utterance, in the order in which they were said. Pure. */
import type { Wish } from '../intent/wish.ts'
import type { Meaning, TurnMemory } from './ports.ts'
import type { TurnOutcome } from './result.ts'

/**
 * What is to be carried out for a meaning. A change of what was done already is two wishes: undo, then the changed one; so that
 * a refused undo leaves the first standing alone.
 */
export function wishesOf(meaning: Meaning, memory: TurnMemory): readonly Wish[] {
  const { further, amends, text: _text, runtimeMs: _runtimeMs, ...first } = meaning
  const undoes =
    amends && memory.open === null && memory.last?.intent === first.intent && memory.last.undoable
  return [...(undoes ? [undoing(first)] : []), first, ...further]
}

/** As sure as the change that asks for it. */
function undoing({ confidence, route }: Wish): Wish {
  return { intent: 'undo', confidence, slots: {}, spans: {}, missing: [], effectful: true, route }
}

/** One outcome for all: the last that was come to, with everything that is to be said; `undone` are the wishes that were left. */
export function joinedOutcome(outcomes: readonly TurnOutcome[], left: readonly string[]): TurnOutcome {
  const last = outcomes.at(-1) ?? { kind: 'nothing', say: '' }
  const says = outcomes.map(({ say }) => say)
  if (left.length > 0) says.push(`Not done: ${left.join(', ')}.`)
  return { ...last, say: says.join(' ') }
}
