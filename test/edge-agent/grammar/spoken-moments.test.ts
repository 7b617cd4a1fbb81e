import { assert as check, constantFrom, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { momentAt } from '../../../edge-agent/grammar/moment-clock.ts'
import { MONTHS, ORDINALS, readMoment, WEEKDAYS } from '../../../edge-agent/grammar/spoken-moments.ts'
import { sayCardinal } from '../../../edge-agent/grammar/spoken-numbers.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'

/** A Saturday, shortly before noon. */
const NOW = new Date(2026, 10, 21, 11, 48)
const at = (text: string, now = NOW) => {
  const moment = readMoment(wordsOf(text))
  return moment === null ? null : momentAt(moment, now)
}

describe('a day or a time', () => {
  test.each([
    ['today', '2026-11-21'],
    ['tomorrow', '2026-11-22'],
    ['the day after tomorrow', '2026-11-23'],
    ['on Monday', '2026-11-23'],
    ['saturday', '2026-11-21'],
    ['next Saturday', '2026-11-28'],
    ['last Monday', '2026-11-16'],
    ['last Saturday', '2026-11-14'],
    ['the fifth of March', '2027-03-05'],
    ['on March the fifth', '2027-03-05'],
    ['5 March', '2027-03-05'],
    ['March 5th', '2027-03-05'],
    ['the thirty first', '2026-12-31'],
    ['the twenty first of november', '2026-11-21'],
    ['the twenty ninth of february', '2028-02-29'],
    ['in three days', '2026-11-24'],
    ['in two weeks', '2026-12-05'],
    ['at three thirty', '2026-11-21T15:30'],
    ['at nine', '2026-11-22T09:00'],
    ["nine o'clock in the evening", '2026-11-21T21:00'],
    ['half past twelve', '2026-11-21T12:30'],
    ['quarter to one', '2026-11-21T12:45'],
    ['at twelve a m', '2026-11-22T00:00'],
    ['15:45', '2026-11-21T15:45'],
    ['at 3 pm', '2026-11-21T15:00'],
    ['noon', '2026-11-21T12:00'],
    ['in twenty minutes', '2026-11-21T12:08'],
    ['in half an hour', '2026-11-21T12:18'],
    ['tomorrow at half past nine', '2026-11-22T09:30'],
    ['at seven fifteen on Monday', '2026-11-23T07:15'],
    ['on the fifth of march at twenty past four', '2027-03-05T16:20'],
    ['tomorrow at eight in the evening', '2026-11-22T20:00'],
  ])('as said, “%s”, is %s', (text, wanted) => expect(at(text)).toBe(wanted))

  test.each([
    '',
    'three',
    'march',
    'the thirty second',
    'at twenty five',
    'tomorrow yesterday',
    'on',
    'at fifteen pm',
    'monday pump',
  ])('is none in “%s”', (text) => expect(at(text)).toBeNull())

  test('that no month has is none', () => {
    expect(at('the thirtieth of february')).toBeNull()
  })

  test('is reckoned over the end of a year, and over the hour that summer time leaves out', () => {
    expect(at('tomorrow', new Date(2026, 11, 31, 23, 59))).toBe('2027-01-01')
    expect(at('tomorrow at nine in the morning', new Date(2027, 2, 27, 12, 0))).toBe('2027-03-28T09:00')
  })
})

test('what is read as a moment is what the grammar hears as one', () => {
  const domain = parseDomain(
    'domain: calls\npolite: false\nslots: { when: { type: datetime } }\nintents:\n  call: { effectful: false, templates: ["call me {when}"] }\n',
  )
  const matcher = new TextMatcher(compileDomain(domain, { assets: [], parts: [], workOrders: [] }))
  const day = constantFrom(
    ['today'],
    ['on', ...(WEEKDAYS.slice(1, 2) as [string])],
    ['next', 'friday'],
    ...ORDINALS.map((said) => ['on', 'the', ...said, 'of', MONTHS[7] ?? '']),
    ...MONTHS.map((month) => [month, 'the', 'fourth']),
    ['in', 'five', 'weeks'],
  )
  const time = constantFrom(
    ...Array.from({ length: 59 }, (_, minute) => [
      'at',
      'three',
      ...(minute < 9 ? ['oh'] : []),
      ...sayCardinal(minute + 1),
    ]),
    ['at', 'half', 'past', 'nine', 'p', 'm'],
    ['at', 'ten', 'minutes', 'to', 'eleven'],
    ['by', 'noon'],
    ['six', "o'clock", 'in', 'the', 'morning'],
  )
  check(
    property(constantFrom('day', 'time', 'both', 'turned'), tuple(day, time), (order, [ofDay, ofTime]) => {
      const words =
        order === 'day'
          ? ofDay
          : order === 'time'
            ? ofTime
            : order === 'both'
              ? [...ofDay, ...ofTime]
              : [...ofTime, ...ofDay]
      expect(readMoment(words), words.join(' ')).not.toBeNull()
      expect(matcher.match(['call', 'me', ...words])?.slots, words.join(' ')).toEqual({
        when: words.join(' '),
      })
    }),
    { numRuns: 300 },
  )
})
