/** Looks for an intent's slots in words that no template reads: each slot by itself, the longest stretch that is one. */
import type { JsonObject } from '../../shared/json.ts'
import { compileDomain, type KnownNames } from '../grammar/compile.ts'
import type { Domain, DomainIntent } from '../grammar/domain.ts'
import { TextMatcher } from '../grammar/match-text.ts'
import type { TemplateNode } from '../grammar/template.ts'

/** Longer names and numbers are not spoken. */
const MAX_STRETCH = 8

export function spotSlots(
  domain: Domain,
  intent: DomainIntent,
  words: readonly string[],
  names: KnownNames,
): JsonObject {
  const slots: Record<string, JsonObject[string]> = {}
  const taken = new Set<number>()
  for (const slot of slotsNamedBy(domain, intent)) {
    const spec = domain.slots[slot]
    if (spec === undefined || spec.type === 'text') continue
    const matcher = matcherOf(domain, slot, names)
    const found = longest(matcher, words, taken)
    const value = found === null ? undefined : found.slots[slot]
    if (found === null || value === undefined) continue
    slots[slot] = value
    for (let at = found.from; at < found.to; at += 1) taken.add(at)
  }
  // A note that no template reads is noted as it was said: nothing of it is lost.
  if (intent.required.includes('text')) slots['text'] = words.join(' ')
  return slots
}

/** A grammar that is nothing but the slot, with names that are known. */
function matcherOf(domain: Domain, slot: string, names: KnownNames): TextMatcher {
  const spec = domain.slots[slot]
  const intents = [
    {
      name: 'slot',
      effectful: false,
      phrase: 'slot',
      required: [],
      thresholds: { act: null, ask: null },
      templates: [{ kind: 'slot' as const, slot }],
    },
  ]
  return new TextMatcher(
    compileDomain({ ...domain, intents, slots: spec === undefined ? {} : { [slot]: spec } }, names),
  )
}

function longest(
  matcher: TextMatcher,
  words: readonly string[],
  taken: ReadonlySet<number>,
): { readonly slots: JsonObject; readonly from: number; readonly to: number } | null {
  for (let size = Math.min(MAX_STRETCH, words.length); size > 0; size -= 1)
    for (let from = 0; from + size <= words.length; from += 1) {
      if (hasTaken(taken, from, from + size)) continue
      const match = matcher.match(words.slice(from, from + size))
      if (match !== null && match.openWords === 0) return { slots: match.slots, from, to: from + size }
    }
  return null
}

function hasTaken(taken: ReadonlySet<number>, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (taken.has(at)) return true
  return false
}

function slotsNamedBy(domain: Domain, intent: DomainIntent): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (node: TemplateNode): void => {
    if (node.kind === 'slot') found.add(node.slot)
    else if (node.kind === 'sequence') node.items.forEach(visit)
    else if (node.kind === 'choice') node.options.forEach(visit)
    else if (node.kind === 'optional') visit(node.item)
    else if (node.kind === 'phrase') {
      const phrase = domain.phrases[node.phrase]
      if (phrase !== undefined) visit(phrase)
    }
  }
  intent.templates.forEach(visit)
  // Units before counts: "four bar" is a value with its unit, not four of something.
  return new Set([...found].toSorted((a, b) => RANK(a) - RANK(b)))
}

const RANK = (slot: string): number =>
  ['unit', 'quantity', 'part', 'asset', 'value', 'work_order', 'count'].indexOf(slot)
