/**
 * Looks for an intent's slots in words that no template reads. What could be two things is left out, so that the device asks:
 * a wrong value is worse than a missing one.
 */
import type { Domain, DomainIntent, SlotSpec } from '../grammar/domain.ts'
import { isWithin } from '../grammar/slot-types.ts'
import { momentAt } from '../grammar/moment-clock.ts'
import { endOfMoment, readMoment } from '../grammar/spoken-moments.ts'
import { AND_GOES_ON, isNumberWord, readDigits, readNumber } from '../grammar/spoken-numbers.ts'
import type { TemplateNode } from '../grammar/template.ts'
import type { SpokenNames } from './spoken-names.ts'
import type { ReadSlots } from './wish.ts'

interface Spot {
  readonly value: string | number
  readonly from: number
  readonly to: number
}
type Found = ReadonlyMap<string, Spot>

export interface Known {
  readonly domain: Domain
  readonly names: SpokenNames
  readonly workOrders: readonly string[]
  /** By which "tomorrow" is a day. */
  clock(): Date
}

export function spotSlots(known: Known, intent: DomainIntent, words: readonly string[]): ReadSlots {
  const found = new Map<string, Spot>()
  const named = slotsNamedBy(known.domain, intent)
  for (const [name, slot] of named) {
    const spec = known.domain.slots[slot]
    const spot = spec?.type === 'list' ? onlyName(known.names, slot, words, found) : null
    if (spot !== null) found.set(name, spot)
  }
  for (const [name, slot] of named) {
    const spec = known.domain.slots[slot]
    const spot = spec === undefined ? null : numeric(spec, known, words, found)
    if (spot !== null && spec !== undefined && isSayable(spec, spot.value)) found.set(name, spot)
  }
  return datedSlots(known, intent, {
    slots: Object.fromEntries([...found].map(([name, { value }]) => [name, value])),
    ranges: Object.fromEntries([...found].map(([name, { from, to }]) => [name, { from, to }])),
  })
}

/** Moments as the clock has them; a day that no month has is left out. */
export function datedSlots(known: Known, intent: DomainIntent, read: ReadSlots): ReadSlots {
  const slots = { ...read.slots }
  const ranges = { ...read.ranges }
  for (const [name, slot] of slotsNamedBy(known.domain, intent)) {
    const said = slots[name]
    if (known.domain.slots[slot]?.type !== 'datetime' || typeof said !== 'string') continue
    const moment = readMoment(said.split(' '))
    const value = moment === null ? null : momentAt(moment, known.clock())
    if (value !== null) slots[name] = value
    else {
      delete slots[name]
      delete ranges[name]
    }
  }
  return { slots, ranges }
}

/** The longest words that are a moment; null when there are two apart. */
function onlyMoment(words: readonly string[]): Spot | null {
  const found: Spot[] = []
  for (let from = 0; from < words.length; from += 1) {
    const to = endOfMoment(words, from)
    if (to === from) continue
    found.push({ value: words.slice(from, to).join(' '), from, to })
    from = to - 1
  }
  return only(found)
}

/** The one name of a list in the words; null when there is none, or two different ones. */
function onlyName(names: SpokenNames, slot: string, words: readonly string[], found: Found): Spot | null {
  const spots = names.all(slot, words).filter((spot) => !overlaps(spot, found))
  const [first] = spots
  return first !== undefined && spots.every(({ value }) => value === first.value) ? first : null
}

function numeric(spec: SlotSpec, known: Known, words: readonly string[], found: Found): Spot | null {
  const stretches = numberStretches(words).filter((stretch) => !overlaps(stretch, found))
  switch (spec.type) {
    case 'digits':
      return onlyOrder(stretches, known, words)
    case 'number':
      return onlyValue(stretches, words, found.get('unit'))
    case 'count':
      return known.domain.slots['part'] === undefined
        ? onlyValue(stretches, words, undefined)
        : countBefore(stretches, words, found.get('part'))
    case 'datetime':
      return onlyMoment(words)
    case 'list':
    case 'text':
      return null
  }
}

/** False for a number outside the slot's range. */
function isSayable(spec: SlotSpec, value: string | number): boolean {
  const limits = spec.type === 'digits' ? spec.length : 'range' in spec ? spec.range : undefined
  return limits === undefined || isWithin(value, limits)
}

type Stretch = { readonly from: number; readonly to: number }

/** A known number, or one that was said with more than one word; "this one" is none. */
function onlyOrder(stretches: readonly Stretch[], known: Known, words: readonly string[]): Spot | null {
  const read = stretches.flatMap(({ from, to }) => {
    const value = readDigits(words.slice(from, to))
    const isTyped = /^\d/.test(words[from] ?? '')
    if (value === null || value === '') return []
    return known.workOrders.includes(value) || isTyped || to - from > 1 ? [{ value, from, to }] : []
  })
  const familiar = read.filter(({ value }) => known.workOrders.includes(value))
  return only(familiar.length > 0 ? familiar : read)
}

/** The number before the unit, where there is a unit; else the only number. */
function onlyValue(
  stretches: readonly Stretch[],
  words: readonly string[],
  unit: Spot | undefined,
): Spot | null {
  const read = stretches.flatMap(({ from, to }) => {
    const value = readNumber(words.slice(from, to))
    return value === null ? [] : [{ value, from, to }]
  })
  const measured = unit === undefined ? [] : read.filter(({ to }) => to === unit.from)
  return stretches.length > read.length ? null : only(measured.length > 0 ? measured : read)
}

const COUNT_ONE: ReadonlySet<string> = new Set(['a', 'an', 'another', 'one'])
/** Words that stand between a count and what is counted. */
const BETWEEN_COUNT: ReadonlySet<string> = new Set([
  'more',
  'of',
  'new',
  'x',
  'times',
  'pieces',
  'the',
  'spare',
  'those',
])

function countBefore(
  stretches: readonly Stretch[],
  words: readonly string[],
  part: Spot | undefined,
): Spot | null {
  const read = stretches.flatMap(({ from, to }) => {
    const value = readNumber(words.slice(from, to))
    return value === null || !Number.isInteger(value) || value < 1 ? [] : [{ value, from, to }]
  })
  if (part === undefined) return null
  let at = part.from
  while (BETWEEN_COUNT.has(words[at - 1] ?? '')) at -= 1
  const before = read.find(({ to }) => to === at)
  if (before !== undefined) return before
  if (COUNT_ONE.has(words[at - 1] ?? '')) return { value: 1, from: at - 1, to: at }
  return stretches.length > read.length ? null : only(read)
}

/** Null for none, and for several that differ. */
function only(spots: readonly Spot[]): Spot | null {
  const [first] = spots
  return first !== undefined && spots.every(({ value }) => value === first.value) ? first : null
}

/** Runs of number words, with the "and" and the "and a half" that belong to them. A lone "one" counts nothing. */
function numberStretches(words: readonly string[]): readonly Stretch[] {
  const stretches: Stretch[] = []
  for (let from = 0; from < words.length; from += 1) {
    if (!isNumberWord(words[from] ?? '')) continue
    let to = from + 1
    while (to < words.length) {
      if (isNumberWord(words[to] ?? '')) to += 1
      else if (
        words[to] === 'and' &&
        AND_GOES_ON.has(words[to - 1] ?? '') &&
        isNumberWord(words[to + 1] ?? '')
      )
        to += 2
      else break
    }
    if (words.slice(to, to + 3).join(' ') === 'and a half') to += 3
    else if (words[from] === 'half' && to === from + 1 && words[to] === 'a') to += 1
    if (to > from + 1 || words[from] !== 'one') stretches.push({ from, to })
    from = to
  }
  return stretches
}

function overlaps(stretch: Stretch, found: Found): boolean {
  for (const { from, to } of found.values()) if (stretch.from < to && from < stretch.to) return true
  return false
}

/** Name in the templates -> slot of the domain. */
function slotsNamedBy(domain: Domain, intent: DomainIntent): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const visit = (node: TemplateNode): void => {
    if (node.kind === 'slot') found.set(node.as ?? node.slot, node.slot)
    else if (node.kind === 'sequence') node.items.forEach(visit)
    else if (node.kind === 'choice') node.options.forEach(visit)
    else if (node.kind === 'optional') visit(node.item)
    else if (node.kind === 'phrase') {
      const phrase = domain.phrases[node.phrase]
      if (phrase !== undefined) visit(phrase)
    }
  }
  intent.templates.forEach(visit)
  return found
}
