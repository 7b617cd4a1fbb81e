/**
 * What of an effect's input and output may be kept beside the journal. Restricted data is never kept, only its salted
 * digest. What identifies a person or an account is masked in everything else, since people read it out and recognisers
 * write it down: payment cards, bank accounts, e-mail addresses, telephone numbers.
 *
 * Names are not masked: who did what is what a journal is for, and a payload can be erased.
 */
import type { Json } from '../json.ts'
import type { DataClass } from './contract.ts'

interface Mask {
  /** Every repetition is bounded, so that no text makes it slow. */
  readonly pattern: RegExp
  readonly name: string
  readonly fits: (found: string) => boolean
}

const always = (): boolean => true

/** In this order: an account number may hold what looks like a card. */
const MASKS: readonly Mask[] = [
  { pattern: /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g, name: 'e-mail address', fits: always },
  {
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    name: 'account number',
    fits: isAccountNumber,
  },
  /** 13 to 19 digits, with the spaces or hyphens that people put between them. */
  { pattern: /\b\d(?:[ -]?\d){12,18}\b/g, name: 'card number', fits: isCardNumber },
  /** International form, or national with a separator: a bare run of digits may be the number of a part. */
  {
    pattern: /(?<![\w+.-])(?:(?:\+|00)\d(?:[ ()./-]{0,2}\d){7,13}|0\d{1,4}[ /-]\d(?:[ -]?\d){4,9})(?!\w)/g,
    name: 'telephone number',
    fits: always,
  },
]

/** Null when nothing may be kept. */
export function redacted(value: Json, dataClass: DataClass): Json | null {
  return dataClass === 'restricted' ? null : masked(value)
}

function masked(value: Json): Json {
  if (typeof value === 'string')
    return MASKS.reduce(
      (text, { pattern, name, fits }) =>
        text.replace(pattern, (found) => (fits(found) ? `[${name}]` : found)),
      value,
    )
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

/** The check of an IBAN (ISO 13616, by ISO 7064 mod 97-10). */
function isAccountNumber(text: string): boolean {
  const compact = text.replaceAll(' ', '')
  let rest = 0
  for (const character of compact.slice(4) + compact.slice(0, 4))
    rest = Number(`${rest}${Number.parseInt(character, 36)}`) % 97
  return rest === 1
}
