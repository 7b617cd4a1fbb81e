/** Reads one wish from words: by the domain's grammar where it can, else by the classifier, with slots looked for in the words. */
import { compileDomain, type KnownNames } from '../grammar/compile.ts'
import type { Domain, DomainIntent } from '../grammar/domain.ts'
import { TextMatcher, type TextMatch } from '../grammar/match-text.ts'
import type { Net } from '../grammar/net.ts'
import type { Classifier } from './classifier.ts'
import { delexicalised } from './delexicalise.ts'
import { doubtOf } from './doubts.ts'
import { expandedTokens, trimmed, type Token } from './normalise.ts'
import { withKnownNumbers } from './known-numbers.ts'
import { noteIn } from './note-text.ts'
import { SpokenNames } from './spoken-names.ts'
import { datedSlots, spotSlots, type Known } from './spot-slots.ts'
import { outOfScope, wishOf, type ReadSlots, type Said, type Wish } from './wish.ts'

/** A reading whose words are all the grammar's own. */
const READ_CONFIDENCE = 0.98
/** A reading with a name that the device does not know, which the classifier reads the same way. */
const OPEN_CONFIDENCE = 0.85
/** The same where something would be changed: asked back first. */
const OPEN_EFFECT_CONFIDENCE = 0.6
/** The most that a guess is trusted. */
const GUESS_CEILING = 0.92
/** Under it a guess that changes nothing is no guess: showing something unasked helps nobody. */
const IDLE_GUESS_FLOOR = 0.5
/** The most that a wish with a "not" in it is trusted, and one that is asked, put off or on a condition. */
const NEGATED_CONFIDENCE = 0.3
const UNSURE_CONFIDENCE = 0.5

export type Reading = {
  readonly wish: Wish
  /** True when the grammar reads every word, or leaves open only what is open by design: a note's text. */
  readonly isRead: boolean
  /** Words that stood for an open slot. */
  readonly openWords: number
  readonly words: number
  /** What the classifier gave its guess, before doubts and ceilings; 1 for a reading. */
  readonly surety: number
}

export interface ReadingMeans {
  readonly classifier: Classifier
  clock(): Date
}

/** One domain with the names of one device. */
export class WishReader {
  readonly net: Net
  readonly known: Known
  readonly #matcher: TextMatcher
  readonly #classifier: Classifier

  constructor(domain: Domain, names: KnownNames, means: ReadingMeans) {
    this.net = compileDomain(domain, names)
    this.known = {
      domain,
      names: new SpokenNames(domain, names),
      workOrders: names.workOrders,
      clock: () => means.clock(),
    }
    this.#matcher = new TextMatcher(this.net)
    this.#classifier = means.classifier
  }

  intent(name: string | undefined): DomainIntent | null {
    return this.known.domain.intents.find((intent) => intent.name === name) ?? null
  }

  /** By the grammar alone; null when it does not read every word. */
  readExactly(said: Said): Reading | null {
    for (const tokens of formsOf(said.tokens)) {
      const match = this.#matcher.match(tokens.map(({ word }) => word))
      const intent = this.intent(match?.intent)
      if (
        match === null ||
        intent === null ||
        (match.openWords > 0 && !isOpenByDesign(this.known.domain, match))
      )
        continue
      const wish = wishOf(
        intent,
        { ...said, tokens },
        { ...datedSlots(this.known, intent, match), confidence: READ_CONFIDENCE, route: 'grammar' },
      )
      return { wish, isRead: true, openWords: match.openWords, words: tokens.length, surety: 1 }
    }
    return null
  }

  async read(said: Said): Promise<Reading> {
    return this.readExactly(said) ?? (await this.#guess(said))
  }

  async #guess(said: Said): Promise<Reading> {
    const tokens = withKnownNumbers(expandedTokens(said.tokens), this.known.workOrders)
    const words = tokens.map(({ word }) => word)
    const { guesses } = await this.#classifier.classify(delexicalised(words, this.known.names))
    const [best] = guesses
    const intent = this.intent(best?.intent)
    const surety = best?.probability ?? 0
    const reading = { isRead: false, openWords: 0, words: tokens.length, surety }
    if (intent === null) return { ...reading, wish: outOfScope(surety, 'classifier') }
    if (!intent.effectful && surety < IDLE_GUESS_FLOOR)
      return { ...reading, wish: outOfScope(1 - surety, 'classifier') }
    const read = this.#spotted(intent, words)
    const unknown = Object.keys(read.slots).length === 0 ? this.#unknownName(intent, said) : null
    if (unknown !== null) return { ...reading, wish: unknown }
    const confidence = Math.min(surety, ceilingOf(intent, words))
    return {
      ...reading,
      wish: wishOf(intent, { ...said, tokens }, { ...read, confidence, route: 'classifier' }),
    }
  }

  #spotted(intent: DomainIntent, words: readonly string[]): ReadSlots {
    const read = spotSlots(this.known, intent, words)
    const note = intent.required.find((name) => this.known.domain.slots[name]?.type === 'text')
    if (note === undefined) return read
    const range = noteIn(words)
    const text = words.slice(range.from, range.to).join(' ')
    return { slots: { ...read.slots, [note]: text }, ranges: { ...read.ranges, [note]: range } }
  }

  /** A name that nobody knows may be no name at all: "show me the way" looks nothing up unless the classifier says so too. */
  #unknownName(intent: DomainIntent, said: Said): Wish | null {
    for (const tokens of formsOf(said.tokens)) {
      const match = this.#matcher.match(tokens.map(({ word }) => word))
      if (match === null || match.intent !== intent.name || match.openWords === 0) continue
      const confidence = intent.effectful ? OPEN_EFFECT_CONFIDENCE : OPEN_CONFIDENCE
      return wishOf(
        intent,
        { ...said, tokens },
        { ...datedSlots(this.known, intent, match), confidence, route: 'grammar' },
      )
    }
    return null
  }
}

/** As said, with contractions written out, and both without what people say around a wish. */
function formsOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const whole = expandedTokens(tokens)
  const forms = [tokens, whole, trimmed(tokens), trimmed(whole)].filter((form) => form.length > 0)
  // Most sentences have one form alone, and each is a search of the whole grammar.
  return [...new Map(forms.map((form) => [form.map(({ word }) => word).join(' '), form])).values()]
}

/** A note's text is open because it should be; a part's name is open because nobody knows it. */
function isOpenByDesign(domain: Domain, { slots }: TextMatch): boolean {
  const specs = Object.keys(slots).map((name) => domain.slots[name])
  const takesNames = specs.some((spec) => spec?.type === 'list' && spec.from !== undefined)
  return !takesNames && specs.some((spec) => spec?.type === 'text')
}

function ceilingOf(intent: DomainIntent, words: readonly string[]): number {
  if (!intent.effectful) return GUESS_CEILING
  const doubt = doubtOf(words)
  if (doubt === 'negated') return NEGATED_CONFIDENCE
  return doubt === 'unsure' && !intent.mayBeAsked ? UNSURE_CONFIDENCE : GUESS_CEILING
}
