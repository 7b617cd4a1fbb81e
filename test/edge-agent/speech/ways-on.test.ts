/** The lattice is exact: whatever the scores, its best sentence is the one that the search found, with the same score. */
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { BeamSearch } from '../../../edge-agent/speech/beam-search.ts'
import { compileGrammar } from '../../../edge-agent/speech/grammar-compiler.ts'
import { bestSentences } from '../../../edge-agent/speech/lattice.ts'
import { LanguageModel } from '../../../edge-agent/speech/language-model.ts'
import { Lexicon } from '../../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../../edge-agent/speech/model-files.ts'
import { OpenWords } from '../../../edge-agent/speech/open-words.ts'
import { TUNING } from '../../../edge-agent/speech/tuning.ts'
import { waysOn } from '../../../edge-agent/speech/ways-on.ts'
import { chanceScores } from '../../support/chance-scores.ts'

const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
const model = files.phones
const sounds = {
  model,
  lexicon: new Lexicon(files, model.phones),
  language: new LanguageModel(files.language),
}
/** Digits in any number: short words whose sounds depend on their neighbours, the hardest to join rightly. */
const WORDS = ['oh', 'one', 'two', 'three', 'seven', 'eight', 'twenty']
const net = compileGrammar(
  {
    graph: {
      start: 0,
      stateCount: 2,
      finals: new Set([1]),
      arcs: [0, 1].flatMap((from) => WORDS.map((word) => ({ from, to: 1, word, logWeight: -4 }))),
    },
    pronunciations: {},
    openVocabulary: [],
    dictation: false,
    background: false,
    tuning: TUNING,
    guess: false,
  },
  sounds,
)
const FRAMES = 70

function heard(
  seed: number,
  spread: number,
): { score: number; words: readonly number[]; lattice: ReturnType<typeof bestSentences> } {
  const open = new OpenWords(sounds.language, net, TUNING.open)
  const beams = { unit: 1e6, word: 1e6, maxUnits: 1e6 }
  const search = new BeamSearch(net, { model, beams, open, bias: null })
  for (const scores of chanceScores(model.senoneCount, { seed, spread, frames: FRAMES }))
    search.step(scores, 0)
  const path = search.best()
  const words = path.spans.filter(({ word }) => word >= 0).map(({ word }) => word)
  return { score: path.score, words, lattice: bestSentences(search.history, search.ends(), 3) }
}

it('gives the search’s own sentence as its best, whatever the scores', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 30 }), (seed, spread) => {
      const { score, words, lattice } = heard(seed, spread)
      expect(lattice[0]?.words).toEqual(words)
      expect(lattice[0]?.score).toBeCloseTo(score, 4)
      for (const { score: other } of lattice.slice(1)) expect(other).toBeLessThanOrEqual(score + 1e-4)
    }),
    { numRuns: 60, examples: [[210_878_420, 22]] },
  )
}, 30_000)

it('numbers the ways once for a network, and knows where a sentence may end', () => {
  const ways = waysOn(net)
  expect(waysOn(net)).toBe(ways)
  const ending = Array.from({ length: ways.count }, (_, way) => ways.isFinal(way)).filter(Boolean)
  expect(ending.length).toBeGreaterThan(0)
  expect(ending.length).toBeLessThan(ways.count)
})
