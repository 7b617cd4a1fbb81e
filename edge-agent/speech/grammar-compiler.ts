/** From a word graph to the network that is searched: words looked up, open arcs widened, triphones spread. */
import { overBackground } from '../grammar/background.ts'
import { withChoices } from './branching.ts'
import { WordsUnknown } from './errors.ts'
import type { Lexicon, Pronunciation } from './lexicon.ts'
import type { LanguageModel } from './language-model.ts'
import type { GrammarSource } from './messages.ts'
import { openWeight } from './open-words.ts'
import type { PhoneModel } from './phone-model.ts'
import { searchNetwork } from './network-build.ts'
import type { SearchNetwork } from './search-network.ts'
import { sentenceGraph } from './sentence-graph.ts'
import { spell } from './spelling.ts'
import type { Tuning } from './tuning.ts'
import { wordTree, type WordTree } from './word-tree.ts'

export interface Sounds {
  readonly model: PhoneModel
  readonly lexicon: Lexicon
  readonly language: LanguageModel
}

/** Throws {@link WordsUnknown}, naming every word without a pronunciation, or GrammarRefused. */
export function compileGrammar(source: GrammarSource, sounds: Sounds): SearchNetwork {
  const { model, lexicon, language } = sounds
  const dictionary = new Map<string, readonly Pronunciation[]>()
  const pronounce = (word: string): readonly Pronunciation[] => {
    const known = dictionary.get(word)
    if (known !== undefined) return known
    const found = pronunciations(word, source, lexicon)
    dictionary.set(word, found)
    return found
  }
  const named = new Set(source.graph.arcs.flatMap(({ word }) => word ?? []))
  const missing = [...named].filter((word) => pronounce(word).length === 0)
  if (missing.length > 0)
    throw new WordsUnknown(`no pronunciation is known for: ${missing.join(', ')}`, {
      remedy: 'Give each of these words a pronunciation, for instance "P AH M P", in the domain file.',
      details: { words: missing },
    })
  const hasSlots = source.graph.arcs.some((arc) => arc.open !== undefined)
  const isOpen = hasSlots || source.background
  const treeWords = isOpen ? openVocabulary(source, sounds) : []
  const graph = sentenceGraph(source.background ? overBackground(source.graph) : source.graph)
  return searchNetwork(isOpen ? withChoices(graph, source.tuning.open.choice) : graph, {
    model,
    pronounce,
    costs: source.tuning.costs,
    tree: isOpen ? treeOf(treeWords, { ...sounds, pronounce, open: source.tuning.open }) : null,
    treeWords,
    hasSlots,
    languageId: (word) => language.idOf(word),
  })
}

/** Every word of the lexicon, or those that the language model knows; and those that the grammar brings. */
function openVocabulary(source: GrammarSource, { lexicon, language }: Sounds): string[] {
  const usual = source.dictation ? lexicon.words() : language.words.slice(1)
  return [...new Set([...usual, ...source.openVocabulary])]
}

function treeOf(
  words: readonly string[],
  o: Sounds & {
    pronounce(word: string): readonly Pronunciation[]
    readonly open: Tuning['open']
  },
): WordTree {
  const known = words.flatMap((text, word) => {
    const weight = openWeight(o.language, o.language.idOf(text), o.open)
    return o.pronounce(text).map((phones) => ({ word, phones, weight }))
  })
  return wordTree(known, o.model)
}

function pronunciations(word: string, source: GrammarSource, lexicon: Lexicon): Pronunciation[] {
  const given = Object.hasOwn(source.pronunciations, word) ? (source.pronunciations[word] ?? []) : []
  const own = given.flatMap((phones) => {
    const parsed = lexicon.parse(phones)
    return parsed === undefined ? [] : [parsed]
  })
  if (own.length < given.length)
    throw new WordsUnknown(
      `the pronunciation of "${word}" names a phone that does not exist: ${given.join(' | ')}`,
      {
        remedy: 'Use the 39 phones of the CMU dictionary, separated by spaces, for instance "P AH M P".',
        details: { words: [word] },
      },
    )
  const found = [...own, ...lexicon.lookup(word)]
  if (found.length > 0) return found
  return source.guess ? spell(word, lexicon) : []
}
