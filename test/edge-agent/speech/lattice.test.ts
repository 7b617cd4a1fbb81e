import { expect, test } from 'vitest'
import { bestSentences, endingRecords, posteriors } from '../../../edge-agent/speech/lattice.ts'
import { stableWords } from '../../../edge-agent/speech/stable-words.ts'
import { WordHistory } from '../../../edge-agent/speech/word-history.ts'

const [OPEN, CLOSE, PUMP, TANK] = [0, 1, 2, 3]
const PAUSE = -2

/** Word, the record before, score, state. */
function pushed(
  history: WordHistory,
  frame: number,
  record: readonly [number, number, number, number],
): number {
  history.now(frame)
  return history.push(...record)
}

/** "open pump" at -10, "open tank" at -22, "close pump" at -40; states 0 begin, 1 after the verb, 2 end. */
function twoByTwo(): { history: WordHistory; open: number; close: number } {
  const history = new WordHistory(3)
  const open = pushed(history, 10, [OPEN, -1, -4, 1])
  const close = pushed(history, 10, [CLOSE, -1, -34, 1])
  pushed(history, 20, [PUMP, open, -10, 2])
  pushed(history, 20, [TANK, open, -22, 2])
  return { history, open, close }
}

const isEnd = (state: number): boolean => state === 2

test('the n best sentences come in order, with those that lost at a join', () => {
  const { history } = twoByTwo()
  const found = bestSentences(history, endingRecords(history, 20, isEnd), 4)
  expect(found.map(({ words }) => words)).toEqual([
    [OPEN, PUMP],
    [OPEN, TANK],
    [CLOSE, PUMP],
    [CLOSE, TANK],
  ])
  expect(found.map(({ score }) => score)).toEqual([-10, -22, -40, -52])
})

test('sentences that differ in their pauses alone are one', () => {
  const history = new WordHistory(3)
  const open = pushed(history, 10, [OPEN, -1, -4, 1])
  const later = pushed(history, 12, [PAUSE, open, -6, 1])
  pushed(history, 20, [PUMP, open, -10, 2])
  pushed(history, 20, [PUMP, later, -11, 2])
  expect(bestSentences(history, endingRecords(history, 20, isEnd), 5)).toEqual([
    { words: [OPEN, PUMP], score: -10 },
  ])
})

test('posteriors at one place sum to one, and the likelier word has more', () => {
  const { history } = twoByTwo()
  const ends = endingRecords(history, 20, isEnd)
  const span = (word: number, from: number, to: number) => ({ word, from, to, decided: to, gained: 0 })
  const [open = 0, pump = 0] = posteriors(history, ends, [span(OPEN, 0, 10), span(PUMP, 10, 20)])
  const [close = 0, tank = 0] = posteriors(history, ends, [span(CLOSE, 0, 10), span(TANK, 10, 20)])
  expect(open + close).toBeCloseTo(1)
  expect(pump + tank).toBeCloseTo(1)
  expect(open).toBeGreaterThan(pump)
  expect(pump).toBeGreaterThan(0.7)
})

test('a lattice without an end has no sentence and no posterior', () => {
  const { history } = twoByTwo()
  expect(bestSentences(history, [], 3)).toEqual([])
  expect(posteriors(history, [], [{ word: OPEN, from: 0, to: 10, decided: 10, gained: 0 }])).toEqual([0])
})

test('words are stable when every path has them, however their times differ', () => {
  const history = new WordHistory(3)
  const early = pushed(history, 9, [OPEN, -1, -5, 1])
  const late = pushed(history, 10, [OPEN, -1, -4, 1])
  const pump = pushed(history, 20, [PUMP, early, -10, 2])
  const tank = pushed(history, 20, [TANK, late, -11, 2])
  expect(stableWords(history, [pump, tank])).toEqual([OPEN])
  expect(stableWords(history, [pump])).toEqual([OPEN, PUMP])
  expect(stableWords(history, [pump, -1])).toEqual([])
  expect(stableWords(history, [])).toEqual([])
})

test('compaction keeps the paths of live records and forgets old ones that lost', () => {
  const history = new WordHistory(2)
  const kept = pushed(history, 1, [OPEN, -1, -1, 1])
  pushed(history, 1, [CLOSE, -1, -2, 1])
  const pump = pushed(history, 9_000, [PUMP, kept, -3, 1])
  const lost = pushed(history, 9_000, [TANK, kept, -4, 1])
  const number = history.compact([pump], 9_000)
  expect([...number]).toEqual([0, -1, 1, 2])
  expect(history.trace(number[pump] ?? -1)).toEqual([
    { word: OPEN, from: 0, to: 1, decided: 1, gained: -1 },
    { word: PUMP, from: 1, to: 9_000, decided: 9_000, gained: -2 },
  ])
  expect(history.node(number[lost] ?? -1)).toBe(history.node(number[pump] ?? -1))
})
