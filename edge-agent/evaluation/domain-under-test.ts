/** The domain that an evaluation measures: what can be heard, and what a sentence means in it. */
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import { compileDomain } from '../grammar/compile.ts'
import { readDomainFile } from '../grammar/domain-file.ts'
import { TextMatcher } from '../grammar/match-text.ts'
import { wordGraphOf } from '../grammar/net.ts'
import { wordsOf } from '../intent/normalise.ts'
import { OPEN_VOCABULARY } from '../intent/open-vocabulary.ts'
import type { Hypothesis } from '../speech/hypothesis.ts'
import type { Recogniser } from '../speech/recogniser.ts'

export interface Reading {
  readonly intent: string
  readonly slots: Readonly<Record<string, unknown>>
}

export interface DomainUnderTest {
  readonly name: string
  load(recogniser: Recogniser, grammar: string): Promise<void>
  /** Null for what the domain cannot mean. */
  understand(text: string): Reading | null
  /** Whether a device would act on what was heard without asking back. */
  accepts(heard: Hypothesis, reading: Reading): boolean
}

/** The policy that ships says how sure a device must be of words that stand for anything. */
const { act: ACT } = fieldServicePolicy({ environment: 'development', version: 1, nowMs: 0 }).thresholds

/** Throws DomainRefused with the place of the fault. */
export function openDomainUnderTest(path: string): DomainUnderTest {
  const domain = readDomainFile(path)
  const net = compileDomain(domain, { assets: [], parts: [], workOrders: [] })
  const matcher = new TextMatcher(net)
  return {
    name: domain.name,
    load: async (recogniser, grammar) => {
      await recogniser.loadGrammar(grammar, wordGraphOf(net), domain.pronunciations, {
        guess: true,
        openVocabulary: OPEN_VOCABULARY,
      })
    },
    understand: (said) => matcher.match(wordsOf(said)),
    accepts: ({ kind, confidence, words }, { intent: name }) => {
      const own = domain.intents.find((intent) => intent.name === name)?.thresholds.act ?? null
      // What the grammar itself names was accepted or rejected when it was heard; open words fit nearly any sound.
      const least = own ?? (words.some(({ open }) => open) ? ACT : 0)
      return kind === 'heard' && confidence >= least
    },
  }
}
