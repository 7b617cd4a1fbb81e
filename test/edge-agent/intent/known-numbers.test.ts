import { expect, it } from 'vitest'
import { withKnownNumbers } from '../../../edge-agent/intent/known-numbers.ts'

const KNOWN = ['427', '432', '501', '42', '9120']
const read = (text: string): string =>
  withKnownNumbers(
    text.split(' ').map((word) => ({ word })),
    KNOWN,
  )
    .map(({ word }) => word)
    .join(' ')

it('words that sound like the digits of a number that is known are its digits', () => {
  expect(read('close job for two seven please')).toBe('close job four two seven please')
  expect(read('work order for three to')).toBe('work order four three two')
  expect(read('on to five oh won then')).toBe('on to five zero one then')
  expect(read('nine won too zero')).toBe('nine one two zero')
})

it('others stay as they are: unknown numbers, short ones, and where no word is a digit', () => {
  for (const text of [
    'order for two filters',
    'for two eight',
    'for to',
    'job for two',
    'for too',
    'five oh five',
  ])
    expect(read(text)).toBe(text)
  expect(withKnownNumbers([{ word: 'for' }, { word: 'to' }], ['42'])).toEqual([
    { word: 'for' },
    { word: 'to' },
  ])
  expect(withKnownNumbers([], KNOWN)).toEqual([])
})

it('a token keeps its place', () => {
  const tokens = [
    { word: 'for', start: 5, end: 8 },
    { word: 'two', start: 9, end: 12 },
    { word: 'seven', start: 13, end: 18 },
  ]
  expect(withKnownNumbers(tokens, KNOWN)[0]).toEqual({ word: 'four', start: 5, end: 8 })
})
