/**
 * What of an effect's input and output may be kept beside the journal. Restricted data is never kept, only its salted
 * digest; payment card numbers are masked in everything, since people read them out and recognisers write them down.
 */
import type { Json } from '../json.ts'
import type { DataClass } from './contract.ts'

/** 13 to 19 digits, with the spaces or hyphens that people put between them. */
const CARD_LIKE = /\b\d(?:[ -]?\d){12,18}\b/g

/** Null when nothing may be kept. */
export function redacted(value: Json, dataClass: DataClass): Json | null {
  return dataClass === 'restricted' ? null : masked(value)
}

function masked(value: Json): Json {
  if (typeof value === 'string')
    return value.replace(CARD_LIKE, (found) => (isCardNumber(found) ? '[card number]' : found))
  if (Array.isArray(value)) return value.map((item: Json) => masked(item))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item)]))
  return value
}

/** The Luhn check (ISO/IEC 7812-1, annex B). */
function isCardNumber(text: string): boolean {
  const digits = Array.from(text.replace(/\D/g, ''), Number).toReversed()
  const sum = digits.reduce((total, digit, at) => {
    const doubled = at % 2 === 0 ? digit : digit * 2
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}
