/** Which words a second pass may begin where. */
import { expect, it } from 'vitest'
import { NearbyWords } from '../../../../edge-agent/speech/second-pass/nearby-words.ts'
import { ROOT, WordHistory } from '../../../../edge-agent/speech/word-history.ts'

const [LONG, SHORT, LATE] = [3, 4, 5]

/** LONG ends in each of frames 20 to 26 and SHORT in two of them, both from the start; LATE follows LONG, from frame 26. */
function found(): NearbyWords {
  const words = new NearbyWords()
  const history = new WordHistory(1)
  let before = ROOT
  const push = (word: number, from: number, frame: number): number =>
    history.push({ word, before: from, frame, score: 0, state: 0, way: 0, bias: 0 })
  for (let frame = 20; frame <= 80; frame++) {
    const first = history.count
    if (frame <= 26) before = push(LONG, ROOT, frame)
    if (frame <= 21) push(SHORT, ROOT, frame)
    if (frame >= 70 && frame < 75) push(LATE, before, frame)
    words.take(history, first)
  }
  return words
}

it('begins a word around the moment that the first search found', () => {
  const words = found()
  const near = Array.from({ length: 60 }, (_, frame) => [...words.near(frame)])
  const framesOf = (word: number): number[] =>
    near.flatMap((list, frame) => (list.includes(word) ? [frame] : []))
  expect([framesOf(LONG).at(0), framesOf(LONG).at(-1)]).toEqual([0, 25])
  expect([framesOf(LATE).at(0), framesOf(LATE).at(-1)]).toEqual([1, 51])
})

it('leaves out what hardly ended', () => {
  const words = found()
  for (let frame = 0; frame < 60; frame++) expect([...words.near(frame)]).not.toContain(SHORT)
})

it('knows nothing of what was before it was cleared', () => {
  const words = found()
  words.near(0)
  words.clear()
  expect([...words.near(0)]).toEqual([])
})
