/**
 * Makes the language model of dictation: walks through the project's own grammars of notes and of its domains, and the prose of
 * Perl's manual (Debian's perl-doc) as general English.
 *
 *     apt-get download perl-doc && dpkg -x perl-doc_*.deb perl-doc
 *     node dist/edge-agent/models/training/language/train.js perl-doc/usr/share/perl
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../../../shared/package-root.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { LanguageModel } from '../../../speech/language-model.ts'
import { Lexicon } from '../../../speech/lexicon.ts'
import { readModel } from '../../../speech/model-files.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { pick, seeded } from '../seeded.ts'
import { walker, withoutPoliteness } from '../walks.ts'
import { languageFile, type Weighted } from './ngrams.ts'
import { podSentences } from './pod-text.ts'

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

function pods(folder: string): string[][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.pod') && !path.endsWith('delta.pod'))
    .sort()
    .flatMap((path) => podSentences(readFileSync(join(folder, path), 'latin1')))
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
  return { perplexity: Math.exp(-sum / count), unknown: unknown / (count + unknown) }
}

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: train.js FOLDER_OF_PODS')
const random = seeded(SEED)
const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
const lexicon = new Lexicon(files, files.phones.phones)
const notes = walks('edge-agent/models/training/language/notes.yaml', NOTES, random, () => '')
const commands = walks('edge-agent/domains/field-service.yaml', COMMANDS, random, () => pick(notes, random).join(' '))
const prose = pods(folder)
const isSayable = new Map<string, boolean>()
const sayable = (word: string): boolean => {
  const known = isSayable.get(word) ?? lexicon.lookup(word).length > 0
  isSayable.set(word, known)
  return known
}
const all: Weighted[] = [...notes, ...commands, ...prose].map((words) => ({
  words: words.map((word) => (sayable(word) ? word : '')),
  weight: 1,
}))
const kept = all.filter((_, at) => at % HELD_OUT_EVERY !== 0)
const packed = languageFile(
  kept.map(({ words, weight }) => ({ words, weight })),
  LIMITS,
)
writeFileSync(new URL('language.bin.br', MODEL_FOLDERS.speech), packed)
const model = new LanguageModel(packed)
const words = (list: readonly (readonly string[])[]) => list.reduce((sum, { length }) => sum + length, 0)
const heldOut = (list: readonly string[][], offset: number) =>
  list.filter((_, at) => (at + offset) % HELD_OUT_EVERY === 0)
console.log(
  JSON.stringify(
    {
      bytes: packed.length,
      vocabulary: model.words.length,
      sources: {
        notes: { sentences: notes.length, words: words(notes), ...perplexity(model, heldOut(notes, 0)) },
        commands: {
          sentences: commands.length,
          words: words(commands),
          ...perplexity(model, heldOut(commands, notes.length)),
        },
        prose: {
          sentences: prose.length,
          words: words(prose),
          ...perplexity(model, heldOut(prose, notes.length + commands.length)),
        },
      },
    },
    null,
    2,
  ),
)
