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
import { delexicalised } from './delexicalise.ts'
import { doubtOf } from './doubts.ts'
import { expanded, trimmed, wordsOf } from './normalise.ts'
import { SpokenNames } from './spoken-names.ts'
import { spotSlots } from './spot-slots.ts'
import { OPEN_VOCABULARY } from './open-vocabulary.ts'

export const OUT_OF_SCOPE = 'out_of_scope'

/** A reading whose words are all the grammar's own. */
const READ_CONFIDENCE = 0.98
/** A reading with a name that the device does not know, which the classifier reads the same way. */
const OPEN_CONFIDENCE = 0.85
/** The same where something would be changed: asked back first. */
const OPEN_EFFECT_CONFIDENCE = 0.6
/** The most that a guess is trusted. */
const GUESS_CEILING = 0.85
/** Under it a guess that changes nothing is no guess: showing something unasked helps nobody. */
const IDLE_GUESS_FLOOR = 0.6
/** The most that a wish with a "not" in it is trusted, and one that is asked, put off or on a condition. */
const NEGATED_CONFIDENCE = 0.3
const UNSURE_CONFIDENCE = 0.5

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

interface Compiled {
  readonly names: KnownNames
  readonly net: Net
  readonly matcher: TextMatcher
  readonly spoken: SpokenNames
}

class GrammarFirst implements Understanding {
  readonly model: ModelFacts
  readonly domain: Domain
  readonly #classifier: Classifier
  #compiled: Compiled | null = null

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
    const said = wordsOf(text)
    if (said.length === 0) return outOfScope(1, 'grammar')
    const words = expanded(said)
    const compiled = this.#compile(names)
    const open: MeantBy[] = []
    for (const form of [said, words, trimmed(said), trimmed(words)]) {
      const read = form.length === 0 ? null : compiled.matcher.match(form)
      const intent = this.domain.intents.find(({ name }) => name === read?.intent)
      if (read === null || intent === undefined) continue
      const reading = { slots: read.slots, confidence: READ_CONFIDENCE, route: 'grammar' } as const
      if (read.openWords === 0 || isOpenByDesign(intent, read.slots)) return meant(intent, reading)
      open.push(
        meant(intent, {
          ...reading,
          confidence: intent.effectful ? OPEN_EFFECT_CONFIDENCE : OPEN_CONFIDENCE,
        }),
      )
    }
    const guess = await this.#guess(words, compiled)
    // A name that nobody knows may be no name at all: "show me the way" looks nothing up.
    return (
      open.find(({ intent }) => intent === guess.intent && Object.keys(guess.slots).length === 0) ?? guess
    )
  }

  async close(): Promise<void> {
    await this.#classifier.close()
  }

  async #guess(words: readonly string[], compiled: Compiled): Promise<MeantBy> {
    const { guesses } = await this.#classifier.classify(delexicalised(words, compiled.spoken))
    const [best] = guesses
    const intent = this.domain.intents.find(({ name }) => name === best?.intent)
    if (best === undefined || intent === undefined) return outOfScope(best?.probability ?? 0, 'classifier')
    if (!intent.effectful && best.probability < IDLE_GUESS_FLOOR)
      return outOfScope(1 - best.probability, 'classifier')
    const known = { domain: this.domain, names: compiled.spoken, workOrders: compiled.names.workOrders }
    const slots = spotSlots(known, intent, words)
    const confidence = Math.min(best.probability, ceilingOf(intent, words))
    return meant(intent, { slots, confidence, route: 'classifier' })
  }

  #compile(names: KnownNames): Compiled {
    if (this.#compiled?.names === names) return this.#compiled
    const net = compileDomain(this.domain, names)
    this.#compiled = {
      names,
      net,
      matcher: new TextMatcher(net),
      spoken: new SpokenNames(this.domain, names),
    }
    return this.#compiled
  }
}

/** A note's text is open because it should be; a part's name is open because nobody knows it. */
function isOpenByDesign(intent: DomainIntent, slots: JsonObject): boolean {
  return slots['text'] !== undefined && intent.name !== 'part.order' && intent.name !== 'asset.look_up'
}

function ceilingOf(intent: DomainIntent, words: readonly string[]): number {
  if (!intent.effectful) return GUESS_CEILING
  const doubt = doubtOf(words)
  if (doubt === 'negated') return NEGATED_CONFIDENCE
  return doubt === 'unsure' && !intent.mayBeAsked ? UNSURE_CONFIDENCE : GUESS_CEILING
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
