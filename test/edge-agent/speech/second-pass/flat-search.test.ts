/** What the second search finds scores what it should: the sounds, the pauses and the language model, each counted by itself. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BeamSearch } from '../../../../edge-agent/speech/beam-search.ts'
import { BOUNDARY } from '../../../../edge-agent/speech/language-model.ts'
import { OpenWords } from '../../../../edge-agent/speech/open-words.ts'
import { wordAt } from '../../../../edge-agent/speech/search-network.ts'
import { FlatSearch } from '../../../../edge-agent/speech/second-pass/flat-search.ts'
import { TUNING } from '../../../../edge-agent/speech/tuning.ts'
import { chanceScores } from '../../../support/chance-scores.ts'
import { language, model, netOf } from './open-net.ts'

const WIDE = { unit: 400, word: 400, maxUnits: 100_000 }
const OPEN = { language: 3, word: -1, choice: 4 }
const WORDS = ['the', 'pump', 'is', 'leaking', 'a', 'valve', 'was', 'replaced', 'and', 'tank']
const FRAMES = 100
const net = netOf(['*'])
const words = WORDS.map((text) => {
  for (let word = 0; word < net.wordOpen.length; word++) if (wordAt(net, word)?.text === text) return word
  throw new Error(`${text} is not known`)
})

function scoresOf(seed: number): Float32Array[] {
  return Array.from(chanceScores(model.senoneCount, { seed, spread: 12, frames: FRAMES }), (frame) =>
    frame.slice(),
  )
}

function found(seed: number) {
  const open = new OpenWords(language, net, OPEN)
  const search = new FlatSearch(net, { model, beams: WIDE, open, bias: null })
  for (const scores of scoresOf(seed)) search.step(scores, 0, words)
  return search
}

/** Of a sentence whose words are known: what its sounds and pauses score at best, by the search over a grammar of it alone. */
function soundOf(texts: readonly string[], seed: number): number {
  const known = netOf([texts.join(' ')])
  const open = new OpenWords(language, known, OPEN)
  const search = new BeamSearch(known, { model, beams: WIDE, open, bias: null })
  for (const scores of scoresOf(seed)) search.step(scores, 0)
  const best = search.best()
  expect(best.complete).toBe(true)
  return best.score - texts.length * TUNING.costs.word
}

function logOf(texts: readonly string[]): number {
  const ids = [BOUNDARY, BOUNDARY, ...texts.map((text) => language.idOf(text))]
  return texts.reduce(
    (sum, _, at) =>
      sum + OPEN.word + OPEN.language * language.score(ids[at] ?? 0, ids[at + 1] ?? 0, ids[at + 2] ?? 0),
    0,
  )
}

it('scores its sentence as the sounds and the language model do, each by itself', () => {
  let said = 0
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const search = found(seed)
      const best = search.best()
      expect(best.complete).toBe(true)
      const texts = best.spans.flatMap(({ word }) => wordAt(net, word)?.text ?? [])
      said += texts.length
      const alone = soundOf(texts, seed) + logOf(texts)
      const score = search.history.score(best.end)
      // Never more than the best way to say it; less only where what follows a word best was not what its first sound follows best.
      expect(score).toBeLessThanOrEqual(alone + 0.01)
      expect(score).toBeGreaterThan(alone - 20)
      expect(best.spans.reduce((sum, { gained }) => sum + gained, 0)).toBeCloseTo(score, 6)
    }),
    { numRuns: 8, examples: [[7]] },
  )
  // Otherwise nothing would have been shown.
  expect(said).toBeGreaterThan(16)
}, 120_000)

it('begins only the words that it is given', () => {
  const search = found(7)
  const { history } = search
  const seen = new Set<number>()
  for (let record = 0; record < history.count; record++) seen.add(history.word(record))
  expect([...seen].filter((word) => word >= 0 && !words.includes(word))).toEqual([])
  expect(seen.size).toBeGreaterThan(words.length)
})

it('hears the same again after it was told to forget', () => {
  const search = found(3)
  const first = search.best()
  search.restart()
  expect(search.best().complete).toBe(false)
  for (const scores of scoresOf(3)) search.step(scores, 0, words)
  expect(search.best()).toEqual(first)
})
