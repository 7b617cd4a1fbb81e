/** How each word of a domain sounds, and where that is known from; guesses are for a person to check. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Domain } from '../grammar/domain.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import type { ExtraPronunciations, Lexicon, Pronunciation } from '../speech/lexicon.ts'
import { spell } from '../speech/spelling.ts'

export type SoundSource = 'domain' | 'dictionary' | 'letters'

export interface LexiconEntry {
  readonly word: string
  readonly source: SoundSource
  /** Phones of the CMU dictionary, each variant a string. */
  readonly phones: readonly string[]
}

export interface DomainLexicon {
  /** By word. */
  readonly entries: readonly LexiconEntry[]
  /** Words with no pronunciation at all: they can be typed, and not heard. */
  readonly unheard: readonly string[]
}

const FileSchema = v.record(
  v.string(),
  v.object({ source: v.picklist(['domain', 'dictionary', 'letters']), phones: v.array(v.string()) }),
)

/** The guessed words of a built folder; none where it has no lexicon of its own. Throws when the file is damaged. */
export function readGuesses(dir: string): ExtraPronunciations {
  const path = join(dir, 'lexicon.json')
  if (!existsSync(path)) return {}
  const words = v.parse(FileSchema, JSON.parse(readFileSync(path, 'utf8')))
  return Object.fromEntries(
    Object.entries(words).flatMap(([word, { source, phones }]) =>
      source === 'letters' ? [[word, phones]] : [],
    ),
  )
}

export function domainLexicon(
  domain: Domain,
  graph: WordGraph,
  { lexicon, phoneNames }: { readonly lexicon: Lexicon; readonly phoneNames: readonly string[] },
): DomainLexicon {
  const words = [...new Set(graph.arcs.flatMap(({ word }) => (word === null ? [] : [word])))].toSorted()
  const entries: LexiconEntry[] = []
  const unheard: string[] = []
  const written = (found: readonly Pronunciation[]): readonly string[] => [
    ...new Set(found.map((phones) => phones.map((phone) => phoneNames[phone] ?? '?').join(' '))),
  ]
  for (const word of words) {
    const own = Object.hasOwn(domain.pronunciations, word) ? (domain.pronunciations[word] ?? []) : []
    const known = lexicon.lookup(word)
    if (own.length > 0) entries.push({ word, source: 'domain', phones: own })
    else if (known.length > 0) entries.push({ word, source: 'dictionary', phones: written(known) })
    else {
      const guessed = written(spell(word, lexicon))
      if (guessed.length === 0) unheard.push(word)
      else entries.push({ word, source: 'letters', phones: guessed })
    }
  }
  return { entries, unheard }
}
