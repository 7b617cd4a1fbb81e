/** How well sentences are understood: pure, from what was meant and what was understood. */
import type { JsonObject } from '../../shared/json.ts'
import { OUT_OF_SCOPE } from '../intent/wish.ts'
import { calibration, quantiles, rate, type Calibration, type Quantiles, type Rate } from './statistics.ts'
import type { TextTest } from './text-tests.ts'

export interface TextOutcome {
  readonly test: TextTest
  readonly understood: { readonly intent: string; readonly confidence: number; readonly slots: JsonObject }
  /** Confidence under which the domain and the policy have a person decide. */
  readonly ask: number
  readonly tookMs: number
}

export interface SlotFigures {
  readonly slot: string
  readonly right: number
  readonly wrong: number
  readonly missing: number
  readonly extra: number
}

export interface TextReport {
  readonly sentences: number
  /** The intent is right; of sentences that want something. */
  readonly accuracy: Rate
  /** Intent and every slot that the test names are right, and no other slot is there. */
  readonly accepted: Rate
  /** Sentences that want nothing, and are left alone. */
  readonly rejected: Rate
  /** Sentences that want something, and are left alone. */
  readonly falselyRejected: Rate
  readonly intents: readonly { readonly intent: string; readonly recall: Rate; readonly precision: Rate }[]
  readonly confusion: readonly {
    readonly meant: string
    readonly understood: string
    readonly count: number
  }[]
  readonly slots: readonly SlotFigures[]
  readonly calibration: Calibration
  readonly tookMs: Quantiles
}

export function textReport(outcomes: readonly TextOutcome[]): TextReport {
  const wishes = outcomes.filter(({ test }) => test.intent !== OUT_OF_SCOPE)
  const foreign = outcomes.filter(({ test }) => test.intent === OUT_OF_SCOPE)
  const isRight = (outcome: TextOutcome): boolean => answerOf(outcome) === outcome.test.intent
  const named = [
    ...new Set(outcomes.flatMap((outcome) => [outcome.test.intent, answerOf(outcome)])),
  ].toSorted()
  return {
    sentences: outcomes.length,
    accuracy: share(wishes, isRight),
    accepted: share(wishes, (outcome) => isRight(outcome) && hasRightSlots(outcome)),
    rejected: share(foreign, isRight),
    falselyRejected: share(wishes, (outcome) => answerOf(outcome) === OUT_OF_SCOPE),
    intents: named.map((intent) => ({
      intent,
      recall: share(
        outcomes.filter(({ test }) => test.intent === intent),
        isRight,
      ),
      precision: share(
        outcomes.filter((outcome) => answerOf(outcome) === intent),
        isRight,
      ),
    })),
    confusion: confusionOf(outcomes.filter((outcome) => !isRight(outcome))),
    slots: slotFigures(wishes.filter(isRight)),
    calibration: calibration(
      outcomes.map((outcome) => ({ confidence: outcome.understood.confidence, right: isRight(outcome) })),
    ),
    tookMs: quantiles(outcomes.map(({ tookMs }) => tookMs)),
  }
}

/** What is acted on or asked back; less sure is as good as not understood. */
function answerOf({ understood, ask }: TextOutcome): string {
  return understood.intent !== OUT_OF_SCOPE && understood.confidence < ask ? OUT_OF_SCOPE : understood.intent
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): Rate {
  return rate(items.filter(holds).length, items.length)
}

function hasRightSlots({ test, understood }: TextOutcome): boolean {
  if (test.slots === null) return true
  const names = new Set([...Object.keys(test.slots), ...Object.keys(understood.slots)])
  return [...names].every((name) => isSame(test.slots?.[name], understood.slots[name]))
}

function confusionOf(wrong: readonly TextOutcome[]): TextReport['confusion'] {
  const counts = new Map<string, { meant: string; understood: string; count: number }>()
  for (const outcome of wrong) {
    const pair = { meant: outcome.test.intent, understood: answerOf(outcome) }
    const key = `${pair.meant} ${pair.understood}`
    counts.set(key, { ...pair, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count || (a.meant < b.meant ? -1 : 1))
}

function slotFigures(right: readonly TextOutcome[]): readonly SlotFigures[] {
  const figures = new Map<string, { right: number; wrong: number; missing: number; extra: number }>()
  for (const { test, understood } of right) {
    if (test.slots === null) continue
    for (const slot of new Set([...Object.keys(test.slots), ...Object.keys(understood.slots)])) {
      const held = figures.get(slot) ?? { right: 0, wrong: 0, missing: 0, extra: 0 }
      held[kindOf(test.slots[slot], understood.slots[slot])] += 1
      figures.set(slot, held)
    }
  }
  return [...figures]
    .map(([slot, counts]) => ({ slot, ...counts }))
    .toSorted((a, b) => (a.slot < b.slot ? -1 : 1))
}

function kindOf(wanted: unknown, got: unknown): 'right' | 'wrong' | 'missing' | 'extra' {
  if (wanted === undefined) return 'extra'
  if (got === undefined) return 'missing'
  return isSame(wanted, got) ? 'right' : 'wrong'
}

/** Case and spaces around do not count, nor whether a number was written as one. */
function isSame(wanted: unknown, got: unknown): boolean {
  return plain(wanted) === plain(got)
}

function plain(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? value.trim().toLowerCase() : JSON.stringify(value ?? null)
}
