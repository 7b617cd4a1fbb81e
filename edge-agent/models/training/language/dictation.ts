/**
 * The step of the dictation recipe: `node dictation.js SPHINX SPEECH OUT`; `npm run train -- dictation` runs it. CMU's general English
 * trigrams, cut down, with the speech model's own of field notes mixed in.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../../../shared/digest.ts'
import { LanguageModel, packLanguage } from '../../../speech/language-model.ts'
import { listedWords } from './listed-words.ts'
import { mixed } from './mixing.ts'
import { pruned } from './pruning.ts'
import { readSphinxTrie } from './sphinx-trie.ts'

/** What ships: some four megabytes. */
const KEPT = { words: 45_000, bigrams: 1_200_000, trigrams: 800_000 }
/** Of field notes. */
const OWN_SHARE = 0.1

const [sphinx = '', speech = '', out = ''] = process.argv.slice(2)
const listed = listedWords(readFileSync(join(speech, 'lexicon.txt.br')))
const whole = readSphinxTrie(readFileSync(sphinx))
console.log(`${whole.words.length} words, ${whole.bigrams.first.length} bigrams and ${whole.trigrams.first.length} trigrams are there`)
const general = new LanguageModel(packLanguage(pruned(whole, KEPT, (word) => listed.has(word))))
const own = new LanguageModel(readFileSync(join(speech, 'language.bin.br')))
const tables = mixed([
  { model: general, share: 1 - OWN_SHARE },
  { model: own, share: OWN_SHARE },
])
const packed = packLanguage(tables)
const counts = { words: tables.words.length - 1, bigrams: tables.bigramWord.length, trigrams: tables.trigramWord.length }
writeFileSync(join(out, 'dictation.bin.br'), packed)
writeFileSync(join(out, 'card.json'), `${JSON.stringify(cardOf(), null, 1)}\n`)
console.log(`${counts.words} words, ${counts.bigrams} bigrams and ${counts.trigrams} trigrams are kept: ${packed.length} bytes`)

function cardOf(): object {
  return {
    name: 'starling-dictation-en',
    version: '1.1.0',
    title: 'English trigrams with back-off for dictation: general English, and field notes beside it',
    file: 'dictation.bin.br',
    sha256: sha256Hex(packed),
    licence: 'BSD-2-Clause',
    data: [
      {
        source:
          "en-us.lm.bin of Debian's pocketsphinx-en-us 0.8+5prealpha+1-15, by Carnegie Mellon University and Alpha Cephei Inc.; on what text it was counted its makers do not say",
        licence: 'BSD-2-Clause',
        share: 1 - OWN_SHARE,
        sha256: sha256Hex(readFileSync(sphinx)),
      },
      {
        source: "the speech model's own language.bin.br (language-card.json)",
        licence: 'Apache-2.0',
        share: OWN_SHARE,
        sha256: sha256Hex(readFileSync(join(speech, 'language.bin.br'))),
      },
    ],
    recipe: 'npm run train -- dictation; the same bytes from the same two files',
    counts,
    intendedUse: 'Tells words apart in dictation (`starling transcribe --dictation`, `starling speech eval` without a domain).',
    limits:
      'The likeliest words of the base that the lexicon can say, and of its grams those whose loss changes most. Figures are by `npm run bench -- speech-dictation`, on a synthetic voice that reads everyday sentences. Of people three kinds were heard: orders of coffee, which it does not suit (half of their words are wrong, as with the whole base); 95 prompts of a telephone exchange, read by one professional speaker (23 % of 1,238 words wrong, 31 % by pocketsphinx with the whole base); 160 lines that the actors of a game speak, in eleven kilohertz and mostly British (48 % of 1,168 words, 65 % by pocketsphinx). People who talk as they do among friends were not heard at all.',
  }
}
