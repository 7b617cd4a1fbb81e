/**
 * From words to a wish. The domain's grammar reads what it can, with its slots; what it cannot read the classifier guesses,
 * and slots are looked for in the words. A guess is never as sure as a reading, and a wish that is negated is never acted on.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../shared/json.ts'
import type { ModelFacts } from '../turn/ports.ts'
import { compileDomain, type KnownNames } from '../grammar/compile.ts'
import type { Domain, DomainIntent } from '../grammar/domain.ts'
import { readDomainFile } from '../grammar/domain-file.ts'
import { DomainRefused } from '../grammar/domain-refused.ts'
import { TextMatcher } from '../grammar/match-text.ts'
import { wordGraphOf, type Net } from '../grammar/net.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import { openClassifier, type Classifier } from './classifier.ts'
import { wordsOf } from './normalise.ts'
import { spotSlots } from './spot-slots.ts'
import { OPEN_VOCABULARY } from './open-vocabulary.ts'

export const OUT_OF_SCOPE = 'out_of_scope'

/** A reading whose words are all the grammar's own. */
const READ_CONFIDENCE = 0.98
/** A reading with a name that the device does not know, or words that stand for anything. */
const OPEN_CONFIDENCE = 0.85
/** The most that a guess is trusted. */
const GUESS_CEILING = 0.85
/** A wish with a "not" in it that the grammar did not read. */
const NEGATED_CONFIDENCE = 0.3
const NEGATIONS: ReadonlySet<string> = new Set([
  "don't",
  'not',
  'never',
  "doesn't",
  "didn't",
  "won't",
  'without',
  'nobody',
])

export type MeantBy = {
  readonly intent: string
  readonly confidence: number
  readonly slots: JsonObject
  readonly missing: readonly string[]
  readonly effectful: boolean
  readonly route: 'grammar' | 'classifier'
}

export interface SpokenGrammar {
  readonly graph: WordGraph
  readonly pronunciations: Readonly<Record<string, readonly string[]>>
  readonly openVocabulary: readonly string[]
}

export interface Understanding {
  readonly model: ModelFacts
  readonly domain: Domain
  /** What can be heard, with the names that this device knows. */
  grammarFor(names: KnownNames): SpokenGrammar
  /** Throws `TextRefused` for a text that is too long. */
  understand(text: string, names: KnownNames): Promise<MeantBy>
  close(): Promise<void>
}

/** Opens the intent bundle in `dir`: classifier beside, domain under `domains/`. Throws what its parts throw. */
export async function openUnderstanding(
  dir: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Understanding> {
  const domain = readDomain(dir)
  const classifier = await openClassifier(dir, options)
  return new GrammarFirst(domain, classifier)
}

class GrammarFirst implements Understanding {
  readonly model: ModelFacts
  readonly domain: Domain
  readonly #classifier: Classifier
  #compiled: { readonly names: KnownNames; readonly net: Net; readonly matcher: TextMatcher } | null = null

  constructor(domain: Domain, classifier: Classifier) {
    this.domain = domain
    this.model = classifier.model
    this.#classifier = classifier
  }

  grammarFor(names: KnownNames): SpokenGrammar {
    const { pronunciations } = this.domain
    return { graph: wordGraphOf(this.#compile(names).net), pronunciations, openVocabulary: OPEN_VOCABULARY }
  }

  async understand(text: string, names: KnownNames): Promise<MeantBy> {
    const words = wordsOf(text)
    if (words.length === 0) return outOfScope(1, 'grammar')
    const read = this.#compile(names).matcher.match(words)
    const intent = this.domain.intents.find(({ name }) => name === read?.intent)
    if (read !== null && intent !== undefined) {
      const confidence =
        read.openWords === 0 || isOpenByDesign(intent, read.slots) ? READ_CONFIDENCE : OPEN_CONFIDENCE
      return meant(intent, { slots: read.slots, confidence, route: 'grammar' })
    }
    return await this.#guess(words, names)
  }

  async close(): Promise<void> {
    await this.#classifier.close()
  }

  async #guess(words: readonly string[], names: KnownNames): Promise<MeantBy> {
    const { guesses } = await this.#classifier.classify(words)
    const [best] = guesses
    const intent = this.domain.intents.find(({ name }) => name === best?.intent)
    if (best === undefined || intent === undefined) return outOfScope(best?.probability ?? 0, 'classifier')
    const slots = spotSlots(this.domain, intent, words, names)
    const isNegated = intent.effectful && words.some((word) => NEGATIONS.has(word))
    const confidence = isNegated
      ? Math.min(NEGATED_CONFIDENCE, best.probability)
      : Math.min(GUESS_CEILING, best.probability)
    return meant(intent, { slots, confidence, route: 'classifier' })
  }

  #compile(names: KnownNames) {
    if (this.#compiled?.names === names) return this.#compiled
    const net = compileDomain(this.domain, names)
    this.#compiled = { names, net, matcher: new TextMatcher(net) }
    return this.#compiled
  }
}

/** A note's text is open because it should be; a part's name is open because nobody knows it. */
function isOpenByDesign(intent: DomainIntent, slots: JsonObject): boolean {
  return slots['text'] !== undefined && intent.name !== 'part.order' && intent.name !== 'asset.look_up'
}

function meant(intent: DomainIntent, found: Pick<MeantBy, 'slots' | 'confidence' | 'route'>): MeantBy {
  const missing = intent.required.filter((slot) => found.slots[slot] === undefined)
  return { intent: intent.name, effectful: intent.effectful, missing, ...found }
}

function outOfScope(confidence: number, route: MeantBy['route']): MeantBy {
  return { intent: OUT_OF_SCOPE, confidence, slots: {}, missing: [], effectful: false, route }
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
