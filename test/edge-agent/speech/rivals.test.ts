/** What an open word follows: of the words that ended where it begins, the one that the language model likes best before it. */
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { BeamSearch } from '../../../edge-agent/speech/beam-search.ts'
import { compileGrammar } from '../../../edge-agent/speech/grammar-compiler.ts'
import { LanguageModel } from '../../../edge-agent/speech/language-model.ts'
import { Lexicon } from '../../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../../edge-agent/speech/model-files.ts'
import { OpenWords } from '../../../edge-agent/speech/open-words.ts'
import { Rivals } from '../../../edge-agent/speech/rivals.ts'
import { TUNING } from '../../../edge-agent/speech/tuning.ts'
import { ROOT, WordHistory } from '../../../edge-agent/speech/word-history.ts'
import { chanceScores } from '../../support/chance-scores.ts'

const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
const model = files.phones
const language = new LanguageModel(files.language)
const net = compileGrammar(
  {
    graph: {
      start: 0,
      stateCount: 2,
      finals: new Set([1]),
      arcs: [{ from: 0, to: 1, word: null, logWeight: 0, open: 'words' }],
    },
    pronunciations: {},
    openVocabulary: [],
    dictation: false,
    background: false,
    tuning: TUNING,
    guess: false,
  },
  { model, lexicon: new Lexicon(files, model.phones), language },
)
const PAUSE = -1
const BEAMS = { unit: 60, word: 60, maxUnits: 3_000 }

/** A search over scores that mean nothing: many words end everywhere. */
function searched(seed: number, frames: number): { search: BeamSearch; open: OpenWords } {
  const open = new OpenWords(language, net, TUNING.open)
  const search = new BeamSearch(net, { model, beams: BEAMS, open, bias: null })
  for (const scores of chanceScores(model.senoneCount, { seed, spread: 12, frames })) search.step(scores, 0)
  return { search, open }
}

describe('what an open word follows', () => {
  it('is never worse than any other that ended there, the word itself counted', () => {
    let [followed, chosen] = [0, 0]
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { search, open } = searched(seed, 60)
        const { history } = search
        const rivals = new Rivals(history, { open, gain: () => 0, stateCount: net.stateCount })
        for (let record = 0; record < history.count; record++) {
          const [word, before] = [history.word(record), history.before(record)]
          if (word < 0 || before < 0) continue
          const total = (after: number): number =>
            history.score(after) + open.score(open.after(history, after), word)
          const others = rivals.of(before).rivals.map(({ record: other }) => other)
          followed++
          if (others[0] !== before) chosen++
          for (const other of others) expect(total(other)).toBeLessThanOrEqual(total(before) + 1e-6)
        }
      }),
      { numRuns: 4, examples: [[7]] },
    )
    // Otherwise nothing would have been shown.
    expect(followed).toBeGreaterThan(1_000)
    expect(chosen).toBeGreaterThan(10)
  }, 60_000)
})

describe('the rivals of a record', () => {
  const open = new OpenWords(language, net, TUNING.open)
  const history = new WordHistory(4)
  const push = (word: number, o: { before?: number; score: number; frame: number; state?: number }): number =>
    history.push({ word, before: ROOT, state: 0, bias: 0, ...o, way: o.state ?? 0 })
  const early = push(1, { score: -1, frame: 10 })
  const a = push(2, { before: early, score: -40, frame: 20 })
  const b = push(3, { before: early, score: -30, frame: 20 })
  const same = push(3, { before: early, score: -35, frame: 20 })
  const elsewhere = push(4, { before: early, score: -20, frame: 20, state: 1 })
  const paused = push(PAUSE, { before: early, score: -32, frame: 20 })
  const later = push(5, { before: b, score: -50, frame: 21 })

  it('end when and where it does, best first, each pair of last words once', () => {
    const rivals = new Rivals(history, { open, gain: () => 0, stateCount: 2 })
    const of = (record: number): readonly number[] =>
      rivals.of(record).rivals.map(({ record: rival }) => rival)
    expect(of(a)).toEqual([b, paused, a])
    expect(of(same)).toEqual([b, paused, a])
    expect(of(later)).toEqual([later])
    expect(of(elsewhere)).toEqual([elsewhere])
    expect(of(ROOT)).toEqual([ROOT])
    expect(rivals.of(a).rivals[0]).toEqual({ record: b, score: -30, standing: open.after(history, b) })
  })

  it('are few, and looked up anew once they were forgotten', () => {
    const many = new WordHistory(1)
    for (let word = 0; word < 40; word++)
      many.push({ word, before: ROOT, state: 0, way: 0, bias: 0, score: -word, frame: 5 })
    const rivals = new Rivals(many, { open, gain: () => 0, stateCount: 1 })
    const found = rivals.of(20)
    expect(found.rivals.map(({ record }) => record)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(rivals.of(3)).toBe(found)
    rivals.clear()
    expect(rivals.of(3)).not.toBe(found)
    expect(rivals.of(3)).toEqual(found)
  })

  it('are followed by a word as it scores best, a call’s own list counted', () => {
    const word = net.wordLanguage.findIndex((id) => id > 0)
    const score = (record: number, gain = 0): number =>
      history.score(record) + open.score(open.after(history, record), word) + gain
    const plain = new Rivals(history, { open, gain: () => 0, stateCount: 2 })
    const best = [b, paused, a].reduce((one, other) => (score(other) > score(one) ? other : one))
    expect(plain.followed(plain.of(a), word)).toEqual({ record: best, score: score(best) })
    expect(plain.followed(plain.of(a), word)).toBe(plain.followed(plain.of(b), word))
    const listed = new Rivals(history, { open, gain: (_, record) => (record === a ? 100 : 0), stateCount: 2 })
    expect(listed.followed(listed.of(b), word)).toEqual({ record: a, score: score(a, 100) })
  })
})
