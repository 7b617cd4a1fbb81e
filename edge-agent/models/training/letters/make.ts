/** The one step of the letter-to-sound recipe: `node make.js LEXICON OUT`; `npm run train -- letters` runs it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../../../shared/digest.ts'
import { packGraphones } from '../../../speech/graphone-model.ts'
import { LetterSounds } from '../../../speech/letter-sounds.ts'
import { alignedWords, type Piece } from './alignment.ts'
import { errorsOf, type SoundErrors } from './errors.ts'
import { ngramTrie } from './kneser-ney.ts'
import { wordSets } from './words.ts'

/** Longer histories did not lower the error on held-out words; a lower gain only made the file larger. */
const ORDER = 6
const LEAST_GAIN = 0.5
/** A piece that is used less often is a slip of the lexicon's. */
const LEAST_USES = 3
/** Names of makers and of a trade, none of them in the lexicon. */
const GOLDEN = ['grundfos', 'viessmann', 'flowrex', 'kubota', 'zylometer', 'descaler', 'thermowell', "o'hallan"]

const [lexicon = '', out = '.'] = process.argv.slice(2)
const { taught, held } = wordSets(readFileSync(lexicon))
const words = taught.flatMap(({ word, says }) => says.map((phones) => ({ letters: word, phones: phones.split(' ') })))
console.log(`${words.length} ways to say ${taught.length} words; ${held.length} words are held back`)
const aligned = alignedWords(words, (round, rounds, log) =>
  console.log(`aligning: round ${round} of ${rounds}, log likelihood a word ${(log / words.length).toFixed(3)}`),
)
const usual = piecesUsed(aligned, LEAST_USES)
const kept = aligned.filter((row) => row !== null && row.length > 0 && row.every((piece) => usual.has(piece)))
const pieces = [...piecesUsed(kept, 1)].toSorted()
const ids = new Map(pieces.map((piece, at) => [piece, at + 1]))
const sequences = kept.map((row) => [0, ...(row ?? []).map((piece) => ids.get(piece) ?? 0), 0])
console.log(`${pieces.length} graphones; ${sequences.length} of ${words.length} ways are made of them`)
const { trie, levels } = ngramTrie(sequences, { order: ORDER, leastGain: LEAST_GAIN })
const graphones = [['', ''], ...pieces.map((piece) => piece.split('|'))].map(
  ([letters = '', phones = '']): [string, string] => [letters, phones],
)
const header = { graphones, levels: [...levels] }
const untried = new LetterSounds(packGraphones({ ...header, golden: [] }, trie))
const said = (sounds: LetterSounds, word: string): string[] => sounds.guess(word).map(({ phones }) => phones)
const golden = GOLDEN.map((word): [string, string[]] => [word, said(untried, word)])
const packed = packGraphones({ ...header, golden }, trie)
const sounds = new LetterSounds(packed)
const errors = errorsOf(held, (word) => said(sounds, word))
writeFileSync(join(out, 'letters.bin.br'), packed)
writeFileSync(join(out, 'letters-card.json'), `${JSON.stringify(cardOf(errors), null, 1)}\n`)
console.log(JSON.stringify({ bytes: packed.length, levels, ...errors }))

function cardOf(figures: SoundErrors): object {
  return {
    name: 'starling-letters-en',
    version: '1.0.0',
    title: 'How English words sound by their letters: graphones in an n-gram model',
    file: 'letters.bin.br',
    sha256: sha256Hex(packed),
    licence: 'BSD-2-Clause',
    languages: ['en'],
    intendedUse: 'Guesses up to three pronunciations of a word that the lexicon does not list: names, brands, a trade’s words.',
    limits:
      'American English, as the CMU dictionary writes it; names from other languages are said as an American reader might. One word at a time, at most forty letters; no stress. Relatives of held-out words (“pump”, “pumps”) may have been taught, so that wholly new words do worse than the figures.',
    data: [
      {
        source:
          'the words of lexicon.txt.br: the CMU dictionary as Debian packages it (pocketsphinx-en-us), Copyright (c) 1995-2014 Carnegie Mellon University, 2014-2015 Alpha Cephei Inc.',
        licence: 'BSD-2-Clause',
        words: taught.length,
        pronunciations: words.length,
        heldOut: held.length,
      },
    ],
    training: {
      recipe: 'npm run train -- letters',
      seed: 'none: nothing is drawn; held-out words are chosen by the digest of their letters',
      order: ORDER,
      graphones: pieces.length,
      ngrams: levels,
    },
    figures: {
      what: 'on held-out words: phone and word error of the first guess against the nearest listed pronunciation; share of words of which no guess is listed; `npm run bench -- letters` has rules beside them',
      ...figures,
    },
  }
}

function piecesUsed(rows: readonly (readonly Piece[] | null)[], least: number): ReadonlySet<Piece> {
  const uses = new Map<Piece, number>()
  for (const piece of rows.flatMap((row) => row ?? [])) uses.set(piece, (uses.get(piece) ?? 0) + 1)
  return new Set([...uses].flatMap(([piece, count]) => (count >= least ? [piece] : [])))
}
