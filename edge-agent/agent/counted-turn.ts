/** What a turn adds to the counts of the bundles that took it. */
import type { TurnResult } from '../turn/result.ts'
import type { TakenTurn } from '../update/health.ts'

/** What was decided by a person, or taken back by one: the model was of no help. */
const INTERVENTIONS: ReadonlySet<string> = new Set(['human.ask', 'undo'])

/** Null where nobody spoke: that is no turn. */
export function countedTurn({
  transcript,
  understood,
  outcome,
  effects,
  timings,
}: TurnResult): TakenTurn | null {
  if (transcript.kind === 'nothing') return null
  return {
    latencyMs: timings.endToOutcomeMs,
    confidence: understood?.confidence ?? transcript.confidence,
    intervened:
      outcome.kind === 'inbox' ||
      effects.some(({ action, verdict }) => verdict === 'performed' && INTERVENTIONS.has(action)),
  }
}
