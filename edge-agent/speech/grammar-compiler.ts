/** From a word graph to the network that is searched: words looked up, open arcs widened, triphones spread. */
import { WordsUnknown } from './errors.ts'
import type { Lexicon, Pronunciation } from './lexicon.ts'
import type { GrammarSource } from './messages.ts'
import type { PhoneModel } from './phone-model.ts'
import { searchNetwork, type SearchNetwork } from './search-network.ts'
import { sentenceGraph } from './sentence-graph.ts'
import { spell } from './spelling.ts'
import type { Tuning } from './tuning.ts'

/** Throws {@link WordsUnknown}, naming every word without a pronunciation, or GrammarRefused. */
export function compileGrammar(
  source: GrammarSource,
  model: PhoneModel,
  lexicon: Lexicon,
): { net: SearchNetwork; tuning: Tuning } {
  const dictionary = new Map<string, readonly Pronunciation[]>()
  const unknown: string[] = []
  const find = (word: string): readonly Pronunciation[] => {
    const known = dictionary.get(word)
    if (known !== undefined) return known
    const found = pronunciations(word, source, lexicon)
    dictionary.set(word, found)
    return found
  }
  for (const { word } of source.graph.arcs)
    if (word !== null && !dictionary.has(word) && find(word).length === 0) unknown.push(word)
  const heard = source.openVocabulary.filter((word) => find(word).length > 0)
  const named = source.graph.arcs.filter((arc) => arc.open !== undefined).map((arc) => arc.word)
  const missing = unknown.filter((word) => !named.includes(word))
  if (missing.length > 0)
    throw new WordsUnknown(`no pronunciation is known for: ${missing.join(', ')}`, {
      remedy: 'Give each of these words a pronunciation, for instance "P AH M P", in the domain file.',
      details: { words: missing },
    })
  const graph = sentenceGraph(source.graph, { words: heard, logWeight: source.tuning.openWord })
  return { net: searchNetwork(graph, model, find, source.tuning.costs), tuning: source.tuning }
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
