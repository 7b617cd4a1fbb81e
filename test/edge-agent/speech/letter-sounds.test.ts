import { assert as check, property, string } from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { GraphoneModel, packGraphones } from '../../../edge-agent/speech/graphone-model.ts'
import { LetterSounds, MAX_GUESSES } from '../../../edge-agent/speech/letter-sounds.ts'
import { Lexicon } from '../../../edge-agent/speech/lexicon.ts'
import { phoneModel } from '../../../edge-agent/speech/phone-model.ts'
import { spell } from '../../../edge-agent/speech/spelling.ts'
import { alignedWords } from '../../../edge-agent/models/training/letters/alignment.ts'
import { errorsOf } from '../../../edge-agent/models/training/letters/errors.ts'
import { ngramTrie } from '../../../edge-agent/models/training/letters/kneser-ney.ts'

const read = (name: string) => readFileSync(new URL(name, MODEL_FOLDERS.speech))
const packed = read('letters.bin.br')
const sounds = new LetterSounds(packed)
const phones = phoneModel(read('phones.json').toString(), read('triphones.bin.br')).phones
const lexicon = new Lexicon({ lexicon: read('lexicon.txt.br'), letters: packed }, phones)
const spelled = (word: string) =>
  spell(word, lexicon).map((said) => said.map((phone) => phones[phone]).join(' '))

/** Three graphones: a|EY, b|B, b| (silent). */
const TINY = {
  graphones: [
    ['', ''],
    ['a', 'EY'],
    ['b', 'B'],
    ['b', ''],
  ] as [string, string][],
  golden: [],
}
const sequences = [
  [0, 1, 2, 0],
  [0, 2, 1, 0],
  [0, 1, 3, 0],
  [0, 1, 2, 1, 0],
]
const tiny = (golden: [string, string[]][] = []) => {
  const { trie, levels } = ngramTrie(sequences, { order: 3, leastGain: 0 })
  return packGraphones({ ...TINY, golden, levels: [...levels] }, trie)
}

describe('a word that no lexicon lists', () => {
  it('is said as its letters are said elsewhere', () => {
    expect(spelled('descaler')).toContain('D IH S K EY L ER')
    expect(spelled('viessmann')[0]).toBe('V IY S M AH N')
    expect(spelled('kubota')).toEqual(['K UW B OW T AH'])
  })

  it('is said letter by letter without a vowel, and part by part with a hyphen', () => {
    expect(spelled('plc')).toEqual(['P IY EH L S IY'])
    expect(spelled('pump-kubota')).toEqual(['P AH M P K UW B OW T AH'])
    expect(spelled('café')).toEqual(spelled('cafe'))
    expect(spelled('—')).toEqual([])
  })

  it('has at most three sounds, likeliest first, whatever its letters are', () => {
    check(
      property(string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
        const guesses = sounds.guess(text)
        expect(guesses.length).toBeLessThanOrEqual(MAX_GUESSES)
        expect(guesses.map(({ share }) => share)).toEqual(
          guesses.map(({ share }) => share).toSorted((a, b) => b - a),
        )
        for (const { phones: said } of guesses) expect(lexicon.parse(said)).toBeDefined()
      }),
    )
  })
})

describe('a letter-to-sound file', () => {
  it('is refused when it is damaged or cut short', () => {
    expect(() => new LetterSounds(packed.subarray(0, packed.length - 100))).toThrow(
      /damaged: it cannot be unpacked/,
    )
    expect(() => new LetterSounds(read('language.bin.br'))).toThrow(/damaged: it does not begin as one/)
  })

  it('is refused when a golden word comes out otherwise', () => {
    const said = new LetterSounds(tiny()).guess('ab').map((guess) => guess.phones)
    expect(new LetterSounds(tiny([['ab', said]])).guess('ab').map((guess) => guess.phones)).toEqual(said)
    expect(() => new LetterSounds(tiny([['ab', ['B EY']]]))).toThrow(/golden word “ab” came out as EY/)
  })

  it('gives all that may follow a probability of one together, after any history', () => {
    const model = new GraphoneModel(tiny())
    const all = (state: number): number =>
      [0, 1, 2, 3].reduce((sum, graphone) => sum + Math.exp(model.step(state, graphone).log), 0)
    const after = (...graphones: number[]): number =>
      graphones.reduce((state, graphone) => model.step(state, graphone).state, model.start)
    // Figures are kept in sixteenths of a nat.
    for (const state of [after(), after(1), after(1, 2), after(3, 3), after(2, 1, 2)])
      expect(Math.abs(all(state) - 1)).toBeLessThan(0.04)
  })
})

describe('learning how letters sound', () => {
  it('finds which letters stand for which phones', () => {
    const words = [
      ['phone', 'F OW N'],
      ['photo', 'F OW T OW'],
      ['ten', 'T EH N'],
      ['note', 'N OW T'],
      ['tone', 'T OW N'],
      ['no', 'N OW'],
      ['pot', 'P AA T'],
      ['hot', 'HH AA T'],
      ['neon', 'N IY AA N'],
    ].map(([letters = '', said = '']) => ({ letters, phones: said.split(' ') }))
    const [phone] = alignedWords(words, () => undefined)
    expect(phone?.slice(0, 2)).toEqual(['ph|F', 'o|OW'])
    expect(alignedWords([{ letters: 'a', phones: ['B', 'C', 'D'] }], () => undefined)).toEqual([null])
  })

  it('counts a word right by any way that the lexicon says it', () => {
    const words = [
      { word: 'a', says: ['AH', 'EY'] },
      { word: 'ab', says: ['AE B'] },
    ]
    expect(errorsOf(words, (word) => (word === 'a' ? ['EY'] : ['AE P', 'AE B']))).toEqual({
      words: 2,
      phoneError: 0.3333,
      wordError: 0.5,
      anyGuessError: 0,
      guessesPerWord: 1.5,
    })
  })
})
