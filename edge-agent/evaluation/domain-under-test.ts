/** The domain that an evaluation measures: what can be heard, and what a sentence means in it. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse as parseYaml } from 'yaml'
import { StarlingError } from '../../shared/errors.ts'
import { compileDomain } from '../grammar/compile.ts'
import { parseDomain } from '../grammar/domain.ts'
import { TextMatcher } from '../grammar/match-text.ts'
import { wordGraphOf } from '../grammar/net.ts'
import { OPEN_VOCABULARY } from '../intent/open-vocabulary.ts'
import { expressionGraph, readSlots } from '../speech/expressions.ts'
import { wordsOf } from '../intent/normalise.ts'
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
}

export class DomainUnreadable extends StarlingError {
  override readonly code = 'domain_unreadable'
}

/** The format of published command benchmarks. */
const ExpressionsFile = v.object({
  context: v.object({
    expressions: v.record(v.string(), v.array(v.string())),
    slots: v.record(v.string(), v.array(v.string())),
  }),
})

/** Throws {@link DomainUnreadable}, or DomainRefused with the place of the fault. */
export function openDomainUnderTest(path: string): DomainUnderTest {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new DomainUnreadable(`the domain ${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the path of a domain file.',
      cause,
    })
  }
  return ofExpressions(text) ?? ofDomain(text)
}

function ofExpressions(text: string): DomainUnderTest | undefined {
  if (!/^context:/m.test(text)) return undefined
  const { context } = v.parse(ExpressionsFile, parseYaml(text))
  const expressions = { intents: context.expressions, slots: context.slots }
  return {
    name: 'expressions',
    load: async (recogniser, grammar) => {
      await recogniser.loadGrammar(grammar, expressionGraph(expressions), {}, { guess: true })
    },
    understand: (said) => readSlots(expressions, said) ?? null,
  }
}

function ofDomain(text: string): DomainUnderTest {
  const domain = parseDomain(text)
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
  }
}
