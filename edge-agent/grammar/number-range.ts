/** A small range of numbers, each said out: what cannot be meant is not heard. */
import type { NumberRange } from './domain.ts'
import type { NetBuilder } from './net.ts'
import { DIGIT_WORDS, sayNumber } from './spoken-numbers.ts'

/** Also said for one of something. */
export const ONE_WORDS: readonly string[] = ['a', 'an', 'another']
/** Wider ranges are heard as any number and checked when they are read: their net would be larger than that of all numbers. */
const MOST_NUMBERS = 120
const POINT = -1
const AND = -0.3

export function isSmall(limits: NumberRange | null): limits is NumberRange {
  return limits !== null && limits.to - limits.from < MOST_NUMBERS
}

/** Adds every whole number of the range, with one decimal after each where `decimals`; `close` ends the slot. */
export function addRange(
  net: NetBuilder,
  begun: number,
  { limits, decimals }: { readonly limits: NumberRange; readonly decimals: boolean },
  close: (state: number) => void,
): void {
  const whole = net.state()
  const shared = new Map<string, number>()
  for (let value = limits.from; value <= limits.to; value += 1) {
    const words = sayNumber(value)
    net.arc(chain(net, begun, words, shared), whole, { kind: 'empty' })
    const hundred = words.indexOf('hundred')
    if (hundred < 0 || hundred + 1 === words.length) continue
    const said = chain(net, begun, words.toSpliced(hundred + 1, 0, 'and'), shared)
    net.arc(said, whole, { kind: 'empty' }, AND)
  }
  close(whole)
  if (!decimals && limits.from <= 1 && limits.to >= 1)
    for (const word of ONE_WORDS) close(net.words(begun, [word]))
  if (decimals && limits.from < limits.to) {
    const point = net.state()
    net.arc(whole, point, { kind: 'word', word: 'point' }, POINT)
    const decimal = net.state()
    for (const word of DIGIT_WORDS) net.arc(point, decimal, { kind: 'word', word })
    close(decimal)
  }
  const typed = net.state()
  net.arc(begun, typed, { kind: 'typed', text: null })
  close(typed)
}

/** The words after `from`, sharing what begins alike. */
function chain(net: NetBuilder, from: number, words: readonly string[], shared: Map<string, number>): number {
  let at = from
  let said = ''
  for (const word of words) {
    said = `${said} ${word}`
    const known = shared.get(said)
    const next = known ?? net.words(at, [word])
    shared.set(said, next)
    at = next
  }
  return at
}
