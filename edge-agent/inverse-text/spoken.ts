/** The other way round: how something written is said. For prompts that are read out, and to prove that nothing is lost. */
import { sayCardinal, sayDigits } from '../grammar/spoken-numbers.ts'
import { CURRENCIES, MONTHS, ORDINALS, UNITS } from './tables.ts'

export function sayDecimal(text: string): string {
  const [whole = '0', decimals] = text.replace('-', '').split('.')
  const words = [
    ...(text.startsWith('-') ? ['minus'] : []),
    ...sayCardinal(Number(whole)),
    ...(decimals === undefined ? [] : ['point', ...sayDigits(decimals)]),
  ]
  return words.join(' ')
}

/** `symbol` as in {@link UNITS}. */
export function sayMeasured(text: string, symbol: string): string {
  const unit = UNITS.find((known) => known.symbol === symbol)
  return `${sayDecimal(text)} ${unit?.says[0]?.join(' ') ?? symbol}`
}

/** Month from 1. */
export function sayDate(date: {
  readonly day: number
  readonly month: number
  readonly year: number
}): string {
  const { day, month, year } = date
  const ordinal = ORDINALS[day]
  const spokenDay =
    ordinal !== undefined && ordinal !== ''
      ? ordinal
      : `${day < 30 ? 'twenty' : 'thirty'} ${ORDINALS[day % 10] ?? ''}`
  return `the ${spokenDay} of ${MONTHS[month - 1] ?? ''} ${sayYear(year)}`
}

function sayYear(year: number): string {
  const [century, rest] = [Math.floor(year / 100), year % 100]
  if (year >= 2_000 && year < 2_010) return sayCardinal(year).join(' ')
  const tail = rest < 10 ? ['oh', ...sayDigits(String(rest))] : sayCardinal(rest)
  return [...sayCardinal(century), ...tail].join(' ')
}

/** Minor units are hundredths. */
export function sayAmount(sign: string, major: number, minor: number): string {
  const currency = CURRENCIES.find((known) => known.sign === sign)
  const words = [...sayCardinal(major), currency?.says[0] ?? '']
  if (minor > 0) words.push('and', ...sayCardinal(minor), currency?.minor[0] ?? '')
  return words.join(' ')
}

export function sayPartNumber(text: string): string {
  return Array.from(text.toLowerCase(), (sign) => {
    if (sign === '-') return 'dash'
    if (sign === '/') return 'slash'
    return /\d/.test(sign) ? sayDigits(sign).join('') : sign
  }).join(' ')
}
