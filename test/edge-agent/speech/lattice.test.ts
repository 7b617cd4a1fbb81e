import { expect, test } from 'vitest'
import { bestSentences, endingRecords, posteriors } from '../../../edge-agent/speech/lattice.ts'
import { stableWords } from '../../../edge-agent/speech/stable-words.ts'
import { WordHistory } from '../../../edge-agent/speech/word-history.ts'

const [OPEN, CLOSE, PUMP, TANK] = [0, 1, 2, 3]
const PAUSE = -2

/** "open pump" at -10, "open tank" at -22, "close pump" at -40; states 0 begin, 1 after the verb, 2 end. */
function twoByTwo(): { history: WordHistory; open: number; close: number } {
  const history = new WordHistory(3)
  const open = history.push({ word: OPEN, frame: 10, before: -1, score: -4, state: 1, way: 1, bias: 0 })
  const close = history.push({ word: CLOSE, frame: 10, before: -1, score: -34, state: 1, way: 1, bias: 0 })
  history.push({ word: PUMP, frame: 20, before: open, score: -10, state: 2, way: 2, bias: 0 })
  history.push({ word: TANK, frame: 20, before: open, score: -22, state: 2, way: 2, bias: 0 })
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
  const open = history.push({ word: OPEN, frame: 10, before: -1, score: -4, state: 1, way: 1, bias: 0 })
  const later = history.push({ word: PAUSE, frame: 12, before: open, score: -6, state: 1, way: 1, bias: 0 })
  history.push({ word: PUMP, frame: 20, before: open, score: -10, state: 2, way: 2, bias: 0 })
  history.push({ word: PUMP, frame: 20, before: later, score: -11, state: 2, way: 2, bias: 0 })
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
  const early = history.push({ word: OPEN, frame: 9, before: -1, score: -5, state: 1, way: 1, bias: 0 })
  const late = history.push({ word: OPEN, frame: 10, before: -1, score: -4, state: 1, way: 1, bias: 0 })
  const pump = history.push({ word: PUMP, frame: 20, before: early, score: -10, state: 2, way: 2, bias: 0 })
  const tank = history.push({ word: TANK, frame: 20, before: late, score: -11, state: 2, way: 2, bias: 0 })
  expect(stableWords(history, [pump, tank])).toEqual([OPEN])
  expect(stableWords(history, [pump])).toEqual([OPEN, PUMP])
  expect(stableWords(history, [pump, -1])).toEqual([])
  expect(stableWords(history, [])).toEqual([])
})

test('compaction keeps the paths of live records and forgets old ones that lost', () => {
  const history = new WordHistory(2)
  const kept = history.push({ word: OPEN, frame: 1, before: -1, score: -1, state: 1, way: 1, bias: 0 })
  history.push({ word: CLOSE, frame: 1, before: -1, score: -2, state: 1, way: 1, bias: 0 })
  const pump = history.push({ word: PUMP, frame: 9_000, before: kept, score: -3, state: 1, way: 1, bias: 0 })
  const lost = history.push({ word: TANK, frame: 9_000, before: kept, score: -4, state: 1, way: 1, bias: 0 })
  const number = history.compact([pump], 9_000)
  expect([...number]).toEqual([0, -1, 1, 2])
  expect(history.trace(number[pump] ?? -1)).toEqual([
    { word: OPEN, from: 0, to: 1, decided: 1, gained: -1 },
    { word: PUMP, from: 1, to: 9_000, decided: 9_000, gained: -2 },
  ])
  expect(history.node(number[lost] ?? -1)).toBe(history.node(number[pump] ?? -1))
})
