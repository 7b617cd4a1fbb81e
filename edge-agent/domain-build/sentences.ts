/**
 * What an intent model is trained and tried on: walks of the domain's templates, the same with what speakers and recognisers
 * do to a sentence, and sentences that want nothing of this domain. Whole templates' walks that were held back make the test set.
 */
import type { Domain } from '../grammar/domain.ts'
import type { KnownNames } from '../grammar/compile.ts'
import { COMMON_WORDS } from './common-words.ts'
import type { Random } from './random.ts'
import { synonymsOf } from './synonyms.ts'
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
/** What people put around a wish. */
const BEFORE = [
  'could you',
  'can you please',
  'would you',
  'i would like to',
  'i want to',
  'i need to',
  'i need you to',
  'can we',
  'let us',
  'is it possible to',
  'i would like you to',
  'please could you',
  'i am calling to',
  'hi',
  'hello i want to',
]
const AFTER = [
  'please',
  'for me',
  'right now',
  'now please',
  'thank you',
  'if you can',
  'today',
  'when you can',
]
const FILLERS = ['um', 'uh', 'so', 'well', 'okay', 'just', 'now', 'then', 'maybe', 'like', 'actually', 'hey']

export function makeSentences(domain: Domain, plan: SentencePlan): Sentences {
  const { random, outOfScope } = plan
  const train: Labelled[] = []
  const held: Labelled[] = []
  const test: Walk[] = []
  const walker = new Walker(domain, plan.names, random)
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

/** What speakers and recognisers do to a sentence: another frame, only its own words, one lost, doubled, moved or added. */
function noisy(words: readonly string[], random: Random): readonly string[] {
  const at = random.below(words.length)
  switch (random.below(8)) {
    case 0:
      return words.length > 2 ? words.toSpliced(at, 1) : words
    case 1:
      return words.toSpliced(at, 0, random.pick(FILLERS) ?? 'um')
    case 2:
      return words.toSpliced(at, 0, words[at] ?? '')
    case 3:
      return words.length > 2 && at + 1 < words.length
        ? words.toSpliced(at, 2, words[at + 1] ?? '', words[at] ?? '')
        : words
    case 4:
      return [...(random.pick(BEFORE) ?? '').split(' '), ...words]
    case 5:
      return [...words, ...(random.pick(AFTER) ?? '').split(' ')]
    case 6:
      return ownWords(words)
    default:
      return words
  }
}

/** Some words said otherwise. */
function otherWords(words: readonly string[], random: Random): readonly string[] {
  return words.flatMap((word) => {
    const others = synonymsOf(word)
    return others.length > 0 && random.next() < 0.5 ? (random.pick(others) ?? [word]) : [word]
  })
}

/** The sentence's own words among common ones: how people wrap a wish, nobody can foresee. */
function carried(words: readonly string[], random: Random): readonly string[] {
  const common = [...COMMON_WORDS]
  const some = (most: number): readonly string[] =>
    Array.from({ length: random.below(most + 1) }, () => random.pick(common) ?? '')
  return [...some(4), ...ownWords(words).flatMap((word) => [word, ...some(1)]), ...some(3)]
}

/** "large latte" of "can i have a large latte". */
function ownWords(words: readonly string[]): readonly string[] {
  const own = words.filter((word) => !COMMON_WORDS.has(word))
  return own.length === 0 ? words : own
}

/** Words of the domain in an order that nobody would say: they want nothing. */
function salad(vocabulary: readonly string[], count: number, random: Random): readonly (readonly string[])[] {
  return Array.from({ length: count }, () =>
    Array.from({ length: 4 + random.below(6) }, () => random.pick(vocabulary) ?? ''),
  )
}
