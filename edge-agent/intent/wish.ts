/** What one stretch of words wishes. */
import type { Json, JsonObject } from '../../shared/json.ts'
import type { DomainIntent } from '../grammar/domain.ts'
import type { WordRange } from '../grammar/match-text.ts'
import type { Token } from './normalise.ts'

export const OUT_OF_SCOPE = 'out_of_scope'

/** Where a slot's value was said: `text` is what stands from character `start` to before `end`. */
export type SlotSpan = {
  readonly value: Json
  readonly text: string
  readonly start: number
  readonly end: number
}

export type Wish = {
  readonly intent: string
  readonly confidence: number
  /** Slot -> value, typed and in one form: "four point two" is 4.2, "pump one" the pump's full name. */
  readonly slots: JsonObject
  readonly spans: Readonly<Record<string, SlotSpan>>
  /** Slots that the intent needs and nobody said. */
  readonly missing: readonly string[]
  readonly effectful: boolean
  readonly route: 'grammar' | 'classifier'
}

/** Slots as read from tokens. */
export interface ReadSlots {
  readonly slots: JsonObject
  readonly ranges: Readonly<Record<string, WordRange>>
}

/** The words as they stand in a text. */
export interface Said {
  readonly text: string
  readonly tokens: readonly Token[]
}

export function wishOf(
  intent: DomainIntent,
  { text, tokens }: Said,
  read: ReadSlots & Pick<Wish, 'confidence' | 'route'>,
): Wish {
  const spans: Record<string, SlotSpan> = {}
  for (const [slot, { from, to }] of Object.entries(read.ranges)) {
    const words = tokens.slice(from, to)
    const start = Math.min(...words.map((word) => word.start))
    const end = Math.max(...words.map((word) => word.end))
    spans[slot] = { value: read.slots[slot] ?? null, text: text.slice(start, end), start, end }
  }
  return {
    intent: intent.name,
    confidence: read.confidence,
    slots: read.slots,
    spans,
    missing: intent.required.filter((slot) => read.slots[slot] === undefined),
    effectful: intent.effectful,
    route: read.route,
  }
}

export function outOfScope(confidence: number, route: Wish['route']): Wish {
  return { intent: OUT_OF_SCOPE, confidence, slots: {}, spans: {}, missing: [], effectful: false, route }
}
