/**
 * What a turn comes to, decided without touching anything: act, ask back, send it to a person, or do nothing.
 * Confidence under the threshold never acts (capability C8): it asks back when a word from the speaker can settle it, and
 * becomes an inbox item when it was asked before or when nothing sensible can be asked.
 */
import type { JsonObject } from '../../shared/json.ts'

export interface Understood {
  readonly intent: string
  readonly confidence: number
  readonly slots: JsonObject
  /** Slots that the intent needs and nobody said. */
  readonly missing: readonly string[]
  readonly effectful: boolean
}

export interface Thresholds {
  /** At or above: act. */
  readonly act: number
  /** At or above, and under `act`: ask "did you mean …?". Under it: a person decides. */
  readonly ask: number
}

/** The policy's thresholds with those that a domain sets for one intent: neither loosens the other. */
export function stricter(
  policy: Thresholds,
  intent: { readonly act: number | null; readonly ask: number | null },
): Thresholds {
  return { act: Math.max(policy.act, intent.act ?? 0), ask: Math.max(policy.ask, intent.ask ?? 0) }
}

/** What the device asked a moment ago and waits for an answer to. */
export type OpenQuestion = {
  readonly intent: string
  readonly slots: JsonObject
  readonly missing: readonly string[]
}

export type TurnDecision =
  | { readonly kind: 'nothing_heard' }
  | { readonly kind: 'act'; readonly intent: string; readonly slots: JsonObject; readonly confirmed: boolean }
  | { readonly kind: 'confirm'; readonly question: OpenQuestion }
  | { readonly kind: 'ask_slot'; readonly question: OpenQuestion; readonly slot: string }
  | {
      readonly kind: 'inbox'
      readonly reason: 'low_confidence' | 'out_of_scope' | 'asked_twice'
      readonly transcript: string
    }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'nothing_to_amend' }

export interface TurnFacts {
  /** Null when nothing was heard. */
  readonly transcript: string | null
  readonly understood: Understood | null
  readonly open: OpenQuestion | null
  readonly thresholds: Thresholds
}

const CONFIRM = 'turn.confirm'
const DENY = 'turn.deny'
/** "No, five seven" where nothing was said before that it could change. */
const AMEND = 'turn.amend'

export function decideTurn(facts: TurnFacts): TurnDecision {
  const { transcript, understood, open, thresholds } = facts
  if (transcript === null || transcript.length === 0) return { kind: 'nothing_heard' }
  if (understood === null || understood.intent === 'out_of_scope')
    return { kind: 'inbox', reason: 'out_of_scope', transcript }
  const { intent, slots, missing, confidence } = understood
  if (intent === AMEND) return { kind: 'nothing_to_amend' }
  const sure = confidence >= thresholds.act
  if (open !== null && sure && intent === DENY) return { kind: 'withdrawn' }
  if (open !== null && sure && intent === CONFIRM) return confirmed(open, transcript)
  if (!sure && understood.effectful) {
    if (open !== null) return { kind: 'inbox', reason: 'asked_twice', transcript }
    if (confidence < thresholds.ask) return { kind: 'inbox', reason: 'low_confidence', transcript }
    return { kind: 'confirm', question: { intent, slots, missing } }
  }
  if (confidence < thresholds.ask) return { kind: 'inbox', reason: 'low_confidence', transcript }
  const filled = open !== null && open.intent === intent ? { ...open.slots, ...slots } : slots
  const still = missing.filter((slot) => filled[slot] === undefined)
  const [first] = still
  if (first !== undefined)
    return { kind: 'ask_slot', question: { intent, slots: filled, missing: still }, slot: first }
  return { kind: 'act', intent, slots: filled, confirmed: false }
}

function confirmed(open: OpenQuestion, transcript: string): TurnDecision {
  const [first] = open.missing
  if (first !== undefined) return { kind: 'inbox', reason: 'asked_twice', transcript }
  return { kind: 'act', intent: open.intent, slots: open.slots, confirmed: true }
}
