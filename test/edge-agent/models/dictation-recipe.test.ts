import { describe, expect, it } from 'vitest'
import { mixed } from '../../../edge-agent/models/training/language/mixing.ts'
import { languageFile } from '../../../edge-agent/models/training/language/ngrams.ts'
import { pruned } from '../../../edge-agent/models/training/language/pruning.ts'
import { readSphinxTrie } from '../../../edge-agent/models/training/language/sphinx-trie.ts'
import { LanguageModel, packLanguage } from '../../../edge-agent/speech/language-model.ts'
import { SMALL_MODEL, sphinxTrie } from './sphinx-trie-writer.ts'

const ALL = { words: 100, bigrams: 100, trigrams: 100 }
const everything = (): boolean => true
const modelOf = (kept = ALL): LanguageModel =>
  new LanguageModel(packLanguage(pruned(readSphinxTrie(sphinxTrie(SMALL_MODEL)), kept, everything)))

/** What all words and the end of the sentence share after a history: 1, but for steps of an eighth of a nat. */
function total(model: LanguageModel, before: string, last: string): number {
  const [a, b] = [before, last].map((word) => (word === '' ? 0 : model.idOf(word))) as [number, number]
  return model.words.reduce((sum, _, word) => sum + Math.exp(model.score(a, b, word)), 0)
}

/** Of a sum of many figures that are kept in eighths of a nat. */
const ROUNDING = 0.07
/** Of the log of one: two figures may have been added up. */
const LOG_ROUNDING = 0.13

describe('a language model in Sphinx’s binary format', () => {
  it('is read word by word and gram by gram', () => {
    const { words, unigramLog, unigramBack, bigrams, trigrams } = readSphinxTrie(sphinxTrie(SMALL_MODEL))
    expect(words).toEqual(SMALL_MODEL.words)
    SMALL_MODEL.unigrams.forEach(({ log, back }, word) => {
      expect(unigramLog[word]).toBeCloseTo(log, 3)
      expect(unigramBack[word]).toBeCloseTo(back, 3)
    })
    const pair = (at: number): string => [bigrams.first[at], bigrams.second[at]].join(' ')
    expect(Array.from(bigrams.log.keys(), pair)).toEqual(
      SMALL_MODEL.bigrams.map(({ words: two }) => two.join(' ')),
    )
    SMALL_MODEL.bigrams.forEach(({ log, back }, at) => {
      expect(bigrams.log[at]).toBeCloseTo(log, 3)
      expect(bigrams.back[at]).toBeCloseTo(back, 3)
    })
    expect(
      Array.from(
        trigrams.log.keys(),
        (at) => `${trigrams.first[at] ?? ''} ${pair(trigrams.ending[at] ?? 0)}`,
      ),
    ).toEqual(SMALL_MODEL.trigrams.map(({ words: three }) => three.join(' ')))
    SMALL_MODEL.trigrams.forEach(({ log }, at) => expect(trigrams.log[at]).toBeCloseTo(log, 3))
  })

  it('is refused when it is something else, or ends early', () => {
    expect(() => readSphinxTrie(new TextEncoder().encode('\\data\\'.repeat(10)))).toThrow(RangeError)
    const whole = sphinxTrie(SMALL_MODEL)
    expect(() => readSphinxTrie(whole.subarray(0, whole.length - 60))).toThrow(RangeError)
  })
})

describe('a model that is cut down', () => {
  it('foretells what the whole one does where nothing was cut', () => {
    const model = modelOf()
    const id = (word: string): number => model.idOf(word)
    expect(Math.abs(model.score(id('pump'), id('is'), id('dry')) + 0.2)).toBeLessThan(LOG_ROUNDING)
    expect(Math.abs(model.score(0, 0, id('the')) + 0.5)).toBeLessThan(LOG_ROUNDING)
  })

  it('still shares one whole among all words after any history, however much was cut', () => {
    for (const kept of [
      ALL,
      { words: 100, bigrams: 2, trigrams: 1 },
      { words: 3, bigrams: 1, trigrams: 0 },
    ]) {
      const model = modelOf(kept)
      const words = ['', ...model.words.slice(1)]
      for (const before of words)
        for (const last of words) expect(Math.abs(total(model, before, last) - 1)).toBeLessThan(ROUNDING)
    }
  })

  it('keeps the likeliest words, and of grams those that are missed most', () => {
    expect(modelOf({ words: 2, bigrams: 100, trigrams: 100 }).words).toEqual(['<s>', 'pump', 'the'])
    const model = modelOf({ words: 100, bigrams: 1, trigrams: 0 })
    expect([...model.grams()]).toEqual([{ before: -1, last: model.idOf('pump'), word: model.idOf('is') }])
  })

  it('has no word that cannot be said', () => {
    const tables = pruned(readSphinxTrie(sphinxTrie(SMALL_MODEL)), ALL, (word) => word !== 'pump')
    expect(tables.words).not.toContain('pump')
  })
})

describe('models that are mixed', () => {
  const own = new LanguageModel(
    languageFile([{ words: ['the', 'valve', 'is', 'dry'], weight: 4 }], {
      leastWord: 1,
      leastBigram: 1,
      leastTrigram: 1,
    }),
  )
  const general = modelOf()
  const both = new LanguageModel(
    packLanguage(
      mixed([
        { model: general, share: 0.75 },
        { model: own, share: 0.25 },
      ]),
    ),
  )

  it('foretell by their shares, each word that any of them knows', () => {
    const p = (model: LanguageModel, ...words: [string, string, string]): number =>
      model.idOf(words[2]) < 0
        ? 0
        : Math.exp(model.score(model.idOf(words[0]), model.idOf(words[1]), model.idOf(words[2])))
    for (const words of [
      ['pump', 'is', 'dry'],
      ['valve', 'is', 'dry'],
      ['the', 'pump', 'is'],
    ] as [string, string, string][])
      expect(
        Math.abs(Math.log(p(both, ...words) / (0.75 * p(general, ...words) + 0.25 * p(own, ...words)))),
      ).toBeLessThan(LOG_ROUNDING)
    expect(both.words).toContain('valve')
    expect(both.words).toContain('pump')
  })

  it('share one whole among all words', () => {
    for (const last of ['', 'the', 'valve', 'pump', 'is'])
      expect(Math.abs(total(both, '', last) - 1)).toBeLessThan(ROUNDING)
  })
})
