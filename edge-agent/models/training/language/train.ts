/**
 * The second step of the language recipe: `node train.js PROSE SPEECH OUT`; `npm run train -- language` runs it. Walks through the
 * project's own grammars of notes and of its domains, and the prose of Perl's manual (Debian's perl-doc) as general English.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../../../shared/digest.ts'
import { packageRoot } from '../../../../shared/package-root.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { LanguageModel } from '../../../speech/language-model.ts'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { walker, withoutPoliteness } from '../walks.ts'
import { listedWords } from './listed-words.ts'
import { languageFile, type Weighted } from './ngrams.ts'

const SEED = 5
const NOTES = 60_000
const COMMANDS = 6_000
const HELD_OUT_EVERY = 50
const LIMITS = { leastWord: 2, leastBigram: 1, leastTrigram: 2 }

function walks(path: string, count: number, random: () => number, open: () => string): string[][] {
  const domain = parseDomain(readFileSync(new URL(path, packageRoot()), 'utf8'))
  const names = { assets: [], parts: [], workOrders: [] }
  const found = new Set<string>()
  const each = Math.ceil(count / domain.intents.length)
  for (const intent of domain.intents) {
    const walk = walker(compileDomain({ ...domain, intents: [intent] }, names), random, open)
    for (let i = 0; i < each; i++) found.add(withoutPoliteness(walk() ?? ''))
  }
  return [...found].filter((text) => text !== '').map((text) => text.split(' '))
}

/** Log probability a word of sentences that the model has not seen, as perplexity. */
function perplexity(model: LanguageModel, sentences: readonly (readonly string[])[]): { perplexity: number; unknown: number } {
  let sum = 0
  let count = 0
  let unknown = 0
  for (const words of sentences) {
    const ids = [0, 0, ...words.map((word) => model.idOf(word)), 0]
    for (let at = 2; at < ids.length; at++) {
      const id = ids[at] ?? -1
      if (id < 0) {
        unknown++
        continue
      }
      sum += model.score(ids[at - 2] ?? -1, ids[at - 1] ?? -1, id)
      count++
    }
  }
  const round = (value: number, digits: number): number => Number(value.toFixed(digits))
  return { perplexity: round(Math.exp(-sum / count), 1), unknown: round(unknown / (count + unknown), 3) }
}

const [prosePath = '', speech = '', out = ''] = process.argv.slice(2)
const random = seeded(SEED)
const words = listedWords(readFileSync(join(speech, 'lexicon.txt.br')))
const notes = walks('edge-agent/models/training/language/notes.yaml', NOTES, random, () => '')
const commands = walks('edge-agent/domains/field-service.yaml', COMMANDS, random, () => pick(notes, random).join(' '))
const prose = readFileSync(prosePath, 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '))
const all: Weighted[] = [...notes, ...commands, ...prose].map((sentence) => ({
  words: sentence.map((word) => (words.has(word) ? word : '')),
  weight: 1,
}))
const packed = languageFile(
  all.filter((_, at) => at % HELD_OUT_EVERY !== 0),
  LIMITS,
)
writeFileSync(join(out, 'language.bin.br'), packed)
writeFileSync(join(out, 'language-card.json'), `${JSON.stringify(cardOf(new LanguageModel(packed)), null, 1)}\n`)
console.log(`${packed.length} bytes`)

function cardOf(model: LanguageModel): object {
  const sizeOf = (list: readonly (readonly string[])[]) => ({
    sentences: list.length,
    words: list.reduce((sum, { length }) => sum + length, 0),
  })
  const heldOut = (list: readonly string[][], offset: number): { perplexity: number; unknown: number } =>
    perplexity(
      model,
      list.filter((_, at) => (at + offset) % HELD_OUT_EVERY === 0),
    )
  return {
    name: 'starling-language-en',
    version: '1.0.0',
    title: 'English trigrams of field notes and technical prose, with back-off, for dictation and open words',
    file: 'language.bin.br',
    sha256: sha256Hex(packed),
    licence: 'Apache-2.0',
    data: [
      {
        source: 'walks through edge-agent/models/training/language/notes.yaml, written for this project',
        licence: 'Apache-2.0',
        ...sizeOf(notes),
      },
      {
        source: 'walks through edge-agent/domains/field-service.yaml, written for this project',
        licence: 'Apache-2.0',
        ...sizeOf(commands),
      },
      {
        source: "the prose of Perl's manual, Debian package perl-doc 5.36.0; counted, no text of it is kept",
        licence: 'GPL-1+ or Artistic',
        ...sizeOf(prose),
      },
    ],
    seed: SEED,
    recipe: 'npm run train -- language; the same file comes out of the same package and grammars',
    figures: {
      what: 'perplexity of every 50th sentence, which was left out of the counts; share of words that the model does not know',
      notes: heldOut(notes, 0),
      commands: heldOut(commands, notes.length),
      prose: heldOut(prose, notes.length + commands.length),
    },
    intendedUse: 'Tells words apart that sound alike, in notes and dictation on the device.',
    limits: `Small: ${model.words.length} words, and half of its text was made by templates, the rest by a programming manual. It knows how technicians note things down and little of how else people speak: no names, no news, no conversation. The figures on notes are of sentences from the templates that it was counted on, so real notes will be harder. Words of the lexicon that it has not seen can be dictated, but need to be heard very clearly. Nothing was measured on dictation by real people.`,
  }
}
