import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  sayAmount,
  sayDate,
  sayDecimal,
  sayMeasured,
  sayPartNumber,
} from '../../../edge-agent/inverse-text/spoken.ts'
import { MONTHS, UNITS } from '../../../edge-agent/inverse-text/tables.ts'
import { written } from '../../../edge-agent/inverse-text/written.ts'

test.each([
  ['the pressure is four point two bar', 'the pressure is 4.2 bar'],
  ['it was minus twelve degrees celsius outside', 'it was -12 °C outside'],
  ['two bolts are loose', 'two bolts are loose'],
  ['twenty seven bolts are loose', '27 bolts are loose'],
  ['order three hundred and forty of them', 'order 340 of them'],
  ['valve p one oh two dash b leaks', 'valve P102-B leaks'],
  ['work order four two seven is done', 'work order 427 is done'],
  ['come back on the third of march twenty twenty six', 'come back on 3 March 2026'],
  ['come back on june twenty first', 'come back on 21 June'],
  ['the seal costs twelve dollars and fifty cents', 'the seal costs $12.50'],
  ['the seal costs twelve euros fifty', 'the seal costs €12.50'],
  ['at ten thirty a m', 'at 10:30 am'],
  ['at seven p m', 'at 7:00 pm'],
  ['about ninety percent', 'about 90%'],
  ['the motor runs at fourteen hundred and fifty r p m', 'the motor runs at 1450 rpm'],
  ['we may need one more', 'we may need one more'],
  ['one of a kind', 'one of a kind'],
  ['it may', 'it may'],
  ['may', 'may'],
  ['nothing to write in digits here', 'nothing to write in digits here'],
  ['', ''],
])('“%s” is written “%s”', (said, text) => {
  expect(written(said)).toBe(text)
})

const decimal = fc
  .tuple(fc.boolean(), fc.nat(999_999), fc.option(fc.stringMatching(/^\d{1,3}$/), { nil: undefined }))
  .map(
    ([isNegative, whole, decimals]) =>
      `${isNegative ? '-' : ''}${whole}${decimals === undefined ? '' : `.${decimals}`}`,
  )

test('every number comes back from how it is said', () => {
  fc.assert(
    fc.property(
      decimal.filter((text) => text.includes('.') || Math.abs(Number(text)) > 9),
      (text) => {
        expect(written(sayDecimal(text))).toBe(text)
      },
    ),
  )
})

test('every number with its unit comes back', () => {
  fc.assert(
    fc.property(decimal, fc.constantFrom(...UNITS), (text, { symbol, tight }) => {
      const space = tight ? '' : ' '
      expect(written(`it says ${sayMeasured(text, symbol)} now`)).toBe(`it says ${text}${space}${symbol} now`)
    }),
  )
})

test('every date comes back', () => {
  const day = fc.record({
    day: fc.integer({ min: 1, max: 31 }),
    month: fc.integer({ min: 1, max: 12 }),
    year: fc.integer({ min: 1_910, max: 2_099 }),
  })
  fc.assert(
    fc.property(day, (date) => {
      const month = MONTHS[date.month - 1] ?? ''
      const text = `${date.day} ${month.slice(0, 1).toUpperCase()}${month.slice(1)} ${date.year}`
      expect(written(sayDate(date))).toBe(text)
    }),
  )
})

test('every amount comes back', () => {
  fc.assert(
    fc.property(fc.constantFrom('$', '€', '£'), fc.nat(99_999), fc.nat(99), (sign, major, minor) => {
      const text = `${sign}${major}${minor === 0 ? '' : `.${String(minor).padStart(2, '0')}`}`
      expect(written(sayAmount(sign, major, minor))).toBe(text)
    }),
  )
})

test('every part number comes back', () => {
  const part = fc.stringMatching(/^[A-Z]{1,3}\d{2,5}(?:-[A-Z\d]{1,3})?$/)
  fc.assert(
    fc.property(part, (text) => {
      expect(written(`seal ${sayPartNumber(text)}`)).toBe(`seal ${text}`)
    }),
  )
})

test('what is written takes words away and makes none up', () => {
  const word = fc.constantFrom(
    'the',
    'pump',
    'and',
    'of',
    'point',
    'a',
    'oh',
    'two',
    'forty',
    'hundred',
    'may',
    'third',
    'm',
    'bar',
    'dollars',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const text = written(words.join(' '))
      expect(text.split(' ').length).toBeLessThanOrEqual(Math.max(1, words.length))
      for (const left of text.split(' ').filter((one) => one === 'pump' || one === 'the'))
        expect(words).toContain(left)
    }),
  )
})
