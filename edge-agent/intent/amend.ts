/**
 * What a speaker changes of the wish before: "no, five seven", "no, I meant unit two"; and the bare answer to a question for a
 * slot. Only words that are all slots of that wish, and words that lead in to them, count as a change of it.
 */
import type { Json, JsonObject } from '../../shared/json.ts'
import { isNumberWord, readNumber, sayCardinal } from '../grammar/spoken-numbers.ts'
import { expandedTokens, type Token } from './normalise.ts'
import { markerAt, withoutLead } from './repair.ts'
import { spotSlots, type Known } from './spot-slots.ts'
import { wishOf, type ReadSlots, type Said, type Wish } from './wish.ts'
import type { WishReader } from './wish-reader.ts'

/** The wish that was asked about, or carried out, a moment ago. */
export type WishBefore = {
  readonly intent: string
  readonly slots: JsonObject
  /** What was asked for. */
  readonly missing: readonly string[]
}

/** Every word of a change is read, but less was said than of a whole wish. */
const AMENDED_CONFIDENCE = 0.9
/** Where the value is put together from both: asked back. */
const PIECED_CONFIDENCE = 0.6
/** Words of a change that name no value. */
const BESIDE: ReadonlySet<string> = new Set(
  'the a an it is was that to at for on of i mean meant said make number unit order work job one please with not instead'.split(
    ' ',
  ),
)

/** Null when the words change nothing of `before`. */
export function amended(reader: WishReader, said: Said, before: WishBefore): Wish | null {
  const tokens = expandedTokens(said.tokens)
  const intent = reader.intent(before.intent)
  const marker = markerAt(tokens, 0)
  if (intent === null || (marker === null && before.missing.length === 0)) return null
  const rest = { ...said, tokens: withoutLead(tokens.slice(marker?.to ?? 0)) }
  if (rest.tokens.length === 0) return null
  const anew = reader.readExactly(rest)
  if (anew !== null && anew.wish.intent === before.intent)
    return completed(anew.wish, { ...before.slots, ...anew.wish.slots })
  if (anew !== null && !anew.wish.intent.startsWith('turn.')) return anew.wish
  const words = rest.tokens.map(({ word }) => word)
  const spotted = spotSlots(reader.known, intent, words)
  const isSpotted = Object.keys(spotted.slots).length > 0
  const read = isSpotted
    ? spotted
    : (numberedName(reader.known, before, words) ?? numberAlone(reader.known, before, words))
  if (read === null || !coversAll(read, rest.tokens)) return null
  const { slots, isPieced } = fitted(reader.known, before, read.slots)
  const confidence = isPieced ? PIECED_CONFIDENCE : AMENDED_CONFIDENCE
  const wish = wishOf(intent, rest, { slots, ranges: read.ranges, confidence, route: 'grammar' })
  return completed(wish, { ...before.slots, ...slots })

  function completed(change: Wish, all: JsonObject): Wish {
    const missing = (intent?.required ?? []).filter((slot) => all[slot] === undefined)
    return { ...change, slots: all, missing }
  }
}

function coversAll({ ranges }: ReadSlots, tokens: readonly Token[]): boolean {
  const covered = Object.values(ranges)
  return tokens.every(
    ({ word }, at) => BESIDE.has(word) || covered.some(({ from, to }) => at >= from && at < to),
  )
}

/** "unit two", of the steam boiler one: the steam boiler two. */
function numberedName(
  { names, domain }: Known,
  before: WishBefore,
  words: readonly string[],
): ReadSlots | null {
  const at = words.findIndex(isNumberWord)
  const number = words[at]
  if (number === undefined || isNumberWord(words[at + 1] ?? '')) return null
  const spoken = /^\d{1,3}$/.test(number) ? sayCardinal(Number(number)).join(' ') : number
  for (const [slot, value] of Object.entries(before.slots)) {
    if (typeof value !== 'string' || domain.slots[slot]?.type !== 'list') continue
    const other = value
      .split(' ')
      .map((word) => (isNumberWord(word) ? spoken : word))
      .join(' ')
    if (other !== value && names.valuesOf(slot).has(other))
      return { slots: { [slot]: other }, ranges: { [slot]: { from: at, to: at + 1 } } }
  }
  return null
}

/** "no, three", of two air filters: the one number that was said. */
function numberAlone({ domain }: Known, before: WishBefore, words: readonly string[]): ReadSlots | null {
  const from = words.findIndex(isNumberWord)
  const to = words.length - [...words].reverse().findIndex(isNumberWord)
  const numbers = Object.entries(before.slots).filter(([slot]) => domain.slots[slot]?.type === 'count')
  const [held] = numbers
  const value = from < 0 ? null : readNumber(words.slice(from, to))
  if (value === null || held === undefined || numbers.length > 1) return null
  return { slots: { [held[0]]: value }, ranges: { [held[0]]: { from, to } } }
}

/** Fewer digits than before replace its last ones; digits without a point keep its point. */
function fitted(
  known: Known,
  before: WishBefore,
  slots: JsonObject,
): { readonly slots: JsonObject; readonly isPieced: boolean } {
  let isPieced = false
  const fit = (value: Json, held: Json | undefined): Json => {
    if (typeof value === 'string' && typeof held === 'string' && /^\d+$/.test(value) && /^\d+$/.test(held)) {
      if (value.length >= held.length || known.workOrders.includes(value)) return value
      return held.slice(0, held.length - value.length) + value
    }
    if (typeof value !== 'number' || typeof held !== 'number') return value
    const decimals = String(held).split('.')[1]?.length ?? 0
    if (decimals === 0 || !Number.isInteger(value)) return value
    if (String(value).length !== String(held).replace(/\D/g, '').length) return value
    isPieced = true
    return Number((value / 10 ** decimals).toFixed(decimals))
  }
  const fitting = Object.entries(slots).map(
    ([slot, value]) => [slot, fit(value ?? null, before.slots[slot])] as const,
  )
  return { slots: Object.fromEntries(fitting), isPieced }
}
