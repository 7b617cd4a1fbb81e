/**
 * What the intent classifier learns from: walks through the domain's templates, hand-written sentences, and sentences
 * that want nothing from us. Each is tokens as the classifier gets them, so that a text is normalised
 * in one place only.
 */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import { packageRoot } from '../../../../shared/package-root.ts'
import { seededRandom, type Random } from '../../../domain-build/random.ts'
import { Walker } from '../../../domain-build/walks.ts'
import { AMENDING, compileDomain } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { TextMatcher } from '../../../grammar/match-text.ts'
import { delexicalised } from '../../../intent/delexicalise.ts'
import { expanded, wordsOf } from '../../../intent/normalise.ts'
import { SpokenNames } from '../../../intent/spoken-names.ts'
import { OUT_OF_SCOPE } from '../../../intent/wish.ts'
import { heldBackReader } from './held-back.ts'
import { FREE_TEXTS, TRAINING_NAMES } from './names.ts'

export interface Sentence {
  readonly intent: string
  /** The template that it was walked from, as file and place; what was written by hand stands for itself. */
  readonly template: string
  readonly isWritten: boolean
  readonly tokens: readonly string[]
}

const PER_TEMPLATE = 60
/** Of the frames with a foreign thing in them. */
const FOREIGN = 3_000
/** Of foreign things, made-up words that are in no language. */
const NONCE_SHARE = 0.3

const FOLDER = 'edge-agent/models/training/intent'
const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')
const Line = v.pipe(v.string(), v.minLength(1))
const Written = v.strictObject({
  sentences: v.record(v.string(), v.array(Line)),
  frames: v.array(Line),
  foreign: v.array(Line),
})

const DOMAIN = 'edge-agent/domains/field-service.yaml'
/** Whose templates are walked. The banks have more ways of asking for the same, that are not heard word for word. */
export const TAUGHT_DOMAINS = [
  DOMAIN,
  `${FOLDER}/bank.yaml`,
  `${FOLDER}/bank-wider.yaml`,
  `${FOLDER}/bank-further.yaml`,
  `${FOLDER}/bank-weakest.yaml`,
  `${FOLDER}/bank-spoken.yaml`,
  `${FOLDER}/bank-broad.yaml`,
] as const

export function trainingSentences(seed: number): readonly Sentence[] {
  const random = seededRandom(seed)
  const domain = parseDomain(read(DOMAIN), DOMAIN)
  const spoken = new SpokenNames(domain, TRAINING_NAMES)
  const grammar = new TextMatcher(compileDomain(domain, TRAINING_NAMES))
  const isHeldBack = heldBackReader()
  const found = new Map<string, Sentence>()
  const tell = (text: string, sentence: Omit<Sentence, 'tokens'>): void => {
    const tokens = tokensOf(text, spoken)
    const key = `${sentence.intent} ${tokens.join(' ')}`
    if (tokens.length === 0 || found.has(key) || isHeldBack(tokens)) return
    // What the grammar reads as another wish never comes to the classifier: it would only be taught to waver.
    const match = grammar.match(wordsOf(text))
    if (match !== null && match.openWords === 0 && match.intent !== sentence.intent) return
    found.set(key, { ...sentence, tokens })
  }
  const written = v.parse(Written, parse(read(`${FOLDER}/paraphrases.yaml`)))
  for (const [intent, texts] of Object.entries(written.sentences))
    for (const text of texts) tell(text, { intent, template: `written ${text}`, isWritten: true })
  for (const path of TAUGHT_DOMAINS) walkAll(parseDomain(read(path), path), random, tell)
  for (let made = 0; made < FOREIGN; made += 1) {
    const frame = random.pick(written.frames) ?? ''
    const thing = random.next() < NONCE_SHARE ? nonce(random) : (random.pick(written.foreign) ?? '')
    tell(frame.replace('X', thing), { intent: OUT_OF_SCOPE, template: `frame ${frame}`, isWritten: false })
  }
  return [...found.values()]
}

/** Tokens in `< >` are written as such by hand, and are no words. */
function tokensOf(text: string, spoken: SpokenNames): readonly string[] {
  const words = text
    .split(/(<[a-z]+>)/)
    .flatMap((part) => (part.startsWith('<') ? [part] : expanded(wordsOf(part))))
  return delexicalised(words, spoken)
}

function walkAll(domain: Domain, random: Random, tell: (text: string, sentence: Omit<Sentence, 'tokens'>) => void): void {
  const walker = new Walker({ ...domain, polite: false }, { names: TRAINING_NAMES, random, texts: FREE_TEXTS })
  for (const intent of domain.intents.filter(({ name }) => name !== AMENDING))
    for (const at of intent.templates.keys())
      for (let tries = 0; tries < PER_TEMPLATE; tries += 1) {
        const words = walker.walk(intent, at)?.words ?? []
        tell(words.join(' '), {
          intent: intent.name,
          template: `${domain.name} ${intent.name} ${at}`,
          isWritten: false,
        })
      }
}

/** A word that is in no language: what the classifier must not take for a thing of ours. */
function nonce(random: Random): string {
  const letter = (letters: string): string => letters[random.below(letters.length)] ?? ''
  return Array.from({ length: 2 + random.below(2) }, () => letter('bcdfghjklmnprstvwz') + letter('aeiou')).join('')
}
