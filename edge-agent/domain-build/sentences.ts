/**
 * What an intent model is trained and tried on: walks of the domain's templates, the same with what speakers and recognisers
 * do to a sentence, and sentences that want nothing of this domain. Whole templates' walks that were held back make the test set.
 */
import type { Domain } from '../grammar/domain.ts'
import type { KnownNames } from '../grammar/compile.ts'
import { COMMON_WORDS } from './common-words.ts'
import { carried, noisy, otherWords, salad } from './noise.ts'
import type { Random } from './random.ts'
import { Walker, type Walk } from './walks.ts'

export interface Sentences {
  readonly train: readonly Labelled[]
  /** For the temperature and the figures: none of them was trained on. */
  readonly held: readonly Labelled[]
  /** For whoever wants to try the domain: walks alone, none of them trained on. */
  readonly test: readonly Walk[]
}

export interface Labelled {
  readonly words: readonly string[]
  readonly intent: string
}

export interface SentencePlan {
  readonly names: KnownNames
  readonly random: Random
  readonly outOfScope: string
  /** Sentences that want nothing of any domain. */
  readonly elsewhere: readonly (readonly string[])[]
  /** True for words that the domain's grammar reads. */
  reads(words: readonly string[]): boolean
}

/** Walks of one intent, at most: a template with few ways to say it gives fewer. */
const WALKS_PER_INTENT = 150
/** Nonsense a sentence: more of it, and every new wording of a wish looks like nonsense. */
const SALAD_EVERY = 40
const TEST_PER_INTENT = 12
/** Every so many walks, one is held back. */
const HOLD_EVERY = 10

export function makeSentences(domain: Domain, plan: SentencePlan): Sentences {
  const { random, outOfScope } = plan
  const train: Labelled[] = []
  const held: Labelled[] = []
  const test: Walk[] = []
  const walker = new Walker(domain, { names: plan.names, random })
  for (const intent of domain.intents) {
    const walks = distinctWalks(() => walker.walk(intent, random.below(intent.templates.length)))
    const testCount = Math.min(TEST_PER_INTENT, Math.floor(walks.length / 4))
    test.push(...walks.slice(0, testCount))
    walks.slice(testCount).forEach(({ words }, index) => {
      const of = (made: readonly string[]): Labelled => ({ words: made, intent: intent.name })
      if (index % HOLD_EVERY === 0) held.push(of(noisy(words, random)))
      else
        train.push(
          of(words),
          of(noisy(words, random)),
          of(otherWords(words, random)),
          of(carried(otherWords(words, random), random)),
        )
    })
  }
  const vocabulary = [...new Set(train.flatMap(({ words }) => words))].toSorted()
  const foreign = [
    ...plan.elsewhere,
    ...salad(vocabulary, Math.ceil(train.length / SALAD_EVERY), random),
    ...salad([...COMMON_WORDS], Math.ceil(plan.elsewhere.length / 4), random),
  ].filter((words) => !plan.reads(words))
  random.shuffle(foreign).forEach((words, index) => {
    if (index % HOLD_EVERY === 0) held.push({ words, intent: outOfScope })
    else train.push({ words, intent: outOfScope })
  })
  return { train, held, test }
}

function distinctWalks(next: () => Walk | null): readonly Walk[] {
  const walks = new Map<string, Walk>()
  for (let tries = 0; tries < WALKS_PER_INTENT * 3 && walks.size < WALKS_PER_INTENT; tries += 1) {
    const walk = next()
    if (walk !== null) walks.set(walk.words.join(' '), walk)
  }
  return [...walks.values()]
}
