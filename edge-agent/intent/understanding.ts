/**
 * From words to wishes. One utterance may be several of the recogniser's guesses, take back what it said before, change the
 * wish before it, or hold several wishes. Doubt only ever lowers the confidence.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelFacts } from '../turn/ports.ts'
import { AMENDING, type KnownNames, listEntries } from '../grammar/compile.ts'
import type { Domain } from '../grammar/domain.ts'
import { readDomainFile } from '../grammar/domain-file.ts'
import { DomainRefused } from '../grammar/domain-refused.ts'
import { wordGraphOf } from '../grammar/net.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import { amended, type WishBefore } from './amend.ts'
import { openClassifier } from './classifier.ts'
import { expandedTokens, tokensOf } from './normalise.ts'
import { OPEN_VOCABULARY } from './open-vocabulary.ts'
import { repaired } from './repair.ts'
import { wishesIn } from './several.ts'
import { OUT_OF_SCOPE, outOfScope, type Said, type Wish } from './wish.ts'
import { WishReader, type ReadingMeans } from './wish-reader.ts'

/** What was taken back and is then guessed, not read, is asked back. */
const REPAIRED_CEILING = 0.6
/** So many of the recogniser's guesses are read. */
const MAX_ALTERNATIVES = 5
/** What is less likely to have been said is not read. */
const LEAST_SHARE = 0.05

/** What is known beside the text. */
export interface Beside {
  /** Other texts that it may have been, with their shares from 0 to 1; the text itself may be among them. */
  readonly alternatives?: readonly Alternative[]
  readonly before?: WishBefore | null
}

/** As the recogniser gives them. */
export type Alternative = { readonly text: string; readonly share: number }

export type MeantBy = Wish & {
  /** What is wished after it, in order. */
  readonly further: readonly Wish[]
  /** True when it changes the wish before. */
  readonly amends: boolean
  /** The text that was understood: another than was heard first, when only that could be read. */
  readonly text: string
}

export interface SpokenGrammar {
  readonly graph: WordGraph
  readonly pronunciations: Readonly<Record<string, readonly string[]>>
  readonly openVocabulary: readonly string[]
  /** What has a name of several words: what is heard freely is likelier to be said of it. */
  readonly names: readonly string[]
}

export interface Understanding {
  readonly model: ModelFacts
  readonly domain: Domain
  /** What can be heard, with the names that this device knows. */
  grammarFor(names: KnownNames): SpokenGrammar
  /** Throws `TextRefused` for a text that is too long. */
  understand(text: string, names: KnownNames, beside?: Beside): Promise<MeantBy>
  close(): Promise<void>
}

/**
 * Opens the intent bundle in `dir`: classifier beside, domain under `domains/`; `clock` is what “tomorrow” is reckoned from, in the
 * zone of its `Date`. Throws what its parts throw.
 */
export async function openUnderstanding(
  dir: string,
  options: { readonly signal?: AbortSignal; readonly clock?: () => Date } = {},
): Promise<Understanding> {
  const domain = readDomain(dir)
  const classifier = await openClassifier(dir, options)
  return new GrammarFirst(domain, { classifier, clock: options.clock ?? (() => new Date()) })
}

class GrammarFirst implements Understanding {
  readonly model: ModelFacts
  readonly domain: Domain
  readonly #means: ReadingMeans
  #reading: { readonly names: KnownNames; readonly reader: WishReader } | null = null

  constructor(domain: Domain, means: ReadingMeans) {
    this.domain = domain
    this.model = means.classifier.model
    this.#means = means
  }

  grammarFor(names: KnownNames): SpokenGrammar {
    const { pronunciations } = this.domain
    return {
      graph: wordGraphOf(this.#reader(names).net),
      pronunciations,
      openVocabulary: OPEN_VOCABULARY,
      names: namesIn(this.domain, names),
    }
  }

  async understand(text: string, names: KnownNames, beside: Beside = {}): Promise<MeantBy> {
    const { alternatives = [], before = null } = beside
    const reader = this.#reader(names)
    const first = await this.#read(reader, text, before)
    let best = first
    for (const other of alternatives.slice(0, MAX_ALTERNATIVES)) {
      // What was heard first stands when it can be read: a guess of the ear is no reason to wish something else.
      if (isSettled(best)) break
      if (other.text === text || other.share < LEAST_SHARE) continue
      const meant = await this.#read(reader, other.text, before)
      if (surenessOf(meant) > surenessOf(best)) best = meant
    }
    return best
  }

  async close(): Promise<void> {
    await this.#means.classifier.close()
  }

  async #read(reader: WishReader, text: string, before: WishBefore | null): Promise<MeantBy> {
    const said: Said = { text, tokens: tokensOf(text) }
    const one = { further: [], amends: false, text }
    if (said.tokens.length === 0) return { ...outOfScope(1, 'grammar'), ...one }
    const exact = reader.readExactly(said)
    if (exact !== null && exact.openWords === 0 && exact.wish.intent !== AMENDING)
      return { ...exact.wish, ...one }
    const change = before === null ? null : amended(reader, said, before)
    if (change !== null) return { ...change, ...one, amends: true }
    if (exact === null) {
      const rest = await repaired(reader, { ...said, tokens: expandedTokens(said.tokens) })
      if (rest !== null) {
        const { wish, isRead } = await reader.read(rest)
        return {
          ...wish,
          ...one,
          confidence: isRead ? wish.confidence : Math.min(wish.confidence, REPAIRED_CEILING),
        }
      }
    }
    const [first, ...further] = (await wishesIn(said, async (part) => await reader.read(part))).map(
      ({ wish }) => wish,
    )
    return first === undefined ? { ...outOfScope(1, 'grammar'), ...one } : { ...first, ...one, further }
  }

  #reader(names: KnownNames): WishReader {
    if (this.#reading?.names !== names)
      this.#reading = { names, reader: new WishReader(this.domain, names, this.#means) }
    return this.#reading.reader
  }
}

/** Read by the grammar, or as good as. */
function isSettled({ intent, route, missing }: Wish): boolean {
  return intent !== OUT_OF_SCOPE && route === 'grammar' && missing.length === 0
}

function surenessOf({ intent, confidence, missing }: Wish): number {
  return intent === OUT_OF_SCOPE ? 0 : confidence - (missing.length > 0 ? MISSING_COST : 0)
}
/** A reading that lacks something is less likely what was said. */
const MISSING_COST = 0.2

function namesIn(domain: Domain, known: KnownNames): readonly string[] {
  const said = Object.values(domain.slots).flatMap((spec) =>
    spec.type === 'list' ? listEntries(spec, known).flatMap(({ says }) => says) : [],
  )
  return [...new Set(said.filter((words) => words.length > 1).map((words) => words.join(' ')))]
}

function readDomain(dir: string): Domain {
  const folder = join(dir, 'domains')
  let names: string[] = []
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  } catch {
    // The error below says what is missing.
  }
  const [name, second] = names
  if (name === undefined || second !== undefined)
    throw new DomainRefused(
      { file: folder, place: null },
      `the bundle holds ${names.length} domains`,
      'Publish it with exactly one in domains/.',
    )
  return readDomainFile(join(folder, name))
}
