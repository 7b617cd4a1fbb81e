import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  readCardinal,
  readDigits,
  readNumber,
  sayCardinal,
  sayDigits,
  sayNumber,
} from '../../../edge-agent/grammar/spoken-numbers.ts'

const words = (text: string): string[] => text.split(' ')

describe('spoken numbers', () => {
  it('are read as they are said', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (value) => {
        expect(readCardinal(sayCardinal(value))).toBe(value)
      }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: -99_999, max: 99_999 }),
        fc.integer({ min: 0, max: 999 }),
        (whole, decimals) => {
          const value = Number(`${whole}.${decimals}`)
          expect(readNumber(sayNumber(value))).toBe(value)
        },
      ),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,12}$/), (digits) => {
        expect(readDigits(sayDigits(digits))).toBe(digits)
      }),
    )
  })

  it('are read in the other ways in which people say them', () => {
    const said: Record<string, string | null> = {
      'forty seven twelve': '4712',
      'four twenty seven': '427',
      'double five oh one': '5501',
      'triple two': '222',
      'four hundred twenty seven': '427',
      'four hundred and seven': '407',
      'one oh one': '101',
      'twenty oh five': '2005',
      'four two bananas': null,
      double: null,
    }
    for (const [text, digits] of Object.entries(said))
      expect([text, readDigits(words(text))]).toEqual([text, digits])
    const numbers: Record<string, number | null> = {
      'four point two': 4.2,
      'point five': 0.5,
      'minus twelve': -12,
      'a hundred and five': 105,
      'two thousand and ten': 2010,
      '42.5': 42.5,
      'one two zero': 120,
      point: null,
      hundred: null,
      'four point': null,
    }
    for (const [text, value] of Object.entries(numbers))
      expect([text, readNumber(words(text))]).toEqual([text, value])
  })

  it('refuse to say what is out of range', () => {
    for (const value of [-1, 1_000_000, 1.5]) expect(() => sayCardinal(value)).toThrow(RangeError)
  })
})
